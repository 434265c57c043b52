// Memory: the one way storage takes memory that the account counts.
//
// Owns nothing. Memory that cannot be had ends the process: there is no state a server could carry
// on in, and limits belong to the account, not to the allocator.
#pragma once

#include <cstddef>

namespace larder::storage {

// Aligned to 16 bytes, freed with free_memory(). Never null.
void* take_memory(size_t bytes);
// `alignment` is a power of two, `bytes` a multiple of it.
void* take_aligned_memory(size_t alignment, size_t bytes);
void free_memory(void* memory);

// What a shard's parts take, as the allocator rounds it.
struct Account {
  size_t bytes = 0;
};

}  // namespace larder::storage
