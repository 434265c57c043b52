// Slot classes: the sizes of slots in slabs.
//
// Steps of 4 bytes up to 128, then sixteen per doubling up to 2 KiB: what an item wastes in its
// slot is at most 3 bytes, or about 6 % of a larger one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace larder::storage {

constexpr size_t kMinSlotBytes = 8;
constexpr size_t kMaxSlotBytes = 2048;

// The smallest class that holds `bytes`, at most kMaxSlotBytes.
constexpr unsigned slot_class_of(size_t bytes) {
  if (bytes <= 128) return bytes <= kMinSlotBytes ? 0 : static_cast<unsigned>((bytes + 3) / 4 - 2);
  const unsigned doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 1;  // >= 7
  const size_t step = ((bytes - 1) >> (doubling - 4)) & 15;
  return 31 + (doubling - 7) * 16 + static_cast<unsigned>(step);
}

// Bytes of a class.
constexpr size_t slot_class_bytes(unsigned slot_class) {
  if (slot_class < 31) return (size_t{slot_class} + 2) * 4;
  const unsigned doubling = 7 + (slot_class - 31) / 16;
  return size_t{17 + (slot_class - 31) % 16} << (doubling - 4);
}

constexpr unsigned kSlotClasses = slot_class_of(kMaxSlotBytes) + 1;

constexpr size_t round_to_slot(size_t bytes) {
  return slot_class_bytes(slot_class_of(bytes));
}

static_assert(round_to_slot(1) == 8 && round_to_slot(8) == 8 && round_to_slot(9) == 12);
static_assert(round_to_slot(83) == 84 && round_to_slot(128) == 128 && round_to_slot(129) == 136);
static_assert(round_to_slot(136) == 136 && round_to_slot(137) == 144);
static_assert(round_to_slot(256) == 256 && round_to_slot(257) == 272);
static_assert(round_to_slot(2000) == 2048 - 64 + 64 && round_to_slot(2048) == 2048);

}  // namespace larder::storage
