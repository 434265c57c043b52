// MemoryAccount: what the data of all shards takes, against the limit `maxmemory`.
//
// Every worker settles the shards it changed while it still holds them: the difference to what was
// counted before goes into its own MemoryShare, which it folds into the node's account whenever it
// exceeds fold_bytes() either way. So no write touches a line that all workers share, and
//
//   what one worker believes to be used  =  the account + its own share, which is exact but for the
//   shares of the others: off by less than (workers - 1) * fold_bytes() <= limit / 256.
//
// What counts is Shard::bytes(): tables, items, values and what eviction keeps. What waits
// to be freed in slices does not count, and neither do clients' buffers: those have limits of their
// own, and exceeding them costs the client, never keys.
//
// A transaction holds its locks, so nothing can be evicted while it runs. Far over the limit, at
// more than twice as much, its commands are refused one by one: what it could do else has no bound.
//
// The ceiling: commands may use more than the limit by overdraft_bytes(); beyond that they wait for
// eviction. A limit that is lowered below what is used would stop all writes until eviction has
// caught up; so the ceiling stays where the use was, and sinks with it to the limit.
//   Invariant: before a command that needs memory runs, its worker saw
//              used <= max(limit, ceiling) + overdraft_bytes().
//
// Thread: MemoryAccount any; MemoryShare its worker's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace larder::server {

class MemoryAccount {
 public:
  static constexpr uint64_t kMostOverdraftBytes = 1 << 20;

  explicit MemoryAccount(unsigned workers) : workers_(std::max(workers, 1u)) {}

  // 0: none. Called again with the same limit it changes nothing.
  void set_limit(uint64_t limit_bytes) {
    if (limit_.exchange(limit_bytes, std::memory_order_relaxed) == limit_bytes) return;
    ceiling_.store(std::max(limit_bytes, used()), std::memory_order_relaxed);
  }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  uint64_t ceiling() const { return std::max(limit(), ceiling_.load(std::memory_order_relaxed)); }

  // Eviction got the use down to this.
  void lower_ceiling(uint64_t used_bytes) {
    uint64_t current = ceiling_.load(std::memory_order_relaxed);
    while (used_bytes < current &&
           !ceiling_.compare_exchange_weak(current, used_bytes, std::memory_order_relaxed)) {
    }
  }

  // How far a limit may be exceeded before commands wait.
  uint64_t overdraft_bytes() const { return std::min<uint64_t>(limit() / 64, kMostOverdraftBytes); }

  // How much a worker may keep in its share.
  int64_t fold_bytes() const {
    const uint64_t limit_bytes = limit();
    if (limit_bytes == 0) return kMostFoldBytes;
    return static_cast<int64_t>(
        std::min<uint64_t>(limit_bytes / (256 * uint64_t{workers_}), kMostFoldBytes));
  }

  // Without what the shares hold; so it may even be less than nothing.
  int64_t balance() const { return used_.load(std::memory_order_relaxed); }
  uint64_t used() const { return clamped(balance()); }
  // The most that used() has been.
  uint64_t peak() const { return clamped(peak_.load(std::memory_order_relaxed)); }

  void add(int64_t bytes) {
    const int64_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    int64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }

  static uint64_t clamped(int64_t bytes) {
    return static_cast<uint64_t>(std::max<int64_t>(bytes, 0));
  }

 private:
  static constexpr int64_t kMostFoldBytes = 32 << 10;

  // Written at each fold, and read by every write while there is a limit.
  alignas(64) std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
  // Written when a limit changes.
  alignas(64) std::atomic<uint64_t> limit_{0};
  std::atomic<uint64_t> ceiling_{0};
  unsigned workers_;
};

class MemoryShare {
 public:
  explicit MemoryShare(MemoryAccount& account)
      : account_(&account), fold_bytes_(account.fold_bytes()) {}

  // The limit may have changed.
  void renew() {
    account_->add(pending_);
    pending_ = 0;
    fold_bytes_ = account_->fold_bytes();
  }

  // A shard of which `counted` bytes are in the account takes `bytes` now. REQUIRES: the caller
  // holds the shard's lock; others may read `counted` at any time.
  void settle(std::atomic<size_t>& counted, size_t bytes) {
    const size_t before = counted.load(std::memory_order_relaxed);
    if (bytes == before) return;
    pending_ += static_cast<int64_t>(bytes) - static_cast<int64_t>(before);
    counted.store(bytes, std::memory_order_relaxed);
    if (pending_ >= fold_bytes_ || pending_ <= -fold_bytes_) [[unlikely]] {
      account_->add(pending_);
      pending_ = 0;
    }
  }

  // What is used, as far as this worker knows.
  uint64_t used() const {
    return MemoryAccount::clamped(account_->balance() + pending_);
  }
  bool is_over_limit() const {
    const uint64_t limit = account_->limit();
    return limit != 0 && used() > limit;
  }
  // So far over the limit that commands wait for eviction.
  bool is_over_ceiling() const {
    return account_->limit() != 0 && used() > account_->ceiling() + account_->overdraft_bytes();
  }

  // So far over it that not even a transaction that has begun may go on.
  bool is_far_over_limit() const {
    const uint64_t used_bytes = used();
    const uint64_t ceiling = account_->ceiling();
    return account_->limit() != 0 && used_bytes > ceiling &&
           used_bytes - ceiling > ceiling + MemoryAccount::kMostOverdraftBytes;
  }

  int64_t pending() const { return pending_; }
  MemoryAccount& account() const { return *account_; }

 private:
  MemoryAccount* account_;
  int64_t fold_bytes_;
  int64_t pending_ = 0;
};

}  // namespace larder::server
