#include "storage/item_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "storage/check.h"
#include "storage/object.h"
#include "storage/region_source.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

constexpr unsigned kMinTableDepth = 3;
// How many of the runs at the sparse end of a class's list are compared.
constexpr unsigned kRunsCompared = 16;

constexpr unsigned kMaxRunPages = 8;

// The fewest pages of which little is left over, or else of which the least is; and of a whole
// region nothing.
constexpr unsigned best_pages(size_t slot_bytes, size_t page_bytes) {
  unsigned best = 1;
  size_t best_waste = SIZE_MAX;  // per page, in 1/1024 of a byte
  for (unsigned pages = 1; pages <= kMaxRunPages; pages *= 2) {
    const size_t waste = pages * page_bytes % slot_bytes * 1024 / pages;
    if (waste <= page_bytes / 32 * 1024) return pages;
    if (waste < best_waste) {
      best_waste = waste;
      best = pages;
    }
  }
  return best;
}

}  // namespace

unsigned ItemStore::pages_for(unsigned slot_class) {
  static constexpr auto kPagesOfClass = [] {
    std::array<uint8_t, kSlotClasses> pages{};
    for (unsigned each = 0; each < kSlotClasses; ++each) {
      pages[each] = static_cast<uint8_t>(best_pages(slot_class_bytes(each), kPageBytes));
    }
    return pages;
  }();
  return kPagesOfClass[slot_class];
}

// ---- items --------------------------------------------------------------------------------------

void ItemStore::charge(size_t bytes) {
  bytes_ += bytes;
  account_.bytes += bytes;
}

void ItemStore::discharge(size_t bytes) {
  bytes_ -= bytes;
  account_.bytes -= bytes;
}

Item* ItemStore::create(ItemShape shape, std::string_view key, size_t spare_bytes) {
  FarBody* body = nullptr;
  size_t slot_bytes = shape.slot_bytes() + spare_bytes;
  if (slot_bytes > kMaxSlotBytes) {
    const size_t bytes = round_to_class(sizeof(FarBody) + shape.body_bytes() + spare_bytes);
    body = static_cast<FarBody*>(take_memory(bytes));
    body->capacity = bytes - sizeof(FarBody);
    charge(bytes);
    far_bytes_ += bytes;
    shape.far = true;
    slot_bytes = shape.slot_bytes();
  }
  Item* item = take_slot(slot_class_of(slot_bytes));
  item->format(shape, key, body);
  if (body != nullptr) ++runs_[run_around(item)].outside;
  return item;
}

void ItemStore::release(Item* item) {
  if (item->is_far()) {
    FarBody* body = item->far_body();
    const size_t bytes = sizeof(FarBody) + body->capacity;
    discharge(bytes);
    far_bytes_ -= bytes;
    free_memory(body);
    --runs_[run_around(item)].outside;
  }
  free_slot(item);
}

ItemRef ItemStore::ref_of(const Item* item) const {
  const RegionHeader* region = region_around(item);
  return ItemRef(region->number,
                 reinterpret_cast<uintptr_t>(item) - reinterpret_cast<uintptr_t>(region));
}

size_t ItemStore::value_room(const Item* item) const {
  const ItemShape shape = item->shape();
  if (shape.far) return item->far_body()->capacity - shape.key_length;
  return runs_[run_around(item)].slot_bytes - shape.header_bytes() - shape.key_length;
}

size_t ItemStore::bytes_of(const Item* item) const {
  const size_t far_bytes = item->is_far() ? sizeof(FarBody) + item->far_body()->capacity : 0;
  return runs_[run_around(item)].slot_bytes + far_bytes;
}

void ItemStore::owns_outside(const Item* item, bool owns) {
  Run& run = runs_[run_around(item)];
  run.outside = static_cast<uint16_t>(run.outside + (owns ? 1 : -1));
}

// ---- slots --------------------------------------------------------------------------------------

