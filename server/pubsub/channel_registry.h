// ChannelRegistry: which workers have how many subscribers of what, for the whole node, and the way
// of a message from whoever publishes to them.
//
//   publish -> audience of the channel, and of all patterns that match it
//           -> one reference to the message into the box of each worker that has any of them
//
// Each worker knows its own subscribers (subscriptions.h); here they are only counted, so that a
// message is counted exactly, and costs a worker without subscribers nothing.
//
// Order: a message is posted, to all boxes, under the locks of what it is published to. Whoever
// subscribes or unsubscribes takes the same lock and, under it, what its worker's box holds. So for
// everybody the messages of a channel and the changes of its audience are one sequence: whoever was
// counted hears the message, before its UNSUBSCRIBE is confirmed and not before its SUBSCRIBE.
//
// Locks: patterns before channels before boxes; all come after shards' locks and the effect log's
// (ARCHITECTURE.md). None is held for longer than the copying of one small message.
//
// Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/pubsub/message_box.h"
#include "server/pubsub/name_map.h"
#include "server/pubsub/topic_kind.h"
#include "server/spin_lock.h"

namespace larder::server {

class ChannelRegistry {
 public:
  ChannelRegistry(unsigned workers, const storage::KeyHasher& hasher);
  ~ChannelRegistry();

  // One subscriber of `worker` more or less. What was published before is appended to `before`;
  // true if something of it was lost. O(1).
  bool add(TopicKind kind, std::string_view name, unsigned worker, std::vector<Letter>& before);
  bool remove(TopicKind kind, std::string_view name, unsigned worker, std::vector<Letter>& before);

  // To a channel or shard channel. Returns how many subscriptions it reaches: a client counts once
  // for the channel and once for each of its patterns that match. O(workers + all patterns); a
  // pattern that takes too long to match the channel is taken not to (text::GlobBudget).
  size_t publish(TopicKind kind, std::string_view channel, std::string_view payload);
  // Is there any subscription at all? Otherwise publish() is idle.
  bool has_audience() const {
    return topic_counts_[0].load(std::memory_order_relaxed) != 0 ||
           topic_counts_[1].load(std::memory_order_relaxed) != 0;
  }

  // For PUBSUB and INFO.
  size_t subscribers(TopicKind kind, std::string_view name);
  // How many different names somebody has subscribed to.
  size_t topics(TopicKind kind) const { return topic_counts_[index(kind)].load(); }
  // Channels or shard channels that are `is_wanted`, in no order. Not of one instant. O(names).
  std::vector<std::string> names(TopicKind kind,
                                 const std::function<bool(std::string_view)>& is_wanted);

  MessageBox& box(unsigned worker) { return *boxes_[worker]; }
  unsigned worker_count() const { return static_cast<unsigned>(boxes_.size()); }
  // Does some worker not keep up? Then whoever may publish should wait.
  bool is_congested() const { return congested_.load(std::memory_order_relaxed) != 0; }

 private:
  static constexpr size_t kParts = 64;
  // Copying so much takes longer than others should wait for a lock.
  static constexpr size_t kLargePayload = 4096;

  // Subscribers by worker; workers without any are not in it.
  struct Audience {
    struct Share {
      uint32_t worker;
      uint32_t subscribers;
    };
    std::vector<Share> shares;
    size_t place = 0;  // of a pattern, in patterns_

    size_t total() const;
  };
  using Audiences = NameMap<std::string, Audience>;
  struct alignas(64) Part {
    explicit Part(const storage::KeyHasher& hasher) : channels(hasher), shard_channels(hasher) {}
    SpinLock lock;
    Audiences channels;
    Audiences shard_channels;
  };
  class Reach;

  static constexpr size_t index(TopicKind kind) { return static_cast<size_t>(kind); }
  Part& part(std::string_view name) { return *parts_[(hasher_(name) >> 32) % kParts]; }
  static Audiences& audiences(Part& part, TopicKind kind) {
    return kind == TopicKind::channel ? part.channels : part.shard_channels;
  }
  void count_in(Audiences& audiences, TopicKind kind, std::string_view name, unsigned worker);
  void count_out(Audiences& audiences, TopicKind kind, std::string_view name, unsigned worker);

  const storage::KeyHasher& hasher_;
  std::array<std::atomic<size_t>, kTopicKinds> topic_counts_{};
  std::vector<std::unique_ptr<Part>> parts_;
  SpinLock pattern_lock_;
  Audiences patterns_by_name_;
  std::vector<Audiences::value_type*> patterns_;
  std::atomic<int> congested_{0};
  std::vector<std::unique_ptr<MessageBox>> boxes_;
};

}  // namespace larder::server
