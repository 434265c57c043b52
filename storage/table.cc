#include "storage/table.h"

#include <algorithm>
#include <utility>

namespace larder::storage {
namespace {

// Two blocks with at most this many items together become one; well below a full block, so that the
// next insertions do not split it again.
constexpr unsigned kMergeBelow = 40;
// Of an item whose key is about to be hashed, this much is fetched.
constexpr size_t kKeyBytesFetched = 64;
// The directory may have this many words per block. Seeded hashes need about 4.
constexpr size_t kMaxWordsPerBlock = 32;

constexpr uint32_t kEndPosition = 1u << kDirectoryBits;

// Calls `accept(ref)` for the slots of a home bucket's range that may belong to `hash`, until it
// returns true; returns that slot or null.
template <typename Accept>
inline Slot* probe(Block* block, Hash hash, Accept accept) {
  const unsigned home = home_of(hash);
  const uint8_t tag = tag_of(hash);
  const unsigned reach = block->buckets[home].reach();
  for (unsigned distance = 0; distance <= reach; ++distance) {
    Bucket& bucket = block->buckets[(home + distance) % kBucketsPerBlock];
    for (SlotSet set = bucket.with_tag(tag); set != 0; set &= set - 1) {
      Slot& slot = bucket.slot(first_slot(set));
      if (accept(ref_in(slot))) return &slot;
    }
  }
  return nullptr;
}

}  // namespace

void Table::prefetch_directory(Hash hash) const {
  const Root root = this->root();
  if (root.word == 0) return;
  __builtin_prefetch(root.directory() + root.index_of(directory_bits(hash)));
}

void Table::prefetch_bucket(Hash hash) const {
  const Root root = this->root();
  if (root.word == 0) return;
  const Block* block = root.block_for(hash);
  __builtin_prefetch(&block->buckets[home_of(hash)]);
}

ItemRef Table::prefetch_region(Hash hash) const {
  const Root root = this->root();
  if (root.word == 0) return {};
  Block* block = root.block_for(hash);
  const unsigned home = home_of(hash);
  const Bucket& bucket = block->buckets[home];
  SlotSet candidates = bucket.with_tag(tag_of(hash));
  if (candidates == 0) {
    // Displaced, perhaps: its bucket at least can be on its way.
    if (bucket.reach() > 0) __builtin_prefetch(&block->buckets[(home + 1) % kBucketsPerBlock]);
    return {};
  }
  const ItemRef guess = ref_in(bucket.slot(first_slot(candidates)));
  regions_.prefetch_word(guess);
  // Rarely there are more: they are not worth the wait of another stage.
  while ((candidates &= candidates - 1) != 0) {
    regions_.prefetch(ref_in(bucket.slot(first_slot(candidates))), kKeyBytesFetched);
  }
  return guess;
}

size_t Table::structure_bytes() const {
  const Root root = this->root();
  if (root.word == 0) return 0;
  return blocks_ * sizeof(Block) + DirectoryPool::bytes(root.depth());
}

Slot* Table::find(std::string_view key, Hash hash) {
  const Root root = this->root();
  if (root.word == 0) return nullptr;
  const auto is_it = [this, key](ItemRef ref) { return regions_.item(ref)->has_key(key); };
  Slot* slot = probe(root.block_for(hash), hash, is_it);
  if (slot != nullptr || spilled_ == nullptr) [[likely]]
    return slot;
  for (const auto& spilled : *spilled_) {
    if (spilled->hash == hash && is_it(ref_in(spilled->slot))) return &spilled->slot;
  }
  return nullptr;
}

Slot* Table::find_ref(ItemRef ref, Hash hash) {
  const Root root = this->root();
  if (root.word == 0) return nullptr;
  const auto is_it = [ref](ItemRef other) { return other.bits() == ref.bits(); };
  Slot* slot = probe(root.block_for(hash), hash, is_it);
  if (slot != nullptr || spilled_ == nullptr) [[likely]]
    return slot;
  for (const auto& spilled : *spilled_) {
    if (is_it(ref_in(spilled->slot))) return &spilled->slot;
  }
  return nullptr;
}

Slot* Table::insert(Hash hash, ItemRef ref) {
  if (root().word == 0) create();
  ++size_;
  for (;;) {
    Block* block = root().block_for(hash);
    if (Slot* slot = block->place(hash, ref)) return slot;
    if (!split(block, hash)) return spill(hash, ref);
  }
}

void Table::erase(Slot* slot, Hash hash) {
  --size_;
  if (spilled_ != nullptr) [[unlikely]] {
    if (SpilledSlot* spilled = spilled_at(slot)) {
      std::erase_if(*spilled_, [spilled](const auto& each) { return each.get() == spilled; });
      if (spilled_->empty()) spilled_.reset();
      if (size_ == 0) drop();
      return;
    }
  }
  Block* block = block_around(slot);
  const Bucket& bucket = block->buckets[block->bucket_of(slot)];
  block->remove(slot, hash);
  if (size_ == 0) return drop();
  if (bucket.is_empty() && block->depth() > 0) merge_around(block, directory_bits(hash));
  if (spilled_ != nullptr) [[unlikely]]
    reclaim_spilled();
}

void Table::create() {
  Block* block = context_.blocks.take();
  DirectoryWord* directory = context_.directories.take(kMinDirectoryDepth);
  for (size_t index = 0; index < size_t{1} << kMinDirectoryDepth; ++index) {
    directory[index].store(block, std::memory_order_release);
  }
  blocks_ = 1;
  deepest_ = 0;
  context_.account.bytes += sizeof(Block) + DirectoryPool::bytes(kMinDirectoryDepth);
  set_root(directory, kMinDirectoryDepth);
}

// REQUIRES: no entries.
void Table::drop() {
  const Root root = this->root();
  context_.account.bytes -= structure_bytes();
  root_.store(0, std::memory_order_release);
  for (size_t index = 0; index < size_t{1} << root.depth();) {
    Block* block = root.block(index);
    index += size_t{1} << (root.depth() - block->depth());
    context_.blocks.give(block);
  }
  context_.directories.give(root.directory(), root.depth());
  blocks_ = 0;
  deepest_ = 0;
}

// Makes all directory words that begin with the first `depth` bits of `bits` name `block`.
void Table::point(uint32_t bits, unsigned depth, Block* block) {
  const Root root = this->root();
  const size_t count = size_t{1} << (root.depth() - depth);
  const size_t first = root.index_of(bits) & ~(count - 1);
  for (size_t index = first; index < first + count; ++index) {
    root.directory()[index].store(block, std::memory_order_release);
  }
}

bool Table::split(Block* block, Hash hash) {
  const unsigned depth = block->depth();
  if (depth == root().depth() && !double_directory()) return false;

  ItemRef taken[kSlotsPerBlock];
  unsigned count = 0;
  for (const Bucket& bucket : block->buckets) {
    for (SlotSet set = bucket.used(); set != 0; set &= set - 1) {
      taken[count] = ref_in(bucket.slot(first_slot(set)));
      regions_.prefetch(taken[count++], kKeyBytesFetched);
    }
  }
  Block* upper = context_.blocks.take();
  block->clear();
  block->buckets[0].set_depth(depth + 1);
  upper->buckets[0].set_depth(depth + 1);
  const uint32_t bit = 1u << (kDirectoryBits - 1 - depth);
  for (unsigned index = 0; index < count; ++index) {
    const Hash item_hash = hash_of(taken[index]);
    const bool goes_up = (directory_bits(item_hash) & bit) != 0;
    (goes_up ? upper : block)->place(item_hash, taken[index]);
  }
  context_.account.bytes += sizeof(Block);
  ++blocks_;
  if (depth + 1 == root().depth()) deepest_ += 2;
  point(directory_bits(hash) | bit, depth + 1, upper);
  return true;
}

bool Table::double_directory() {
  const Root old = root();
  const unsigned depth = old.depth() + 1;
  if (depth > context_.max_depth || size_t{1} << depth > kMaxWordsPerBlock * (blocks_ + 8)) {
    return false;
  }
  DirectoryWord* directory = context_.directories.take(depth);
  for (size_t index = 0; index < size_t{1} << depth; ++index) {
    directory[index].store(old.block(index >> 1), std::memory_order_release);
  }
  set_root(directory, depth);
  context_.directories.give(old.directory(), old.depth());
  context_.account.bytes += DirectoryPool::bytes(depth) - DirectoryPool::bytes(old.depth());
  deepest_ = 0;
  return true;
}

// REQUIRES: no block of depth D, D > kMinDirectoryDepth.
void Table::halve_directory() {
  const Root old = root();
  const unsigned depth = old.depth() - 1;
  DirectoryWord* directory = context_.directories.take(depth);
  deepest_ = 0;
  for (size_t index = 0; index < size_t{1} << depth; ++index) {
    Block* block = old.block(index << 1);
    directory[index].store(block, std::memory_order_release);
    if (block->depth() == depth) ++deepest_;
  }
  set_root(directory, depth);
  context_.directories.give(old.directory(), old.depth());
  context_.account.bytes -= DirectoryPool::bytes(old.depth()) - DirectoryPool::bytes(depth);
}

// Merges the block that stands for `bits` with its other half, and the result again, while both are
// nearly empty.
void Table::merge_around(Block* block, uint32_t bits) {
  for (unsigned depth = block->depth(); depth > 0; --depth) {
    const uint32_t bit = 1u << (kDirectoryBits - depth);
    Block* other = root().block(root().index_of(bits ^ bit));
    if (other->depth() != depth || block->count() + other->count() > kMergeBelow) return;
    for (const Bucket& bucket : other->buckets) {
      for (SlotSet set = bucket.used(); set != 0; set &= set - 1) {
        const ItemRef ref = ref_in(bucket.slot(first_slot(set)));
        block->place(hash_of(ref), ref);
      }
    }
    block->buckets[0].set_depth(depth - 1);
    point(bits, depth - 1, block);
    context_.blocks.give(other);
    context_.account.bytes -= sizeof(Block);
    --blocks_;
    if (depth == root().depth()) deepest_ -= 2;
    while (deepest_ == 0 && root().depth() > kMinDirectoryDepth) halve_directory();
  }
}

Slot* Table::spill(Hash hash, ItemRef ref) {
  if (spilled_ == nullptr) spilled_ = std::make_unique<Spill>();
  spilled_->push_back(std::make_unique<SpilledSlot>());
  SpilledSlot& spilled = *spilled_->back();
  spilled.slot.store(ref.bits(), std::memory_order_relaxed);
  spilled.hash = hash;
  return &spilled.slot;
}

SpilledSlot* Table::spilled_at(const Slot* slot) const {
  for (const auto& spilled : *spilled_) {
    if (&spilled->slot == slot) return spilled.get();
  }
  return nullptr;
}

// Moves spilled entries into their blocks where there is room again.
void Table::reclaim_spilled() {
  std::erase_if(*spilled_, [this](const auto& spilled) {
    return root().block_for(spilled->hash)->place(spilled->hash, ref_in(spilled->slot)) != nullptr;
  });
  if (spilled_->empty()) spilled_.reset();
}

uint32_t Table::visit_block(uint32_t position, FunctionRef<void(Slot*)> visitor) {
  const Root root = this->root();
  if (root.word == 0) return kEndPosition;
  Block* block = root.block(root.index_of(position));
  for (Bucket& bucket : block->buckets) {
    for (SlotSet set = bucket.used(); set != 0; set &= set - 1) {
      visitor(&bucket.slot(first_slot(set)));
    }
  }
  if (spilled_ != nullptr) {
    for (const auto& spilled : *spilled_) {
      if (root.block_for(spilled->hash) == block) visitor(&spilled->slot);
    }
  }
  const uint32_t width = kEndPosition >> block->depth();
  return (position & ~(width - 1)) + width;
}

Slot* Table::random(uint64_t random) {
  const Root root = this->root();
  if (root.word == 0) return nullptr;
  constexpr unsigned kTries = 256;
  for (unsigned tries = 0; tries < kTries; ++tries) {
    // A step of splitmix64 per try. Shallow blocks stand in several words, only the first counts,
    // so that every slot is as likely as any other.
    random += 0x9e3779b97f4a7c15;
    uint64_t bits = (random ^ (random >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    const size_t index = bits & ((size_t{1} << root.depth()) - 1);
    Block* block = root.block(index);
    if ((index & ((size_t{1} << (root.depth() - block->depth())) - 1)) != 0) continue;
    const auto place = static_cast<unsigned>((bits >> 32) % kSlotsPerBlock);
    Slot& slot = block->buckets[place / kSlotsPerBucket].slot(place % kSlotsPerBucket);
    if (slot.load(std::memory_order_relaxed) != 0) return &slot;
  }
  // Very sparse: one entry of the first block that has any.
  std::vector<Slot*> found;
  auto position = static_cast<uint32_t>(random) & (kEndPosition - 1);
  while (found.empty()) {
    position = visit_block(position, [&found](Slot* slot) { found.push_back(slot); });
    position %= kEndPosition;
  }
  return found[(random >> 32) % found.size()];
}

void Table::swap(Table& other) {
  const uint64_t word = root_.load(std::memory_order_relaxed);
  root_.store(other.root_.load(std::memory_order_relaxed), std::memory_order_release);
  other.root_.store(word, std::memory_order_release);
  regions_.swap(other.regions_);
  std::swap(size_, other.size_);
  std::swap(spilled_, other.spilled_);
  std::swap(blocks_, other.blocks_);
  std::swap(deepest_, other.deepest_);
}

DetachedTable Table::detach() {
  const Root old = root();
  context_.account.bytes -= structure_bytes();
  root_.store(0, std::memory_order_release);
  size_ = 0;
  blocks_ = 0;
  deepest_ = 0;
  spilled_.reset();
  return DetachedTable(context_, old);
}

DetachedTable::DetachedTable(DetachedTable&& other) noexcept
    : context_(other.context_),
      root_(std::exchange(other.root_, Table::Root{})),
      index_(other.index_) {}

DetachedTable::~DetachedTable() = default;

size_t DetachedTable::release_slice(size_t max_blocks) {
  size_t released = 0;
  while (root_.word != 0 && released < max_blocks) {
    Block* block = root_.block(index_);
    index_ += size_t{1} << (root_.depth() - block->depth());
    context_.blocks.give(block);
    ++released;
    if (index_ == size_t{1} << root_.depth()) {
      context_.directories.give(root_.directory(), root_.depth());
      root_.word = 0;
    }
  }
  return released;
}

}  // namespace larder::storage
