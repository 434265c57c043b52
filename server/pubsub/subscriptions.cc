#include "server/pubsub/subscriptions.h"

#include <cassert>

#include "server/session.h"

namespace larder::server {
namespace {

// What a subscription takes beside its name: a topic, the node's count of it, and the nodes of four
// hash tables.
constexpr size_t kSubscriptionBytes = sizeof(Topic) + 4 * 64 + sizeof(Session*);

size_t bytes_of(std::string_view name) {
  return kSubscriptionBytes + 3 * name.size();
}

std::string head_of(TopicKind kind, std::string_view name) {
  switch (kind) {
    case TopicKind::channel:
      return std::string(Message::kChannelHead);
    case TopicKind::shard_channel:
      return std::string(Message::kShardHead);
    case TopicKind::pattern:
      break;
  }
  return pattern_head(name);
}

constexpr size_t index(TopicKind kind) {
  return static_cast<size_t>(kind);
}

}  // namespace

Subscriptions::Subscriptions(ChannelRegistry& registry, const storage::KeyHasher& hasher,
                             unsigned worker)
    : registry_(registry),
      hasher_(hasher),
      worker_(worker),
      topics_{Topics(hasher), Topics(hasher), Topics(hasher)} {}

Subscriptions::~Subscriptions() = default;

void Subscriptions::deliver_earlier(const Session& session, bool lost) {
  if (earlier_.empty() && !lost) return;
  if (deliver_earlier_) deliver_earlier_(session, earlier_, lost);
  earlier_.clear();
}

Subscribed Subscriptions::subscribe(Session& session, TopicKind kind, std::string_view name,
                                    size_t most_bytes) {
  const bool is_first = session.subscriber == nullptr;
  const size_t bytes = bytes_of(name);
  if (!is_first && session.subscriber->held[index(kind)].contains(name)) return Subscribed::before;
  if (bytes + (is_first ? 0 : session.subscriber->bytes) > most_bytes) return Subscribed::too_much;
  deliver_earlier(session, registry_.add(kind, name, worker_, earlier_));

  auto topic = topics_[index(kind)].find(name);
  if (topic == topics_[index(kind)].end()) {
    auto made = std::make_unique<Topic>(
        Topic{.kind = kind, .name = std::string(name), .head = head_of(kind, name), .seats = {}});
    const std::string_view key = made->name;
    topic = topics_[index(kind)].emplace(key, std::move(made)).first;
  }
  std::vector<Session*>& seats = topic->second->seats;
  if (is_first) {
    session.subscriber = std::make_unique<Subscriber>(hasher_);
    bytes_ += session.subscriber->bytes;
  }
  session.subscriber->held[index(kind)].emplace(
      topic->first, Subscriber::Held{topic->second.get(), seats.size()});
  seats.push_back(&session);
  session.subscriber->bytes += bytes;
  bytes_ += bytes;
  return Subscribed::now;
}

// The last seat moves to where the one that becomes free was.
void Subscriptions::give_up_seat(Subscriber::HeldTopics& topics,
                                 Subscriber::HeldTopics::iterator place) {
  const auto [topic, seat] = place->second;
  topics.erase(place);
  std::vector<Session*>& seats = topic->seats;
  Session* const moved = seats.back();
  seats.pop_back();
  if (seat < seats.size()) {
    seats[seat] = moved;
    moved->subscriber->held[index(topic->kind)].find(topic->name)->second.seat = seat;
  }
  if (seats.empty()) topics_[index(topic->kind)].erase(topic->name);
}

bool Subscriptions::unsubscribe(Session& session, TopicKind kind, std::string_view name) {
  if (session.subscriber == nullptr) return false;
  Subscriber::HeldTopics& held = session.subscriber->held[index(kind)];
  const auto place = held.find(name);
  if (place == held.end()) return false;
  deliver_earlier(session, registry_.remove(kind, name, worker_, earlier_));
  const size_t bytes = bytes_of(name);
  session.subscriber->bytes -= bytes;
  bytes_ -= bytes;
  give_up_seat(held, place);
  if (session.subscriber->has_none()) {
    bytes_ -= session.subscriber->bytes;
    session.subscriber.reset();
  }
  return true;
}

void Subscriptions::leave(Session& session) {
  if (session.subscriber == nullptr) return;
  for (TopicKind kind : {TopicKind::channel, TopicKind::pattern, TopicKind::shard_channel}) {
    Subscriber::HeldTopics& held = session.subscriber->held[index(kind)];
    while (!held.empty()) {
      const auto place = held.begin();
      deliver_earlier(session, registry_.remove(kind, place->first, worker_, earlier_));
      give_up_seat(held, place);
    }
  }
  bytes_ -= session.subscriber->bytes;
  session.subscriber.reset();
}

std::vector<std::string> Subscriptions::names(const Session& session, TopicKind kind) {
  std::vector<std::string> names;
  if (session.subscriber == nullptr) return names;
  for (const auto& [name, held] : session.subscriber->held[index(kind)]) names.emplace_back(name);
  return names;
}

}  // namespace larder::server
