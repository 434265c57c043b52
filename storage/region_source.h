// Regions: 32 KiB of memory, aligned so, for the item stores of all shards.
//
// The process's allocator for them, beside malloc, whose aligned allocations of this size leave as
// much unused as they return. Takes address space from the system in spans, hands regions out from
// the lowest huge page that has one, and gives a huge page (2 MiB) back when all its regions are
// free.
//
// Thread: any; a lock inside, held for a moment, or for giving a huge page back (some 50 us).
#pragma once

#include <cstddef>

namespace larder::storage {

constexpr size_t kRegionBytes = size_t{32} << 10;

// Never null: memory that cannot be had ends the process. Content arbitrary.
char* take_region();
void give_region(char* region);

}  // namespace larder::storage
