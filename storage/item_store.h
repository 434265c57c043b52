// ItemStore: where the items of one database of a shard lie.
//
//   region   32 KiB, aligned so: header | 8 pages of 4 KiB, the first one behind the header
//   run      consecutive pages of a region, cut into slots of one class (run.h)
//   slot     one item, or free
//
// Owns regions, runs, and what the items own elsewhere (far bodies, blobs, objects). Knows which
// runs hold the earliest deadlines: for each run with deadlines a bound that is never later than
// the earliest of them, in a heap. Looking at one run, 4 KiB in sequence, tells exactly. That is
// all there is about deadlines: an entry's removal, its overwriting and a deadline that moves later
// cost nothing, and a deadline takes no memory but its field.
//
// Never looks at a value, never finds a key.
// Invariants
//   * Each page of a region belongs to one run or to none; a run without live slots does not exist,
//     nor does a region without runs, but for one kept in reserve.
//   * A run with room is in its class's list; all others are in none.
//   * A free slot's first byte is 0 modulo 8.
//
// Costs: allocate and release O(1) amortised. Memory that cannot be had ends the process.
// Thread: whoever holds the shard's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/function_ref.h"
#include "storage/item.h"
#include "storage/item_ref.h"
#include "storage/memory.h"
#include "storage/pool.h"
#include "storage/run.h"
#include "storage/slot_class.h"

namespace larder::storage {

class ItemStore {
 public:
  // What items take is charged to `account`. `map` may move with the table it belongs to: see
  // rebind().
  ItemStore(RegionPool& pool, Account& account, RegionMap& map)
      : pool_(pool), account_(account), map_(&map) {}
  // REQUIRES: no items, or detached and released.
  ~ItemStore() = default;
  ItemStore(const ItemStore&) = delete;
  ItemStore& operator=(const ItemStore&) = delete;

  void rebind(RegionMap& map) { map_ = &map; }

  // A formatted item without its value; far if it does not fit into a slot. `spare_bytes` more than
  // its value needs lie behind it.
  Item* create(ItemShape shape, std::string_view key, size_t spare_bytes = 0);
  // Frees its slot and far body; a blob or object is the caller's to release.
  void release(Item* item);

  ItemRef ref_of(const Item* item) const;
  Item* item(ItemRef ref) const { return map_->item(ref); }
  // Bytes its value may take where it is.
  size_t value_room(const Item* item) const;
  // What the item takes, slot and far body; a blob or object is not in it.
  size_t bytes_of(const Item* item) const;
  // The items' slots and far bodies.
  size_t bytes() const { return bytes_; }
  // The same, and what lies unused between them.
  size_t reserved_bytes() const { return far_bytes_ + live_regions_ * kRegionBytes; }
  // Items.
  size_t size() const { return live_; }

  // The item's value owns memory elsewhere from now on, or no more. Far bodies are counted already.
  void owns_outside(const Item* item, bool owns);

  // ---- deadlines ----

  // The item got this deadline.
  void note_deadline(const Item* item, int64_t deadline_ms);
  // No item has an earlier deadline; INT64_MAX if none has any.
  int64_t earliest_deadline_ms() const {
    return due_.is_empty() ? INT64_MAX : static_cast<int64_t>(due_.top().key);
  }
  // Looks at the run with the earliest deadlines: appends its items with a deadline <= now_ms to
  // `due` and notes the earliest of the others. Returns the slots looked at.
  size_t take_due(int64_t now_ms, std::vector<Item*>& due);

  // The same for deadlines of what is in an item's object (Object::earliest_deadline_ms()): that of
  // the item itself is none of them.
  void note_object_deadline(const Item* item, int64_t deadline_ms);
  int64_t earliest_object_deadline_ms() const {
    return object_due_.is_empty() ? INT64_MAX : static_cast<int64_t>(object_due_.top().key);
  }
  size_t take_due_objects(int64_t now_ms, std::vector<Item*>& due);

  // The item with the earliest deadline; null if that is above `limit`. Looks at about `max_looks`
  // runs at most, then null; what it found out is kept.
  Item* soonest(uint64_t limit, unsigned max_looks);

