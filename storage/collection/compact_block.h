// CompactBlock: some bytes in one block of memory, for collections so small that changing one moves
// what stands behind the change.
//
//   capacity 4 | used 4 | bytes
//
// It says nothing about what the bytes mean, but for find_entry() and what follows it, where they
// are listpack entries (listpack.h). Without bytes it takes no memory; it grows by the allocator's
// size classes and shrinks when half of it would do.
//
// Owned like a plain pointer: copies of this are the same block, and free() ends it.
// Thread: see object.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/listpack.h"

namespace larder::storage {

class CompactBlock {
 public:
  const char* begin() const { return block_ == nullptr ? nullptr : block_->bytes(); }
  const char* end() const { return block_ == nullptr ? nullptr : block_->bytes() + block_->used; }
  char* data() { return block_ == nullptr ? nullptr : block_->bytes(); }
  size_t used() const { return block_ == nullptr ? 0 : block_->used; }
  // What it takes, as the allocator rounds it.
  size_t bytes() const;

  // Gives the `old_bytes` at `at` room for `new_bytes`, moving what stands behind them; returns
  // where that is. What was there is lost. O(used()).
  char* replace(const char* at, size_t old_bytes, size_t new_bytes);
  CompactBlock copy() const;
  void free();

 private:
  struct Block {
    uint32_t capacity;
    uint32_t used;

    char* bytes() { return reinterpret_cast<char*>(this + 1); }
  };

  static Block* create(size_t room);

  Block* block_ = nullptr;
};

// The first of every `stride` entries that is this, between two ends; null if there is none.
// O(entries).
const char* find_entry(const char* begin, const char* end, const listpack::NewEntry& sought,
                       size_t stride);
// So many entries further on.
inline const char* skip_entries(const char* entry, size_t count) {
  for (; count > 0; --count) entry = listpack::next(entry);
  return entry;
}
// Writes an entry behind the last one.
void append_entry(CompactBlock& block, const listpack::NewEntry& entry);

}  // namespace larder::storage
