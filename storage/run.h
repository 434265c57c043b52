// Run: slots of one size in consecutive pages of a region; and RunHeap, runs in the order of a key.
//
// Plain data of ItemStore. A run's slots lie in `pages` pages of 4 KiB (in a region's first page
// behind the region's header); the slots handed out so far are the first `used`, the free ones
// among them form a list through their third and fourth byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace larder::storage {

using RunId = uint32_t;
constexpr RunId kNoRun = UINT32_MAX;
constexpr uint32_t kNotInHeap = UINT32_MAX;

struct Run {
  char* first_slot = nullptr;  // null: this id is free
  RunId next = kNoRun;         // in the list of its class's runs with room, or of free ids
  RunId previous = kNoRun;
  // In the heaps of deadlines, of the two segments' ranks, and of deadlines within objects.
  uint32_t heap_position[4] = {kNotInHeap, kNotInHeap, kNotInHeap, kNotInHeap};
  uint16_t slot_bytes = 0;
  uint16_t slots = 0;
  uint16_t used = 0;
  uint16_t live = 0;
  uint16_t first_free = 0;  // index of a free slot plus 1, 0 if there is none below `used`
  uint16_t outside = 0;     // items that own memory elsewhere
  uint8_t slot_class = 0;
  uint8_t pages = 0;

  bool has_room() const { return live < slots; }
  char* slot(unsigned index) const { return first_slot + size_t{index} * slot_bytes; }
  unsigned index_of(const void* slot) const {
    return static_cast<unsigned>(static_cast<const char*>(slot) - first_slot) / slot_bytes;
  }
};

// Runs by a 64-bit key, the least first: a binary heap that knows where each run is.
// set() and remove() are O(log n). `which` says where in a Run its place is kept.
class RunHeap {
 public:
  explicit RunHeap(unsigned which) : which_(which) {}

  struct Entry {
    uint64_t key;
    RunId run;
  };

  bool is_empty() const { return entries_.empty(); }
  const Entry& top() const { return entries_.front(); }
  size_t size() const { return entries_.size(); }
  const std::vector<Entry>& entries() const { return entries_; }
  void clear(std::vector<Run>& runs) {
    for (const Entry& entry : entries_) runs[entry.run].heap_position[which_] = kNotInHeap;
    entries_.clear();
  }
  bool has(const Run& run) const { return run.heap_position[which_] != kNotInHeap; }

  // Adds the run, or gives it another key.
  void set(std::vector<Run>& runs, RunId run, uint64_t key) {
    uint32_t place = runs[run].heap_position[which_];
    if (place == kNotInHeap) {
      place = static_cast<uint32_t>(entries_.size());
      entries_.push_back({key, run});
      runs[run].heap_position[which_] = place;
      return rise(runs, place);
    }
    const uint64_t old_key = std::exchange(entries_[place].key, key);
    key < old_key ? rise(runs, place) : sink(runs, place);
  }
  // Nothing happens if it is not here.
  void remove(std::vector<Run>& runs, RunId run) {
    const uint32_t place = std::exchange(runs[run].heap_position[which_], kNotInHeap);
    if (place == kNotInHeap) return;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (place == entries_.size()) return;
    const uint64_t old_key = entries_[place].key;
    entries_[place] = last;
    runs[last.run].heap_position[which_] = place;
    last.key < old_key ? rise(runs, place) : sink(runs, place);
  }
  // REQUIRES: the run is here.
  uint64_t key_of(const Run& run) const { return entries_[run.heap_position[which_]].key; }

 private:
  void rise(std::vector<Run>& runs, uint32_t place) {
    const Entry entry = entries_[place];
    while (place > 0) {
      const uint32_t parent = (place - 1) / 2;
      if (entries_[parent].key <= entry.key) break;
      put(runs, place, entries_[parent]);
      place = parent;
    }
    put(runs, place, entry);
  }
  void sink(std::vector<Run>& runs, uint32_t place) {
    const Entry entry = entries_[place];
    for (;;) {
      uint32_t child = 2 * place + 1;
      if (child >= entries_.size()) break;
      if (child + 1 < entries_.size() && entries_[child + 1].key < entries_[child].key) ++child;
      if (entries_[child].key >= entry.key) break;
      put(runs, place, entries_[child]);
      place = child;
    }
    put(runs, place, entry);
  }
  void put(std::vector<Run>& runs, uint32_t place, const Entry& entry) {
    entries_[place] = entry;
    runs[entry.run].heap_position[which_] = place;
  }

  unsigned which_;
  std::vector<Entry> entries_;
};

}  // namespace larder::storage
