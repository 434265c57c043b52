// EvictionBoard: what workers tell each other about eviction: the policy in force, the clock of
// ranks, and of each shard the least key of each segment (storage/eviction.h), so that the first
// candidate of the whole cache is found without locking all shards.
//
// Published keys are written by whoever holds the shard's lock and read by anybody. One is
//   kNoCandidate   nothing in the segment may be evicted. Always true: whoever changes such a shard
//                  publishes again before unlocking it.
//   else           a lower bound, 0 if nothing is known. Where a write may bring an entry that goes
//                  earlier than all others (publishes_each_write()) each write publishes; otherwise
//                  keys only rise while there are candidates, and eviction alone does.
// A policy becomes the shards' own one after the other. Those that do not have it yet publish 0, so
// that eviction by the new policy comes to them and converts them first.
//
// The clock ticks once per write. Each worker adds its ticks in batches (RankShare), so shards may
// be told times that lie back by a batch of each other worker.
//
// Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

#include "server/config/config.h"
#include "server/spin_lock.h"
#include "server/tick_times.h"
#include "storage/shard.h"

namespace larder::server {

struct PolicyInForce {
  using Policy = storage::EvictionPolicy;

  Policy policy = Policy::none;
  bool volatile_only = false;
  bool is_automatic = false;  // `policy` is where the shards begin; the duel goes on from there
  uint32_t generation = 0;    // how many policies there were before

  bool evicts() const { return policy != Policy::none; }
  // Something is to be done before and after each command.
  bool keeps_ranks() const { return storage::keeps_ranks(policy); }
  bool counts_segments() const { return is_automatic || policy == Policy::s3fifo; }
  bool publishes_each_write() const {
    return volatile_only || policy == Policy::lfu || policy == Policy::ttl;
  }
};

class EvictionBoard {
 public:
  static constexpr uint64_t kNoCandidate = std::numeric_limits<uint64_t>::max();
  static constexpr unsigned kSegments = 2;

  PolicyInForce policy() const;
  // Nothing happens if it is in force already.
  void use_policy(config::EvictionPolicy wanted);

  // REQUIRES: the shard is locked.
  void publish(unsigned shard, unsigned segment, uint64_t key) {
    keys_[segment][shard].store(key, std::memory_order_relaxed);
  }
  uint64_t key(unsigned shard, unsigned segment) const {
    return keys_[segment][shard].load(std::memory_order_relaxed);
  }

  // There are shards left that nobody has been asked to convert to the policy in force.
  bool is_converting() const {
    return next_to_convert_.load(std::memory_order_relaxed) < storage::kShardCount;
  }
  // The next shard that nobody has cared about yet; kShardCount if there is none.
  unsigned take_one_to_convert();

  storage::RankClock clock() const {
    return {ticks_.load(std::memory_order_relaxed), aging_.load(std::memory_order_relaxed)};
  }
  // Time passes by so many writes.
  void tick(uint64_t writes);
  // It is this second (Unix time): a tick of its own, so that stamps of different seconds differ.
  void pass_second(int64_t now_s);
  // When a tick was, in Unix seconds, and which was then (tick_times.h).
  int64_t second_of(uint64_t tick) const;
  uint64_t tick_of(int64_t second) const;

  // Entries of a segment in all shards, as far as workers have told.
  int64_t segment_size(unsigned segment) const {
    return segment_sizes_[segment].load(std::memory_order_relaxed);
  }
  void add_to_segment(unsigned segment, int64_t entries) {
    segment_sizes_[segment].fetch_add(entries, std::memory_order_relaxed);
  }

  // Under `auto`: percent of the cache that is probation; 0: LRU.
  unsigned probation_percent() const { return probation_percent_.load(std::memory_order_relaxed); }
  void use_probation(unsigned percent) {
    probation_percent_.store(percent, std::memory_order_relaxed);
  }

  // SIEVE: the segment that new entries go to and the hand is in.
  unsigned front() const { return front_.load(std::memory_order_relaxed); }
  // The hand has passed all of it.
  void leave_front(unsigned segment) {
    front_.compare_exchange_strong(segment, segment ^ 1, std::memory_order_relaxed);
  }

 private:
  // Those before it are for what was used before there was a clock.
  static constexpr uint64_t kFirstTick = storage::StampPolicy::kMostTicksBack;

  alignas(
      64) std::array<std::array<std::atomic<uint64_t>, storage::kShardCount>, kSegments> keys_{};
  // policy 8 | volatile 1 | automatic 1 | 22 free | generation 32
  alignas(64) std::atomic<uint64_t> policy_{0};
  std::atomic<unsigned> next_to_convert_{storage::kShardCount};
  std::atomic<unsigned> front_{0};
  std::atomic<unsigned> probation_percent_{0};
  alignas(64) std::atomic<uint64_t> ticks_{kFirstTick};
  std::atomic<uint64_t> aging_{0};
  std::array<std::atomic<int64_t>, kSegments> segment_sizes_{};
  alignas(64) std::atomic<int64_t> last_second_{0};
  mutable SpinLock times_lock_;  // for a few steps of a search, once per second and worker
  TickTimes times_;
};

// One worker's part of the clock and of the sizes of segments.
class RankShare {
 public:
  explicit RankShare(EvictionBoard& board) : board_(&board) { renew(); }

  // What time it is, for this worker.
  const storage::RankClock& clock() const { return clock_; }

  // A shard has been written to, of which `counted` entries of each segment are on the board.
  void settle(std::array<size_t, EvictionBoard::kSegments>& counted, const storage::Shard& shard) {
    for (unsigned segment = 0; segment < EvictionBoard::kSegments; ++segment) {
      const size_t entries = shard.segment_size(segment);
      pending_entries_[segment] +=
          static_cast<int64_t>(entries) - static_cast<int64_t>(counted[segment]);
      counted[segment] = entries;
    }
  }
  void tick() {
    ++clock_.ticks;
    if (++pending_ticks_ >= kMostPending) renew();
  }
  // Nothing has passed since it was renewed.
  bool is_new() const { return pending_ticks_ == 0; }
  // Tells the others, and hears of them: once per turn, and when a batch is full.
  void renew();

 private:
  static constexpr uint64_t kMostPending = 16;

  EvictionBoard* board_;
  storage::RankClock clock_;
  uint64_t pending_ticks_ = 0;
  std::array<int64_t, EvictionBoard::kSegments> pending_entries_{};
};

}  // namespace larder::server
