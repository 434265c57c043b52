#include "server/eviction_duel.h"

#include <algorithm>

#include "server/eviction_board.h"

namespace larder::server {

// ---- one rule -----------------------------------------------------------------------------------

bool MiniatureCache::access(uint32_t key, size_t capacity, unsigned probation_percent) {
  ++now_;
  for (size_t i = 0; i < size_; ++i) {
    Entry& entry = entries_[i];
    if (entry.key != key) continue;
    if (entry.reads < 3) ++entry.reads;
    if (probation_percent == 0) entry.stamp = now_;
    return true;
  }
  const bool known = recall(key);
  while (size_ >= capacity) make_room(capacity, probation_percent);
  entries_[size_++] = {key, now_, known ? Segment::main : Segment::probation, 0};
  if (!known) ++in_probation_;
  return false;
}

void MiniatureCache::make_room(size_t capacity, unsigned probation_percent) {
  if (probation_percent == 0) return remove(oldest());
  if (in_probation_ * 100 > capacity * probation_percent || in_probation_ == size_) {
    const size_t index = oldest(Segment::probation);
    Entry& entry = entries_[index];
    if (entry.reads == 0) {
      remember(entry.key, capacity);
      return remove(index);
    }
    entry = {entry.key, now_, Segment::main, 0};
    --in_probation_;
    return;
  }
  const size_t index = oldest(Segment::main);
  Entry& entry = entries_[index];
  if (entry.reads == 0) return remove(index);
  --entry.reads;
  entry.stamp = now_;
}

size_t MiniatureCache::oldest(Segment segment) const {
  size_t found = size_;
  for (size_t i = 0; i < size_; ++i) {
    if (entries_[i].segment != segment) continue;
    if (found == size_ || now_ - entries_[i].stamp > now_ - entries_[found].stamp) found = i;
  }
  return found;
}

size_t MiniatureCache::oldest() const {
  size_t found = 0;
  for (size_t i = 1; i < size_; ++i) {
    if (now_ - entries_[i].stamp > now_ - entries_[found].stamp) found = i;
  }
  return found;
}

void MiniatureCache::remove(size_t index) {
  if (entries_[index].segment == Segment::probation) --in_probation_;
  // The rest keeps its order: of equal stamps the first is the oldest.
  std::move(entries_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
            entries_.begin() + static_cast<std::ptrdiff_t>(size_),
            entries_.begin() + static_cast<std::ptrdiff_t>(index));
  --size_;
}

void MiniatureCache::remember(uint32_t key, size_t capacity) {
  if (next_ghost_ >= capacity) next_ghost_ = 0;
  ghosts_[next_ghost_++] = key;
  ghost_count_ = std::min(std::max(ghost_count_, next_ghost_), capacity);
}

bool MiniatureCache::recall(uint32_t key) {
  for (size_t i = 0; i < ghost_count_; ++i) {
    if (ghosts_[i] != key) continue;
    ghosts_[i] = ~key;  // not again
    return true;
  }
  return false;
}

// ---- the duel -----------------------------------------------------------------------------------

struct EvictionDuel::Group {
  SpinLock lock;
  std::array<MiniatureCache, kPercents.size()> caches;
};

EvictionDuel::EvictionDuel() : groups_(std::make_unique_for_overwrite<Group[]>(kGroups)) {}
EvictionDuel::~EvictionDuel() = default;

void EvictionDuel::play(uint64_t mixed, EvictionBoard& board) {
  Group& group = groups_[mixed >> kGroupShift];
  if (!group.lock.try_lock()) return;
  const size_t capacity = capacity_.load(std::memory_order_relaxed);
  unsigned missed = 0;
  for (size_t rule = 0; rule < kPercents.size(); ++rule) {
    if (!group.caches[rule].access(static_cast<uint32_t>(mixed), capacity, kPercents[rule])) {
      missed |= 1u << rule;
    }
  }
  group.lock.unlock();
  if (missed == 0 || !count_lock_.try_lock()) return;
  count(missed, board);
  count_lock_.unlock();
}

void EvictionDuel::count(unsigned missed, EvictionBoard& board) {
  const size_t entries = capacity_.load(std::memory_order_relaxed) * kGroups;
  const double keep = 1 - 1 / (kMemory * static_cast<double>(entries));
  for (size_t rule = 0; rule < misses_.size(); ++rule) {
    misses_[rule] = misses_[rule] * keep + ((missed >> rule & 1) != 0 ? 1 : 0);
  }
  const auto best =
      static_cast<size_t>(std::min_element(misses_.begin(), misses_.end()) - misses_.begin());
  if (misses_[best] < misses_[used_]) {
    used_ = best;
    board.use_probation(kPercents[best]);
  }
  if (until_tuned_-- != 0) return;
  until_tuned_ = 63;
  // The miniatures are to the sample what the cache is to all keys.
  const auto objects =
      static_cast<uint64_t>(std::max<int64_t>(board.segment_size(0) + board.segment_size(1), 0));
  uint64_t sample = 1;
  while (objects / sample > kMostEntries) sample *= 2;
  sample_mask_.store(sample - 1, std::memory_order_relaxed);
  capacity_.store(std::clamp<size_t>(objects / sample / kGroups, 1, MiniatureCache::kMostEntries),
                  std::memory_order_relaxed);
}

}  // namespace larder::server
