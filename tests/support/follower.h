// Follower: a node that knows a primary's effects and nothing else, and comparing the two.
//
// While it listens it only keeps the records; apply() runs them afterwards, in one thread. Its keys
// hash with another seed than the primary's, so they lie in other shards in another order.
//
// Errors (a record that is torn, does not begin where the last one ended, or is refused when it is
// applied) throw std::runtime_error.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "protocol/request_parser.h"
#include "server/effects.h"
#include "tests/support/actor.h"
#include "tests/support/stored_objects.h"

namespace larder::support {

// Everything a client could ever see of a node's data.
struct Stored {
  std::string value;  // of a string
  int64_t deadline_ms;
  storage::Type type = storage::Type::string;
  std::vector<std::string> elements = {};  // of a collection; ascending where it has no order

  bool operator==(const Stored&) const = default;
};
using Contents = std::map<std::pair<unsigned, std::string>, Stored>;

inline Stored stored_in(const storage::Entry& entry) {
  storage::NumberText scratch;
  if (!entry.is_object()) return {std::string(entry.text(scratch)), entry.deadline_ms()};
  return {{}, entry.deadline_ms(), entry.type(), elements_of(entry.object())};
}

// REQUIRES: all shards are held, or nobody else is running.
inline Contents contents_of(server::Node& node) {
  Contents contents;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
      node.keyspace().shard(shard).for_each(database, [&](storage::Entry entry) {
        contents[{database, std::string(entry.key())}] = stored_in(entry);
      });
    }
  }
  return contents;
}

class Follower final : public server::EffectListener {
 public:
  // `seed` of the follower's own hashing; `now_ms` is what its clock shows while it applies.
  Follower(uint64_t seed, int64_t now_ms) : node_(options(seed)), actor_(node_, 0, seed) {
    actor_.set_time_ms(now_ms);
    actor_.dispatcher().environment().expiry = server::ExpiryMode::ignore;
  }

  // REQUIRES: all shards of the primary are held. Takes a copy of what is there and listens from
  // now on.
  void attach(server::Node& primary) {
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
        primary.keyspace().shard(shard).for_each(database, [&](storage::Entry entry) {
          take_over(entry, database, node_.keyspace());
        });
      }
    }
    offset_ = primary.effect_log().end_offset();
    primary.effect_log().attach(*this);
  }

  void on_record(const server::EffectRecord& record) override {
    if (record.end_offset != offset_ + record.bytes.size()) in_order_ = false;
    offset_ = record.end_offset;
    records_.emplace_back(record.bytes);
  }

  // Applies and forgets what was heard so far.
  void apply() {
    if (!in_order_) throw std::runtime_error("a record does not begin where the last one ended");
    for (const std::string& record : records_) apply(record);
    applied_ += records_.size();
    records_.clear();
  }

  size_t applied() const { return applied_; }
  server::Node& node() { return node_; }

 private:
  static server::NodeOptions options(uint64_t seed) {
    server::NodeOptions options = node_options(1, seed);
    options.role = server::Role::follower;
    return options;
  }

  // Is a reply, or anything in it, an error? Bulk strings may look like one.
  static bool holds_error(std::string_view reply) {
    while (!reply.empty()) {
      if (reply[0] == '-') return true;
      const size_t end = reply.find("\r\n");
      size_t bulk_bytes = 0;
      if (reply[0] == '$' && reply[1] != '-') {
        bulk_bytes = std::stoul(std::string(reply.substr(1, end - 1))) + 2;
      }
      reply.remove_prefix(end + 2 + bulk_bytes);
    }
    return false;
  }

  void apply(const std::string& record) {
    protocol::RequestParser parser;
    protocol::ArgumentList arguments;
    std::string_view rest = record;
    while (!rest.empty()) {
      arguments.clear();
      const protocol::ParseResult cut = parser.next(rest, protocol::RequestLimits{}, arguments);
      if (cut.status != protocol::ParseStatus::complete) {
        throw std::runtime_error("a torn record: " + record);
      }
      rest.remove_prefix(cut.consumed);
      const Words words(arguments.views.begin(), arguments.views.end());
      const std::string reply = actor_.run(words);
      if (holds_error(reply)) {
        throw std::runtime_error("refused: " + record + " with " + reply);
      }
    }
    if (actor_.session().in_transaction()) throw std::runtime_error("no EXEC: " + record);
  }

  server::Node node_;
  Actor actor_;
  uint64_t offset_ = 0;
  bool in_order_ = true;
  size_t applied_ = 0;
  std::vector<std::string> records_;
};

// What differs, in words; empty if nothing does. REQUIRES: nobody is running.
inline std::string difference(server::Node& primary, server::Node& follower) {
  const Contents expected = contents_of(primary);
  const Contents actual = contents_of(follower);
  const auto describe = [](const Contents& contents, const Contents::key_type& name) {
    const auto found = contents.find(name);
    if (found == contents.end()) return std::string("absent");
    const Stored& stored = found->second;
    std::string text = "'" + stored.value.substr(0, 80) + "'";
    if (stored.type != storage::Type::string) {
      text = "a collection of " + std::to_string(stored.elements.size()) + ":";
      for (size_t i = 0; i < stored.elements.size() && i < 20; ++i) {
        text += " '" + stored.elements[i].substr(0, 60) + "'";
      }
    }
    return text + " until " + std::to_string(stored.deadline_ms);
  };
  for (const Contents* names : {&expected, &actual}) {
    for (const auto& [name, stored] : *names) {
      const std::string primary_has = describe(expected, name);
      const std::string follower_has = describe(actual, name);
      const auto in_primary = expected.find(name);
      const auto in_follower = actual.find(name);
      if (in_primary != expected.end() && in_follower != actual.end() &&
          in_primary->second == in_follower->second) {
        continue;
      }
      return "database " + std::to_string(name.first) + ", " + name.second + ": primary " +
             primary_has + ", follower " + follower_has;
    }
  }
  return {};
}

}  // namespace larder::support
