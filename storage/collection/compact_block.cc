#include "storage/collection/compact_block.h"

#include <cstring>

#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {

CompactBlock::Block* CompactBlock::create(size_t room) {
  const size_t bytes = round_to_class(sizeof(Block) + room);
  auto* block = static_cast<Block*>(take_memory(bytes));
  *block = {.capacity = static_cast<uint32_t>(bytes - sizeof(Block)), .used = 0};
  return block;
}

size_t CompactBlock::bytes() const {
  return block_ == nullptr ? 0 : sizeof(Block) + block_->capacity;
}

char* CompactBlock::replace(const char* at, size_t old_bytes, size_t new_bytes) {
  const size_t before = block_ == nullptr ? 0 : static_cast<size_t>(at - begin());
  const size_t behind = used() - before - old_bytes;
  const size_t total = before + new_bytes + behind;
  Block* old = block_;
  if (total == 0) {
    free();
    return nullptr;
  }
  if (old == nullptr || total > old->capacity ||
      bytes() > 2 * round_to_class(sizeof(Block) + total)) {
    block_ = create(total);
    if (before > 0) std::memcpy(block_->bytes(), old->bytes(), before);
  }
  if (behind > 0) {
    std::memmove(block_->bytes() + before + new_bytes, old->bytes() + before + old_bytes, behind);
  }
  block_->used = static_cast<uint32_t>(total);
  if (old != nullptr && old != block_) free_memory(old);
  return block_->bytes() + before;
}

CompactBlock CompactBlock::copy() const {
  CompactBlock other;
  if (block_ == nullptr) return other;
  other.block_ = create(used());
  std::memcpy(other.block_->bytes(), begin(), used());
  other.block_->used = block_->used;
  return other;
}

void CompactBlock::free() {
  if (block_ != nullptr) free_memory(block_);
  block_ = nullptr;
}

const char* find_entry(const char* begin, const char* end, const listpack::NewEntry& sought,
                       size_t stride) {
  for (const char* at = begin; at != end; at = skip_entries(at, stride)) {
    if (sought.is_at(at)) return at;
  }
  return nullptr;
}

void append_entry(CompactBlock& block, const listpack::NewEntry& entry) {
  entry.write(block.replace(block.end(), 0, entry.size()));
}

}  // namespace larder::storage