  // ---- ranks ----
  // As with deadlines: for each run and segment a bound, never above the least key of its entries.

  // The item may have this key in this segment from now on.
  void note_rank(const Item* item, unsigned segment, uint64_t key);
  // No entry of the segment has a smaller key; UINT64_MAX if there is none.
  uint64_t least_rank(unsigned segment) const {
    return ranks_[segment].is_empty() ? UINT64_MAX : ranks_[segment].top().key;
  }
  // The entry of the segment with the least key, which from then on is no longer part of any bound:
  // it is evicted now, or noted again. `key_of(item)` is its key, UINT64_MAX if it is not in this
  // segment. Null if there is none; also if its key is above `limit`. Looks at about `max_looks`
  // runs at most, then null; what it found out is kept, so that going on makes progress.
  template <typename KeyOf>
  Item* take_least(unsigned segment, uint64_t limit, unsigned max_looks, KeyOf key_of);
  // Forgets all ranks.
  void forget_ranks();
  // Visits items, those of about `max_items` slots in a row, which begin at a position between 0
  // and the returned one; 0 after the last. Items created in between may be missed.
  template <typename Visitor>
  size_t visit(size_t position, size_t max_items, Visitor visitor);

  // ---- evacuation ----

  // Some class has so many free slots, or the regions so many free pages, that items should move
  // together.
  bool is_sparse() const { return !sparse_.empty() || has_sparse_regions(); }
  // Empties one run, or one region. `moved(from, to)` is called when the item lies in both places;
  // afterwards the old slot is gone. Returns how many items moved.
  size_t evacuate(FunctionRef<void(Item* from, Item* to)> moved);

  // ---- taking everything apart (after the table has gone) ----

  // Leaves map and account, at once. Nothing but release_slice() may follow.
  void detach();
  // Frees items and what they own, about `max_items` of them; returns how many. 0: nothing is left.
  // Their objects are not freed but appended to `objects`, whose owner they then belong to.
  size_t release_slice(size_t max_items, std::vector<Object*>& objects);

  // Checks the invariants; aborts with a message if one is broken.
  void verify() const;

 private:
  static constexpr size_t kPageBytes = 4096;
  static constexpr unsigned kPages = static_cast<unsigned>(kRegionBytes / kPageBytes);
  static constexpr uint32_t kAllPages = (1u << kPages) - 1;
  // What a region begins with.
  struct RegionHeader {
    uint32_t number;
    RunId run_of_page[kPages];
  };
  static constexpr size_t kRegionHeaderBytes = 64;
  static_assert(sizeof(RegionHeader) <= kRegionHeaderBytes);
  // By number.
  struct Region {
    char* memory = nullptr;  // null: gone
    uint32_t free_pages = 0;
  };
  // A class has few free slots if there are at most this part of all, or as many as two runs have.
  static constexpr uint32_t kSparsePart = 4;
  // So many free pages are always in order.
  static constexpr size_t kFewFreePages = 2 * kPages;
  struct Class {
    RunId roomy = kNoRun;  // list of runs with room, the fuller ones rather at the front
    RunId roomy_back = kNoRun;
    uint32_t slots = 0;
    uint32_t live = 0;
    uint32_t runs = 0;
    bool listed_sparse = false;
  };

  static RegionHeader* region_around(const Item* item) {
    return reinterpret_cast<RegionHeader*>(reinterpret_cast<uintptr_t>(item) &
                                           ~uintptr_t{kRegionBytes - 1});
  }
  RunId run_around(const Item* item) const {
    const RegionHeader* region = region_around(item);
    const auto offset = reinterpret_cast<uintptr_t>(item) - reinterpret_cast<uintptr_t>(region);
    return region->run_of_page[offset / kPageBytes];
  }
  // A class's first runs are as short as its slots allow; later ones at least so long, so that less
  // is left over and less to keep in mind.
  static constexpr unsigned kManyRuns = 4;
  static constexpr unsigned kLongRunPages = 2;
  static unsigned pages_for(unsigned slot_class);

