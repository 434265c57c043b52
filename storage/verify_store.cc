// The deep check of an item store, apart from the code it checks.
#include <bit>
#include <vector>

#include "storage/check.h"
#include "storage/item_store.h"
#include "storage/object.h"

namespace larder::storage {

void ItemStore::verify() const {
  size_t bytes = 0;
  size_t far_bytes = 0;
  size_t live = 0;
  std::vector<uint32_t> pages_of_region(regions_.size(), kAllPages);
  for (RunId id = 0; id < runs_.size(); ++id) {
    const Run& run = runs_[id];
    if (run.first_slot == nullptr) continue;
    verify_run(id, &far_bytes);
    live += run.live;
    bytes += size_t{run.live} * run.slot_bytes;
    const auto* header = region_around(reinterpret_cast<const Item*>(run.first_slot));
    const auto first_page = static_cast<unsigned>(
        static_cast<size_t>(run.first_slot - reinterpret_cast<const char*>(header)) / kPageBytes);
    for (unsigned page = first_page; page < first_page + run.pages; ++page) {
      check(header->run_of_page[page] == id, "a page knows its run");
      check((pages_of_region[header->number] >> page & 1) != 0, "a page belongs to one run");
      pages_of_region[header->number] &= ~(1u << page);
    }
  }
  check(live == live_, "the store counts its items");
  check(far_bytes == far_bytes_, "the account of far bodies is exact");
  check(bytes + far_bytes == bytes_, "the account of slots is exact");
  size_t regions = 0;
  size_t free_pages = 0;
  for (uint32_t number = 0; number < regions_.size(); ++number) {
    const Region& region = regions_[number];
    if (region.memory == nullptr) continue;
    ++regions;
    check(region.free_pages == pages_of_region[number], "a page is free if no run has it");
    check(region.free_pages != kAllPages, "there is no empty region");
    free_pages += static_cast<size_t>(std::popcount(region.free_pages));
    check(region.free_pages == 0 || number >= first_open_region_, "free pages are found");
    check(map_->table()[number].load() == region.memory, "the map knows every region");
  }
  check(regions == live_regions_, "the store counts its regions");
  check(free_pages == free_pages_, "the store counts its free pages");
  for (unsigned index = 0; index < kSlotClasses; ++index) verify_class(index);
  for (const auto& entry : due_.entries()) {
    check(due_.top().key <= entry.key && due_.has(runs_[entry.run]), "the heap's top is its least");
    check(due_.key_of(runs_[entry.run]) == entry.key, "a run knows its place in the heap");
  }
}

void ItemStore::verify_run(RunId id, size_t* far_bytes) const {
  const Run& run = runs_[id];
  check(run.live > 0, "there is no empty run");
  check(run.live <= run.used && run.used <= run.slots, "a run counts its slots");
  unsigned live = 0;
  unsigned outside = 0;
  for_each_live(run, [&](const Item* item) {
    ++live;
    check(run_around(item) == id, "an item finds its run");
    if (owns_memory(item->kind())) ++outside;
    if (item->is_far()) {
      ++outside;
      *far_bytes += sizeof(FarBody) + item->far_body()->capacity;
      check(item->key_length() + item->shape().value_bytes() <= item->far_body()->capacity,
            "a far body holds its key and value");
    } else {
      check(item->shape().slot_bytes() <= run.slot_bytes, "an item fits into its slot");
    }
    if (item->kind() == Kind::object) {
      const int64_t due_ms = item->object()->earliest_deadline_ms();
      check(due_ms == INT64_MAX ||
                (object_due_.has(run) && object_due_.key_of(run) <= static_cast<uint64_t>(due_ms)),
            "a run's bound is not later than the deadlines within its objects");
    }
    const int64_t deadline_ms = item->deadline_ms();
    if (deadline_ms == kNoDeadline) return;
    check(due_.has(run), "a run with deadlines is in the heap");
    check(due_.key_of(run) <= static_cast<uint64_t>(deadline_ms),
          "a run's bound is not later than its deadlines");
  });
  check(live == run.live, "a run counts its items");
  check(outside == run.outside, "a run counts what its items own");
  unsigned free = 0;
  for (uint16_t next = run.first_free; next != 0; ++free) {
    const char* slot = run.slot(next - 1u);
    check(next <= run.used && reinterpret_cast<const Item*>(slot)->is_free(),
          "the free list names free slots");
    std::memcpy(&next, slot + 2, sizeof next);
  }
  check(free + live == run.used, "all free slots are in the list");
}

void ItemStore::verify_class(unsigned index) const {
  const Class& kind = classes_[index];
  size_t slots = 0;
  size_t live = 0;
  size_t roomy = 0;
  for (const Run& run : runs_) {
    if (run.first_slot == nullptr || run.slot_class != index) continue;
    slots += run.slots;
    live += run.live;
    roomy += run.has_room() ? 1 : 0;
  }
  check(slots == kind.slots && live == kind.live, "a class counts its slots");
  RunId previous = kNoRun;
  for (RunId id = kind.roomy; id != kNoRun; id = runs_[id].next) {
    check(runs_[id].previous == previous && runs_[id].slot_class == index, "a list is whole");
    check(runs_[id].has_room() && roomy-- > 0, "runs with room are listed once");
    previous = id;
  }
  check(roomy == 0 && kind.roomy_back == previous, "all runs with room are listed");
}

}  // namespace larder::storage