Item* ItemStore::take_slot(unsigned slot_class) {
  Class& kind = classes_[slot_class];
  const RunId id = kind.roomy != kNoRun ? kind.roomy : add_run(slot_class);
  Run& run = runs_[id];
  char* slot;
  if (run.first_free != 0) {
    slot = run.slot(run.first_free - 1u);
    std::memcpy(&run.first_free, slot + 2, sizeof run.first_free);
  } else {
    slot = run.slot(run.used++);
  }
  ++run.live;
  ++kind.live;
  ++live_;
  if (!run.has_room()) unlink(id);
  charge(run.slot_bytes);
  return reinterpret_cast<Item*>(slot);
}

void ItemStore::free_slot(Item* item) {
  const RunId id = run_around(item);
  Run& run = runs_[id];
  Class& kind = classes_[run.slot_class];
  item->mark_free();
  std::memcpy(reinterpret_cast<char*>(item) + 2, &run.first_free, sizeof run.first_free);
  run.first_free = static_cast<uint16_t>(run.index_of(item) + 1);
  if (!run.has_room()) link_front(id);
  --run.live;
  --kind.live;
  --live_;
  discharge(run.slot_bytes);
  if (run.live == 0) {
    unlink(id);
    return drop_run(id);
  }
  note_sparse(run);
}

// ---- runs and regions ---------------------------------------------------------------------------

RunId ItemStore::add_run(unsigned slot_class) {
  Class& kind = classes_[slot_class];
  unsigned pages = pages_for(slot_class);
  if (kind.runs >= kManyRuns) pages = std::max(pages, kLongRunPages);
  unsigned first_page = 0;
  const uint32_t number = region_with(pages, &first_page);
  Region& region = regions_[number];
  region.free_pages &= ~(((1u << pages) - 1) << first_page);
  free_pages_ -= pages;

  RunId id = free_run_;
  if (id != kNoRun) {
    free_run_ = runs_[id].next;
  } else {
    id = static_cast<RunId>(runs_.size());
    if (runs_.size() == runs_.capacity()) runs_.reserve(runs_.size() + runs_.size() / 4 + 8);
    runs_.emplace_back();
  }
  auto* header = reinterpret_cast<RegionHeader*>(region.memory);
  std::fill_n(header->run_of_page + first_page, pages, id);
  const size_t skipped = first_page == 0 ? kRegionHeaderBytes : 0;
  Run& run = runs_[id];
  run = Run{};
  run.first_slot = region.memory + first_page * kPageBytes + skipped;
  run.slot_bytes = static_cast<uint16_t>(slot_class_bytes(slot_class));
  run.slots = static_cast<uint16_t>((pages * kPageBytes - skipped) / run.slot_bytes);
  run.slot_class = static_cast<uint8_t>(slot_class);
  run.pages = static_cast<uint8_t>(pages);
  kind.slots += run.slots;
  ++kind.runs;
  link_front(id);
  return id;
}

void ItemStore::drop_run(RunId id) {
  Run& run = runs_[id];
  classes_[run.slot_class].slots -= run.slots;
  --classes_[run.slot_class].runs;
  due_.remove(runs_, id);
  object_due_.remove(runs_, id);
  for (RunHeap& heap : ranks_) heap.remove(runs_, id);
  const auto* item = reinterpret_cast<const Item*>(run.first_slot);
  const RegionHeader* header = region_around(item);
  const auto first_page = static_cast<unsigned>(
      static_cast<size_t>(run.first_slot - reinterpret_cast<const char*>(header)) / kPageBytes);
  const uint32_t number = header->number;
  Region& region = regions_[number];
  region.free_pages |= ((1u << run.pages) - 1) << first_page;
  free_pages_ += run.pages;
  first_open_region_ = std::min(first_open_region_, number);
  run = Run{};
  run.next = std::exchange(free_run_, id);
  if (region.free_pages == kAllPages) drop_region(number);
}

uint32_t ItemStore::region_with(unsigned pages, unsigned* first_page) {
  bool all_full = true;
  for (uint32_t number = first_open_region_; number < regions_.size(); ++number) {
    const Region& region = regions_[number];
    if (region.free_pages == 0) {
      if (all_full) first_open_region_ = number + 1;
      continue;
    }
    all_full = false;
    uint32_t starts = region.free_pages;
    for (unsigned more = 1; more < pages; ++more) starts &= region.free_pages >> more;
    if (starts == 0) continue;
    *first_page = static_cast<unsigned>(std::countr_zero(starts));
    return number;
  }
  *first_page = 0;
  return add_region();
}

