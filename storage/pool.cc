#include "storage/pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include "storage/memory.h"

namespace larder::storage {
namespace {

constexpr size_t kMinChunkBlocks = 4;
constexpr size_t kMaxChunkBlocks = 2048;
constexpr size_t kChunkAlignment = 512;

}  // namespace

BlockPool::~BlockPool() {
  for (void* memory : memory_) free_memory(memory);
}

Block* BlockPool::take() {
  if (!free_blocks_.empty()) {
    Block* block = free_blocks_.back();
    free_blocks_.pop_back();
    return block;
  }
  if (fresh_ == fresh_end_) add_chunk();
  return new (fresh_++) Block;
}

void BlockPool::give(Block* block) {
  block->clear();
  free_blocks_.push_back(block);
}

void BlockPool::add_chunk() {
  const size_t count = std::clamp(std::bit_floor(std::max(blocks_ / 16, size_t{1})),
                                  kMinChunkBlocks, kMaxChunkBlocks);
  fresh_ = static_cast<Block*>(take_aligned_memory(kChunkAlignment, count * sizeof(Block)));
  fresh_end_ = fresh_ + count;
  blocks_ += count;
  memory_.push_back(fresh_);
}

}  // namespace larder::storage
