// EvictionDuel: which rule `auto` follows. Three rules, LRU and S3-FIFO with a probation of 10 and
// of 25 % of the cache, are tried in miniature on a sample of the keys; the cache follows the one
// that missed least lately. bench/hitratio says how that came out: never worse than LRU by more
// than 0.2 % on any trace, and better on average than each of the three.
//
// A miniature is a cache of up to 256 fingerprints of keys, of a sixteenth of the sample: keys are
// cut into groups, so that workers hardly meet. An access to a group that another worker is busy
// with is not counted; nobody waits. One key in `sample` takes part, so that all groups together
// hold at most 4096 and the cost is nothing to a large cache.
//
// Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/spin_lock.h"
#include "storage/hash.h"

namespace larder::server {

class EvictionBoard;

// One rule over fingerprints. Time is counted in accesses. O(capacity) per access.
class MiniatureCache {
 public:
  static constexpr size_t kMostEntries = 256;

  // False: it was not there (and is now). `probation_percent` 0: LRU. `capacity` at most
  // kMostEntries.
  bool access(uint32_t key, size_t capacity, unsigned probation_percent);

 private:
  enum class Segment : uint8_t { probation, main };
  struct Entry {
    uint32_t key;
    uint32_t stamp;
    Segment segment;
    uint8_t reads;
  };

  void make_room(size_t capacity, unsigned probation_percent);
  size_t oldest(Segment segment) const;
  size_t oldest() const;
  void remove(size_t index);
  void remember(uint32_t key, size_t capacity);
  bool recall(uint32_t key);

  std::array<Entry, kMostEntries> entries_;
  std::array<uint32_t, kMostEntries> ghosts_;
  size_t size_ = 0;
  size_t in_probation_ = 0;
  size_t ghost_count_ = 0;
  size_t next_ghost_ = 0;
  uint32_t now_ = 0;
};

class EvictionDuel {
 public:
  EvictionDuel();
  ~EvictionDuel();

  // A key was used or inserted. Tells the board which rule is best now.
  void access(storage::Hash hash, EvictionBoard& board) {
    const uint64_t mixed = hash * 0x9E3779B97F4A7C15ULL;
    if ((mixed >> kSampleShift & sample_mask_.load(std::memory_order_relaxed)) != 0) return;
    play(mixed, board);
  }

 private:
  static constexpr size_t kGroups = 16;
  static constexpr unsigned kGroupShift = 60;
  static constexpr unsigned kSampleShift = 36;
  static constexpr size_t kMostEntries = kGroups * MiniatureCache::kMostEntries;
  static constexpr std::array<unsigned, 3> kPercents{0, 10, 25};
  // Misses are forgotten over so many times the number of entries.
  static constexpr double kMemory = 4;

  struct Group;

  void play(uint64_t mixed, EvictionBoard& board);
  void count(unsigned missed, EvictionBoard& board);

  std::unique_ptr<Group[]> groups_;
  std::atomic<uint64_t> sample_mask_{0};
  std::atomic<size_t> capacity_{1};  // of each miniature

  SpinLock count_lock_;  // for what follows
  std::array<double, 3> misses_{};
  size_t used_ = 0;
  unsigned until_tuned_ = 0;
};

}  // namespace larder::server
