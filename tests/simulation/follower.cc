#include "tests/simulation/follower.h"

#include "tests/simulation/failure.h"
#include "tests/support/reply_bytes.h"
#include "tests/support/stored_objects.h"
#include "tests/transcripts/runner/value.h"

namespace larder::simulation {
namespace {

server::NodeOptions follower_options(uint64_t seed) {
  server::NodeOptions options;
  options.seed = seed;
  options.role = server::Role::follower;
  return options;
}

bool holds_error(const transcripts::Value& value) {
  if (value.kind == transcripts::ValueKind::error) return true;
  for (const transcripts::Value& element : value.elements) {
    if (holds_error(element)) return true;
  }
  return false;
}

StoredValue stored_in(const storage::Entry& entry) {
  storage::NumberText scratch;
  if (!entry.is_object()) return {std::string(entry.text(scratch)), entry.deadline_ms()};
  return {{}, entry.deadline_ms(), entry.type(), support::elements_of(entry.object())};
}

std::string describe(const StoredValue& value) {
  if (!value.elements.empty()) {
    std::string text = "a collection of " + std::to_string(value.elements.size()) + ":";
    for (size_t i = 0; i < value.elements.size() && i < 20; ++i) {
      text += " " + transcripts::quote(std::string_view(value.elements[i]).substr(0, 20));
    }
    return text + " until " + std::to_string(value.deadline_ms);
  }
  return transcripts::quote(std::string_view(value.text).substr(0, 80)) + " (" +
         std::to_string(value.text.size()) + " bytes) until " + std::to_string(value.deadline_ms);
}

}  // namespace

Contents contents_of(server::Keyspace& keyspace) {
  Contents contents;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
      keyspace.shard(shard).for_each(database, [&](storage::Entry entry) {
        const bool is_new =
            contents.emplace(std::pair(database, std::string(entry.key())), stored_in(entry))
                .second;
        check(is_new, "one key is stored twice: " + std::string(entry.key()));
      });
    }
  }
  return contents;
}

Follower::Follower(server::Node& primary, uint64_t seed)
    : primary_(primary),
      node_(follower_options(seed)),
      dispatcher_(node_, 0, seed),
      offset_(primary.effect_log().end_offset()) {
  dispatcher_.environment().expiry_duty = &expiry_duty_;
  dispatcher_.environment().expiry = server::ExpiryMode::ignore;
  session_.authenticated = true;
  check(primary_.keyspace().try_lock(server::ShardSet::all()), "a shard is taken");
  copy_contents();
  primary_.effect_log().attach(*this);
  primary_.keyspace().unlock(server::ShardSet::all());
}

Follower::~Follower() {
  primary_.effect_log().detach(*this);
}

void Follower::copy_contents() {
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
      primary_.keyspace().shard(shard).for_each(database, [&](storage::Entry entry) {
        support::take_over(entry, database, node_.keyspace());
      });
    }
  }
}

void Follower::on_record(const server::EffectRecord& record) {
  if (records_ == 0 && !record.bytes.starts_with("*2\r\n$6\r\nSELECT\r\n")) {
    error_ = "the first record of a listener does not begin with SELECT";
  }
  if (record.bytes.empty()) error_ = "an empty record";
  if (record.end_offset != offset_ + record.bytes.size()) {
    error_ = "the offset of a record is not the one before and its size";
  }
  offset_ = record.end_offset;
  ++records_;
  for (const server::KeyEvent& event : record.events) {
    if (event.event_class == server::EventClass::expired) ++expired_events_;
  }
  pending_ += record.bytes;
}

void Follower::apply() {
  check(error_.empty(), error_);
  protocol::RequestParser parser;
  protocol::ArgumentList arguments;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    arguments.clear();
    const protocol::ParseResult cut = parser.next(rest, protocol::RequestLimits(), arguments);
    check(cut.status == protocol::ParseStatus::complete,
          "the stream of effects is not one of whole requests");
    apply_request(arguments.views);
    rest.remove_prefix(cut.consumed);
  }
  pending_.clear();
}

void Follower::apply_request(protocol::Arguments arguments) {
  server::Request request;
  request.arguments = arguments;
  dispatcher_.prepare(request, session_.database);
  protocol::Reply reply(replies_, session_.dialect);
  const server::Outcome outcome = dispatcher_.run(session_, request, reply);
  check(outcome == server::Outcome::done, "an effect could not be applied at once");
  transcripts::Value value;
  const std::string bytes = support::reply_bytes(replies_);
  replies_.clear();
  const bool is_whole =
      transcripts::read_value(bytes, value).status == transcripts::ReadStatus::complete;
  check(is_whole && !holds_error(value), "an effect was answered by " + transcripts::quote(bytes) +
                                             ": " + transcripts::quote(arguments[0]));
}

void Follower::compare() {
  apply();
  check(!session_.in_transaction(), "a record ended inside MULTI");
  const Contents ours = contents_of(node_.keyspace());
  const Contents theirs = contents_of(primary_.keyspace());
  if (ours == theirs) return;
  std::string difference = "a follower differs from its primary:";
  const auto report = [&](const auto& place, const StoredValue* primary, const StoredValue* own) {
    difference += "\n  db " + std::to_string(place.first) + " " + transcripts::quote(place.second) +
                  ": primary " + (primary == nullptr ? "nothing" : describe(*primary)) +
                  ", follower " + (own == nullptr ? "nothing" : describe(*own));
  };
  for (const auto& [place, value] : theirs) {
    const auto own = ours.find(place);
    if (own == ours.end()) {
      report(place, &value, nullptr);
    } else if (own->second != value) {
      report(place, &value, &own->second);
    }
  }
  for (const auto& [place, value] : ours) {
    if (!theirs.contains(place)) report(place, nullptr, &value);
  }
  throw Failure(difference);
}

}  // namespace larder::simulation
