// Subscriptions: which clients of one worker have subscribed to what.
//
// Whoever changes something here changes the node's count of it as well (channel_registry.h), and
// delivers first what was published before: on_earlier() says how.
//
// Invariant: a topic exists while it has seats; a session has a Subscriber while it holds topics.
//
// Thread: its worker's. Memory: counted, and bounded for each client by the caller's `most_bytes`.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/pubsub/channel_registry.h"
#include "server/pubsub/name_map.h"
#include "server/pubsub/subscriber.h"

namespace larder::server {

struct Session;

// Something that clients of this worker have subscribed to, and who they are.
struct Topic {
  TopicKind kind;
  std::string name;
  std::string head;  // of what is heard through it (message.h)
  std::vector<Session*> seats;
};

enum class Subscribed : uint8_t { now, before, too_much };

class Subscriptions {
 public:
  Subscriptions(ChannelRegistry& registry, const storage::KeyHasher& hasher, unsigned worker);
  ~Subscriptions();

  // Hands out messages that were published before a change that a session is just making. It must
  // not change any subscription. `lost`: some of them were dropped.
  using DeliverEarlier =
      std::function<void(const Session& session, const std::vector<Letter>& letters, bool lost)>;
  void on_earlier(DeliverEarlier deliver) { deliver_earlier_ = std::move(deliver); }

  // `too_much`: what this client's subscriptions take would exceed `most_bytes`; nothing happened.
  Subscribed subscribe(Session& session, TopicKind kind, std::string_view name, size_t most_bytes);
  // False: it had not subscribed.
  bool unsubscribe(Session& session, TopicKind kind, std::string_view name);
  // Ends all its subscriptions; nobody waits for what was published before. O(its subscriptions).
  void leave(Session& session);
  // What it has subscribed to.
  static std::vector<std::string> names(const Session& session, TopicKind kind);

  // As ChannelRegistry::publish(); for this worker's subscribers too the message lies in its box.
  size_t publish(TopicKind kind, std::string_view channel, std::string_view payload) {
    return registry_.publish(kind, channel, payload);
  }
  ChannelRegistry& registry() { return registry_; }

  // Null: no client here has subscribed.
  const Topic* find(TopicKind kind, std::string_view name) const {
    const Topics& topics = topics_[static_cast<size_t>(kind)];
    const auto place = topics.find(name);
    return place == topics.end() ? nullptr : place->second.get();
  }
  // The sum of Subscriber::bytes.
  size_t bytes() const { return bytes_; }

 private:
  using Topics = NameMap<std::string_view, std::unique_ptr<Topic>>;

  void give_up_seat(Subscriber::HeldTopics& topics, Subscriber::HeldTopics::iterator place);
  void deliver_earlier(const Session& session, bool lost);

  ChannelRegistry& registry_;
  const storage::KeyHasher& hasher_;
  unsigned worker_;
  std::array<Topics, kTopicKinds> topics_;
  DeliverEarlier deliver_earlier_;
  std::vector<Letter> earlier_;  // scratch
  size_t bytes_ = 0;
};

}  // namespace larder::server
