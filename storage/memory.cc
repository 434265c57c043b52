#include "storage/memory.h"

#include <cstdio>
#include <cstdlib>

namespace larder::storage {
namespace {

void* or_die(void* memory, size_t bytes) {
  if (memory == nullptr) {
    std::fprintf(stderr, "out of memory: %zu bytes could not be allocated\n", bytes);
    std::abort();
  }
  return memory;
}

}  // namespace

void* take_memory(size_t bytes) {
  return or_die(std::malloc(bytes), bytes);
}

void* take_aligned_memory(size_t alignment, size_t bytes) {
  return or_die(std::aligned_alloc(alignment, bytes), bytes);
}

void free_memory(void* memory) {
  std::free(memory);
}

}  // namespace larder::storage
