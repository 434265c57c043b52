// Keyspace: all shards with their locks. Only the dispatcher and the expiry duty lock; everyone
// else is handed what was locked for them.
//
// Locking rules (design: any worker runs any command)
//   L1 A command holds the locks of all its shards before it runs. They are tried in ascending
//      order; if one stays taken for a short spin, all are released and the command is parked, to
//      be tried again on a later turn. Nobody ever sleeps on a shard's lock, and nobody waits for
//      one lock while holding another, so there is no deadlock.
//   L2 A command that needs all shards takes the exclusive ticket first. While a ticket is out, no
//      other command starts, so that the many locks become free one after the other.
//   L3 The effect log's lock is taken last, under the shards' locks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "server/eviction_board.h"
#include "server/eviction_duel.h"
#include "server/shard_set.h"
#include "server/spin_lock.h"
#include "server/waiter_table.h"
#include "server/watch_table.h"
#include "storage/shard.h"

namespace larder::server {

// Two cache lines, so that neighbours' locks do not share one.
struct alignas(128) ShardSlot {
  explicit ShardSlot(const storage::KeyHasher& hasher) : shard(hasher) {}

  // What every command looks at first, in one line.
  SpinLock lock;
  WatchTable watches;
  WaiterTable waiters;
  // Is there anybody who has to hear of a change of some key?
  bool is_observed() const { return !watches.empty() || !waiters.empty(); }
  // What of shard.bytes() is in the memory account (MemoryShare::settle()). Written under the lock,
  // read by anybody.
  std::atomic<size_t> counted_bytes{0};
  // How the shard evicts; under `auto` the policy of the moment.
  PolicyInForce policy;
  storage::Shard shard;
  // What else eviction has made of the shard: the time it was told, SIEVE's front, and what of its
  // segments is counted (RankShare::settle()).
  storage::RankClock clock;
  unsigned front = 0;
  std::array<size_t, EvictionBoard::kSegments> counted_segments{};
};

class Keyspace {
 public:
  explicit Keyspace(uint64_t hash_seed);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  const storage::KeyHasher& hasher() const { return hasher_; }

  // REQUIRES for everything but prefetching: the shard is locked by the caller.
  ShardSlot& slot(unsigned shard) { return slots_[shard]; }
  storage::Shard& shard(unsigned shard) { return slots_[shard].shard; }

  // What eviction needs to know of all shards. Any thread.
  EvictionBoard& board() { return board_; }
  const EvictionBoard& board() const { return board_; }
  EvictionDuel& duel() { return duel_; }
  // What is counted of a shard. Any thread.
  size_t counted_bytes(unsigned shard) const {
    return slots_[shard].counted_bytes.load(std::memory_order_relaxed);
  }

  // Asks for the lock's cache line. Any thread.
  void prefetch(unsigned shard) const { __builtin_prefetch(&slots_[shard], /*for writing*/ 1); }

  [[nodiscard]] bool try_lock(unsigned shard) { return slots_[shard].lock.try_lock_for(kSpins); }
  void unlock(unsigned shard) { slots_[shard].lock.unlock(); }

  // All or none (L1).
  [[nodiscard]] bool try_lock(const ShardSet& shards);
  void unlock(const ShardSet& shards);

  // The exclusive ticket (L2). `holder` is a non-zero name of who asks, the same at each try.
  // Taking it again while holding it succeeds.
  [[nodiscard]] bool take_exclusive_ticket(uint64_t holder);
  void return_exclusive_ticket(uint64_t holder);
  // May a command of `holder` start? True unless somebody else holds the ticket.
  bool may_start(uint64_t holder) const {
    uint64_t current = exclusive_.load(std::memory_order_relaxed);
    return current == 0 || current == holder;
  }

 private:
  // Some tens of pauses: longer than any ordinary command, far shorter than being scheduled out.
  static constexpr unsigned kSpins = 50;

  storage::KeyHasher hasher_;
  EvictionBoard board_;
  EvictionDuel duel_;
  ShardSlot* slots_;  // kShardCount of them, in one aligned stretch
  std::atomic<uint64_t> exclusive_{0};
};

}  // namespace larder::server
