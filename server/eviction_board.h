// EvictionBoard: what workers tell each other about eviction: the policy in force, and what each
// shard has to give, so that eviction finds a shard without locking all of them.
//
// Of each shard a rank is published, by whoever holds its lock, to be read by anybody. It is one of
//   kNoCandidate   nothing in the shard may be evicted. Always true: whoever changes such a shard
//                  publishes again before unlocking it.
//   0              unknown: somebody should look
//   else           there is something
// A policy becomes the shards' own one after the other. Those that do not have it yet publish 0, so
// that eviction by the new policy comes to them and converts them first.
//
// Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

#include "server/config/config.h"
#include "storage/shard.h"

namespace larder::server {

enum class EvictionPolicy : uint8_t {
  none,
  random,  // any entry, each about equally likely
};

struct PolicyInForce {
  EvictionPolicy policy = EvictionPolicy::none;
  uint32_t generation = 0;  // how many policies there were before

  bool evicts() const { return policy != EvictionPolicy::none; }
};

class EvictionBoard {
 public:
  static constexpr uint64_t kNoCandidate = std::numeric_limits<uint64_t>::max();

  PolicyInForce policy() const {
    const uint64_t packed = policy_.load(std::memory_order_acquire);
    return {static_cast<EvictionPolicy>(packed & kLowMask), static_cast<uint32_t>(packed >> 32)};
  }
  // Nothing happens if it is in force already.
  void use_policy(config::EvictionPolicy wanted);

  // REQUIRES (of publish): the shard is locked.
  void publish(unsigned shard, uint64_t rank) {
    ranks_[shard].store(rank, std::memory_order_relaxed);
  }
  uint64_t rank(unsigned shard) const { return ranks_[shard].load(std::memory_order_relaxed); }

  // There are shards left that nobody has been asked to convert to the policy in force.
  bool is_converting() const {
    return next_to_convert_.load(std::memory_order_relaxed) < storage::kShardCount;
  }
  // The next shard that nobody has cared about yet; kShardCount if there is none.
  unsigned take_one_to_convert();

 private:
  static constexpr uint64_t kLowMask = 0xffffffff;

  alignas(64) std::array<std::atomic<uint64_t>, storage::kShardCount> ranks_{};
  alignas(64) std::atomic<uint64_t> policy_{0};  // policy 32 | generation 32
  std::atomic<unsigned> next_to_convert_{storage::kShardCount};
};

}  // namespace larder::server
