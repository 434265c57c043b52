// Pools: where a shard's tables take their blocks, directories and region tables from.
//
// Memory taken from the system is kept until the pool is destroyed, and handed out again for the
// same purpose only: prefetch_*() may read a block, directory or region table that has just been
// given back, and must find mapped memory with atomic words in it. Chunks of blocks grow with the
// pool (by a sixteenth), so that little is stranded.
//
// Thread: whoever holds the shard's lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>
#include <vector>

#include "storage/block.h"
#include "storage/item_ref.h"
#include "storage/memory.h"

namespace larder::storage {

// Arrays of 2^depth words, for words of one kind.
template <typename Word>
class WordPool {
 public:
  WordPool() = default;
  ~WordPool() {
    for (void* memory : memory_) free_memory(memory);
  }
  WordPool(const WordPool&) = delete;
  WordPool& operator=(const WordPool&) = delete;

  // 2^depth words with arbitrary content, aligned to 64 bytes. REQUIRES: 3 <= depth.
  Word* take(unsigned depth) {
    if (depth >= free_.size()) free_.resize(depth + 1);
    if (!free_[depth].empty()) {
      Word* words = free_[depth].back();
      free_[depth].pop_back();
      return words;
    }
    void* memory = take_aligned_memory(kAlignment, bytes(depth));
    memory_.push_back(memory);
    auto* words = static_cast<Word*>(memory);
    for (size_t index = 0; index < size_t{1} << depth; ++index) new (words + index) Word{};
    return words;
  }
  void give(Word* words, unsigned depth) { free_[depth].push_back(words); }
  static size_t bytes(unsigned depth) { return sizeof(Word) << depth; }

 private:
  static constexpr size_t kAlignment = 64;

  std::vector<std::vector<Word*>> free_;
  std::vector<void*> memory_;
};

using DirectoryWord = std::atomic<Block*>;
using DirectoryPool = WordPool<DirectoryWord>;
using RegionPool = WordPool<RegionWord>;

class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block without items, of depth 0.
  Block* take();
  void give(Block* block);

 private:
  void add_chunk();

  std::vector<Block*> free_blocks_;
  std::vector<void*> memory_;  // everything taken from the system
  size_t blocks_ = 0;          // in all chunks
  Block* fresh_ = nullptr;     // blocks never handed out yet: [fresh_, fresh_end_)
  Block* fresh_end_ = nullptr;
};

}  // namespace larder::storage