uint32_t ItemStore::add_region() {
  uint32_t number;
  if (!free_numbers_.empty()) {
    number = free_numbers_.back();
    free_numbers_.pop_back();
  } else {
    number = static_cast<uint32_t>(regions_.size());
    check(number < 1u << ItemRef::kRegionBits, "a shard's items fit into what references name");
    regions_.emplace_back();
    if (map_->is_empty()) {
      map_->set(pool_.take(kMinTableDepth), kMinTableDepth);
    } else if (number >> map_->depth() != 0) {
      const unsigned depth = map_->depth();
      RegionWord* old = map_->table();
      RegionWord* table = pool_.take(depth + 1);
      for (uint32_t each = 0; each < number; ++each) {
        table[each].store(old[each].load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
      map_->set(table, depth + 1);
      pool_.give(old, depth);
    }
  }
  char* memory = take_region();
  reinterpret_cast<RegionHeader*>(memory)->number = number;
  regions_[number] = {memory, kAllPages};
  map_->table()[number].store(memory, std::memory_order_relaxed);
  first_open_region_ = std::min(first_open_region_, number);
  ++live_regions_;
  free_pages_ += kPages;
  return number;
}

void ItemStore::drop_region(uint32_t number) {
  give_region(regions_[number].memory);
  regions_[number] = {};
  free_numbers_.push_back(number);
  --live_regions_;
  free_pages_ -= kPages;
  if (live_regions_ > 0) return;
  // Nothing is left: give the table back, too.
  pool_.give(map_->table(), map_->depth());
  map_->clear();
  regions_.clear();
  free_numbers_.clear();
  first_open_region_ = 0;
}

void ItemStore::link_front(RunId id) {
  Run& run = runs_[id];
  Class& kind = classes_[run.slot_class];
  run.previous = kNoRun;
  run.next = kind.roomy;
  if (kind.roomy != kNoRun) {
    runs_[kind.roomy].previous = id;
  } else {
    kind.roomy_back = id;
  }
  kind.roomy = id;
}

void ItemStore::unlink(RunId id) {
  const Run& run = runs_[id];
  Class& kind = classes_[run.slot_class];
  (run.previous == kNoRun ? kind.roomy : runs_[run.previous].next) = run.next;
  (run.next == kNoRun ? kind.roomy_back : runs_[run.next].previous) = run.previous;
}

// ---- deadlines ----------------------------------------------------------------------------------

void ItemStore::note_deadline(const Item* item, int64_t deadline_ms) {
  if (deadline_ms == kNoDeadline) return;
  const RunId id = run_around(item);
  const auto key = static_cast<uint64_t>(deadline_ms);
  if (due_.has(runs_[id]) && due_.key_of(runs_[id]) <= key) return;
  due_.set(runs_, id, key);
}

Item* ItemStore::soonest(uint64_t limit, unsigned max_looks) {
  for (unsigned looks = 0; looks < max_looks && !due_.is_empty(); ++looks) {
    if (due_.top().key > limit) return nullptr;
    const RunId id = due_.top().run;
    Item* soonest = nullptr;
    int64_t soonest_ms = INT64_MAX;
    for_each_live(runs_[id], [&](Item* item) {
      const int64_t deadline_ms = item->deadline_ms();
      if (deadline_ms == kNoDeadline || (soonest != nullptr && deadline_ms >= soonest_ms)) return;
      soonest = item;
      soonest_ms = deadline_ms;
    });
    if (soonest == nullptr) {
      due_.remove(runs_, id);
      continue;
    }
    due_.set(runs_, id, static_cast<uint64_t>(soonest_ms));
    if (due_.top().key < static_cast<uint64_t>(soonest_ms)) continue;  // another run is first
    return static_cast<uint64_t>(soonest_ms) <= limit ? soonest : nullptr;
  }
  return nullptr;
}

void ItemStore::note_rank(const Item* item, unsigned segment, uint64_t key) {
  const RunId id = run_around(item);
  RunHeap& heap = ranks_[segment];
  if (heap.has(runs_[id]) && heap.key_of(runs_[id]) <= key) return;
  heap.set(runs_, id, key);
}

void ItemStore::forget_ranks() {
  for (RunHeap& heap : ranks_) heap.clear(runs_);
}

size_t ItemStore::take_due(int64_t now_ms, std::vector<Item*>& due) {
  const RunId id = due_.top().run;
  uint64_t earliest = UINT64_MAX;
  for_each_live(runs_[id], [&](Item* item) {
    const int64_t deadline_ms = item->deadline_ms();
    if (deadline_ms == kNoDeadline) return;
    if (deadline_ms <= now_ms) {
      due.push_back(item);
    } else {
      earliest = std::min(earliest, static_cast<uint64_t>(deadline_ms));
    }
  });
  if (earliest == UINT64_MAX) {
    due_.remove(runs_, id);
  } else {
    due_.set(runs_, id, earliest);
  }
  return runs_[id].used;
}

void ItemStore::note_object_deadline(const Item* item, int64_t deadline_ms) {
  const RunId id = run_around(item);
  const auto key = static_cast<uint64_t>(deadline_ms);
  if (object_due_.has(runs_[id]) && object_due_.key_of(runs_[id]) <= key) return;
  object_due_.set(runs_, id, key);
}

size_t ItemStore::take_due_objects(int64_t now_ms, std::vector<Item*>& due) {
  const RunId id = object_due_.top().run;
  int64_t earliest = INT64_MAX;
  for_each_live(runs_[id], [&](Item* item) {
    if (item->kind() != Kind::object) return;
    const int64_t deadline_ms = item->object()->earliest_deadline_ms();
    if (deadline_ms <= now_ms) {
      due.push_back(item);
    } else {
      earliest = std::min(earliest, deadline_ms);
    }
  });
  if (earliest == INT64_MAX) {
    object_due_.remove(runs_, id);
  } else {
    object_due_.set(runs_, id, static_cast<uint64_t>(earliest));
  }
  return runs_[id].used;
}

// ---- evacuation ---------------------------------------------------------------------------------

bool ItemStore::is_sparse(const Class& kind, const Run& run) const {
  const uint32_t free = kind.slots - kind.live;
  return free > kind.slots / kSparsePart && free > 2u * run.slots;
}

void ItemStore::note_sparse(const Run& run) {
  Class& kind = classes_[run.slot_class];
  if (kind.listed_sparse || !is_sparse(kind, run)) return;
  kind.listed_sparse = true;
  sparse_.push_back(run.slot_class);
}

// Few items, and many free pages around it: emptying it may empty a region.
RunId ItemStore::sparsest_run(const Class& kind) const {
  RunId best = kNoRun;
  int best_cost = 0;
  RunId id = kind.roomy_back;
  for (unsigned compared = 0; compared < kRunsCompared && id != kNoRun; ++compared) {
    const Run& run = runs_[id];
    const uint32_t number = region_around(reinterpret_cast<Item*>(run.first_slot))->number;
    const int cost = static_cast<int>(kPages) * run.live / run.slots -
                     std::popcount(regions_[number].free_pages);
    if (best == kNoRun || cost < best_cost) {
      best = id;
      best_cost = cost;
    }
    id = run.previous;
  }
  return best;
}

bool ItemStore::has_sparse_regions() const {
  return free_pages_ > live_regions_ * kPages / kSparsePart && free_pages_ > enough_free_pages_;
}

size_t ItemStore::evacuate(FunctionRef<void(Item* from, Item* to)> moved) {
  if (sparse_.empty()) return has_sparse_regions() ? empty_region(moved) : 0;
  Class& kind = classes_[sparse_.back()];
  sparse_.pop_back();
  kind.listed_sparse = false;
  const RunId id = sparsest_run(kind);
  if (id == kNoRun || !is_sparse(kind, runs_[id])) return 0;
  const size_t count = empty_run(id, moved);
  if (kind.roomy != kNoRun) note_sparse(runs_[kind.roomy]);
  return count;
}

// The region with the most free pages.
size_t ItemStore::empty_region(FunctionRef<void(Item* from, Item* to)> moved) {
  uint32_t emptiest = 0;
  int most = -1;
  for (uint32_t number = 0; number < regions_.size(); ++number) {
    if (regions_[number].memory == nullptr) continue;
    const int free = std::popcount(regions_[number].free_pages);
    if (free < most) continue;
    most = free;
    emptiest = number;
  }
  Region& region = regions_[emptiest];
  const uint32_t used = ~region.free_pages & kAllPages;
  region.free_pages = 0;  // nothing moves into it
  const size_t regions_before = live_regions_;
  size_t count = 0;
  for (uint32_t pages = used; pages != 0; pages &= pages - 1) {
    const RunId id = reinterpret_cast<RegionHeader*>(region.memory)
                         ->run_of_page[static_cast<unsigned>(std::countr_zero(pages))];
    if (!closed_runs_.empty() && closed_runs_.back() == id) continue;  // another of its pages
    if (runs_[id].has_room()) unlink(id);
    closed_runs_.push_back(id);
  }
  for (const RunId id : closed_runs_) count += move_items(id, moved);
  // The last of them drops the region.
  region.free_pages = ~used & kAllPages;
  for (const RunId id : closed_runs_) drop_run(id);
  closed_runs_.clear();
  // If that needed a new region, the free pages are of no use to what is there: not again before
  // there are more of them.
  const bool helped = live_regions_ < regions_before;
  enough_free_pages_ = helped ? kFewFreePages : free_pages_ + kFewFreePages;
  return count;
}

// REQUIRES: the other runs of its class have room.
size_t ItemStore::empty_run(RunId id, FunctionRef<void(Item* from, Item* to)> moved) {
  unlink(id);  // so that nothing moves into it
  const size_t count = move_items(id, moved);
  drop_run(id);
  return count;
}

// Moves all items out of a run that is in no list.
size_t ItemStore::move_items(RunId id, FunctionRef<void(Item* from, Item* to)> moved) {
  size_t count = 0;
  const Run run = runs_[id];
  const unsigned slot_class = run.slot_class;
  for_each_live(run, [&](Item* from) {
    Item* to = take_slot(slot_class);
    std::memcpy(to, from, run.slot_bytes);
    note_deadline(to, to->deadline_ms());
    if (object_due_.has(runs_[id]) && to->kind() == Kind::object) {
      const int64_t deadline_ms = to->object()->earliest_deadline_ms();
      if (deadline_ms != INT64_MAX) note_object_deadline(to, deadline_ms);
    }
    const unsigned outside = (to->is_far() ? 1u : 0u) + (owns_memory(to->kind()) ? 1u : 0u);
    Run& target = runs_[run_around(to)];
    target.outside = static_cast<uint16_t>(target.outside + outside);
    moved(from, to);
    ++count;
  });
  classes_[slot_class].live -= run.live;
  live_ -= run.live;
  discharge(size_t{run.live} * run.slot_bytes);
  return count;
}

// ---- taking apart -------------------------------------------------------------------------------

void ItemStore::detach() {
  account_.bytes -= bytes_;
  bytes_ = 0;
  if (!map_->is_empty()) {
    detached_table_ = map_->table();
    detached_depth_ = map_->depth();
    map_->clear();
  }
  map_ = nullptr;
}

size_t ItemStore::release_slice(size_t max_items, std::vector<Object*>& objects) {
  size_t released = 0;
  for (; next_released_run_ < runs_.size() && released < max_items; ++next_released_run_) {
    const Run& run = runs_[next_released_run_];
    if (run.first_slot == nullptr || run.outside == 0) continue;
    for_each_live(run, [&](Item* item) {
      if (item->kind() == Kind::blob) item->blob()->release();
      if (item->kind() == Kind::object) objects.push_back(item->object());
      if (item->is_far()) free_memory(item->far_body());
      ++released;
    });
  }
  if (next_released_run_ < runs_.size()) return released;
  // Giving a region back to the system counts as so many items.
  constexpr size_t kItemsPerRegion = 64;
  while (!regions_.empty() && released < max_items) {
    if (regions_.back().memory != nullptr) give_region(regions_.back().memory);
    regions_.pop_back();
    released += kItemsPerRegion;
  }
  if (regions_.empty() && detached_table_ != nullptr) {
    pool_.give(std::exchange(detached_table_, nullptr), detached_depth_);
  }
  return released;
}

}  // namespace larder::storage
