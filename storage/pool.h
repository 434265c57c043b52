// BlockPool: where a shard's tables take their blocks and directories from.
//
// Memory taken from the system is kept until the pool is destroyed, and handed out again for the
// same purpose only: prefetch_*() may read a block or directory that has just been given back, and
// must find mapped memory with atomic words in it. Chunks grow with the pool (by an eighth), so
// that little is stranded.
//
// Thread: whoever holds the shard's lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/block.h"

namespace larder::storage {

using DirectoryWord = std::atomic<Block*>;

class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block without items, of depth 0.
  Block* take_block();
  void give_block(Block* block);

  // 2^depth words with arbitrary content.
  DirectoryWord* take_directory(unsigned depth);
  void give_directory(DirectoryWord* directory, unsigned depth);
  static size_t directory_bytes(unsigned depth) { return sizeof(DirectoryWord) << depth; }

 private:
  void add_chunk();

  std::vector<Block*> free_blocks_;
  std::vector<void*> memory_;  // everything taken from the system
  size_t blocks_ = 0;          // in all chunks
  Block* fresh_ = nullptr;     // blocks never handed out yet: [fresh_, fresh_end_)
  Block* fresh_end_ = nullptr;
  std::vector<DirectoryWord*> free_directories_[kDirectoryBits + 1];
};

}  // namespace larder::storage