  Item* take_slot(unsigned slot_class);
  void free_slot(Item* item);
  void charge(size_t bytes);
  void discharge(size_t bytes);
  RunId add_run(unsigned slot_class);
  void drop_run(RunId id);
  // A region with so many free pages in a row; which page is the first of them.
  uint32_t region_with(unsigned pages, unsigned* first_page);
  uint32_t add_region();
  void drop_region(uint32_t number);
  void link_front(RunId id);
  void unlink(RunId id);
  bool is_sparse(const Class& slot_class, const Run& run) const;
  void note_sparse(const Run& run);
  RunId sparsest_run(const Class& slot_class) const;
  bool has_sparse_regions() const;
  size_t empty_region(FunctionRef<void(Item* from, Item* to)> moved);
  size_t empty_run(RunId id, FunctionRef<void(Item* from, Item* to)> moved);
  size_t move_items(RunId id, FunctionRef<void(Item* from, Item* to)> moved);
  // Visits the live items of a run.
  template <typename Visitor>
  static void for_each_live(const Run& run, Visitor visitor) {
    for (unsigned index = 0; index < run.used; ++index) {
      auto* item = reinterpret_cast<Item*>(run.slot(index));
      if (!item->is_free()) visitor(item);
    }
  }
  void verify_run(RunId id, size_t* far_bytes) const;
  void verify_class(unsigned index) const;

  RegionPool& pool_;
  Account& account_;
  RegionMap* map_;  // null: detached
  std::vector<Run> runs_;
  RunId free_run_ = kNoRun;
  std::vector<Region> regions_;         // by number
  std::vector<uint32_t> free_numbers_;  // of regions that are gone
  uint32_t first_open_region_ = 0;      // those before it have no free page
  size_t live_regions_ = 0;
  size_t free_pages_ = 0;  // of all regions
  size_t enough_free_pages_ = kFewFreePages;
  size_t bytes_ = 0;
  size_t far_bytes_ = 0;
  size_t live_ = 0;
  RunHeap due_{0};
  RunHeap object_due_{3};
  RunHeap ranks_[2] = {RunHeap(1), RunHeap(2)};
  std::vector<uint8_t> sparse_;     // classes to be looked at
  std::vector<RunId> closed_runs_;  // scratch of empty_region()
  Class classes_[kSlotClasses];

  // After detach().
  RunId next_released_run_ = 0;
  RegionWord* detached_table_ = nullptr;
  unsigned detached_depth_ = 0;
};

template <typename KeyOf>
Item* ItemStore::take_least(unsigned segment, uint64_t limit, unsigned max_looks, KeyOf key_of) {
  RunHeap& heap = ranks_[segment];
  for (unsigned looks = 0; looks < max_looks && !heap.is_empty(); ++looks) {
    if (heap.top().key > limit) return nullptr;
    const RunId id = heap.top().run;
    Item* least = nullptr;
    uint64_t least_key = UINT64_MAX;
    uint64_t second_key = UINT64_MAX;
    for_each_live(runs_[id], [&](Item* item) {
      const uint64_t key = key_of(item);
      if (key < least_key) {
        second_key = least_key;
        least_key = key;
        least = item;
      } else if (key < second_key) {
        second_key = key;
      }
    });
    const auto bound = [&](uint64_t key) {
      key == UINT64_MAX ? heap.remove(runs_, id) : heap.set(runs_, id, key);
    };
    bound(least_key);
    if (least == nullptr || heap.top().key < least_key) continue;  // another run is first
    if (least_key > limit) return nullptr;
    bound(second_key);
    return least;
  }
  return nullptr;
}

template <typename Visitor>
size_t ItemStore::visit(size_t position, size_t max_items, Visitor visitor) {
  size_t visited = 0;
  for (; position < runs_.size() && visited < max_items; ++position) {
    // Copied: the visitor may create items.
    const Run run = runs_[position];
    if (run.first_slot == nullptr) continue;
    visited += run.used;
    for_each_live(run, visitor);
  }
  return position < runs_.size() ? position : 0;
}

}  // namespace larder::storage
