#include "storage/pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include "storage/memory.h"

namespace larder::storage {
namespace {

constexpr size_t kMinChunkBlocks = 8;
constexpr size_t kMaxChunkBlocks = 2048;
constexpr size_t kChunkAlignment = 512;

}  // namespace

BlockPool::~BlockPool() {
  for (void* memory : memory_) free_memory(memory);
}

Block* BlockPool::take_block() {
  if (!free_blocks_.empty()) {
    Block* block = free_blocks_.back();
    free_blocks_.pop_back();
    return block;
  }
  if (fresh_ == fresh_end_) add_chunk();
  return new (fresh_++) Block;
}

void BlockPool::give_block(Block* block) {
  block->clear();
  block->buckets[0].set_depth(0);
  free_blocks_.push_back(block);
}

void BlockPool::add_chunk() {
  const size_t count = std::clamp(std::bit_floor(std::max(blocks_ / 8, size_t{1})), kMinChunkBlocks,
                                  kMaxChunkBlocks);
  fresh_ = static_cast<Block*>(take_aligned_memory(kChunkAlignment, count * sizeof(Block)));
  fresh_end_ = fresh_ + count;
  blocks_ += count;
  memory_.push_back(fresh_);
}

DirectoryWord* BlockPool::take_directory(unsigned depth) {
  auto& free = free_directories_[depth];
  if (!free.empty()) {
    DirectoryWord* directory = free.back();
    free.pop_back();
    return directory;
  }
  void* memory = take_aligned_memory(64, directory_bytes(depth));
  memory_.push_back(memory);
  auto* words = static_cast<DirectoryWord*>(memory);
  for (size_t index = 0; index < size_t{1} << depth; ++index) new (words + index) DirectoryWord;
  return words;
}

void BlockPool::give_directory(DirectoryWord* directory, unsigned depth) {
  free_directories_[depth].push_back(directory);
}

}  // namespace larder::storage
