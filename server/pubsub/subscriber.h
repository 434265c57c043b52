// Subscriber: what one client has subscribed to. Part of its session; Subscriptions alone changes
// it. A session without any subscription has none.
//
// Thread: the worker of its connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/pubsub/name_map.h"
#include "server/pubsub/topic_kind.h"

namespace larder::server {

struct Topic;

struct Subscriber {
  struct Held {
    Topic* topic;
    size_t seat;  // where it stands in topic->seats
  };
  // By name; the text is the topic's.
  using HeldTopics = NameMap<std::string_view, Held>;

  explicit Subscriber(const storage::KeyHasher& hasher)
      : held{HeldTopics(hasher), HeldTopics(hasher), HeldTopics(hasher)} {}

  std::array<HeldTopics, kTopicKinds> held;
  // What its subscriptions take, as if nobody else shared them.
  size_t bytes = sizeof(Subscriber);

  size_t count(TopicKind kind) const { return held[static_cast<size_t>(kind)].size(); }
  bool has_none() const { return held[0].empty() && held[1].empty() && held[2].empty(); }
};

}  // namespace larder::server
