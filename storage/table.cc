#include "storage/table.h"

#include <algorithm>
#include <utility>

namespace larder::storage {
namespace {

// Two blocks with at most this many items together become one; well below a full block, so that the
// next insertions do not split it again.
constexpr unsigned kMergeBelow = 24;
// The directory may have this many words per block. Seeded hashes need about 4.
constexpr size_t kMaxWordsPerBlock = 32;

constexpr uint32_t kEndPosition = 1u << kDirectoryBits;

bool is_key(uint64_t slot, std::string_view key) {
  return ref_of(slot).item()->has_key(key);
}

// Calls `accept(slot)` for the slots of a home bucket's range that may belong to `hash`, until it
// returns true; returns that slot or null.
template <typename Accept>
inline Slot* probe(Block* block, Hash hash, Accept accept) {
  const unsigned home = home_of(hash);
  const uint8_t tag = tag_of(hash);
  const uint64_t fragment = fragment_of(hash);
  const unsigned reach = block->buckets[home].reach();
  for (unsigned distance = 0; distance <= reach; ++distance) {
    Bucket& bucket = block->buckets[(home + distance) % kBucketsPerBlock];
    for (SlotSet set = bucket.with_tag(tag); set != 0; set &= set - 1) {
      Slot& slot = bucket.slot(first_slot(set));
      const uint64_t word = slot.load(std::memory_order_relaxed);
      if (fragment_in(word) == fragment && accept(word)) return &slot;
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

void Table::prefetch_items(Hash hash, size_t bytes) const {
  const Root root = this->root();
  if (root.word == 0) return;
  Block* block = root.block_for(hash);
  const unsigned home = home_of(hash);
  const Bucket& bucket = block->buckets[home];
  const uint64_t fragment = fragment_of(hash);
  bool found = false;
  for (SlotSet set = bucket.with_tag(tag_of(hash)); set != 0; set &= set - 1) {
    const uint64_t word = bucket.slot(first_slot(set)).load(std::memory_order_relaxed);
    if (fragment_in(word) != fragment) continue;
    ref_of(word).prefetch(bytes);
    found = true;
  }
  // Displaced, perhaps: its bucket at least can be on its way.
  if (!found && bucket.reach() > 0) {
    __builtin_prefetch(&block->buckets[(home + 1) % kBucketsPerBlock]);
  }
}

size_t Table::structure_bytes() const {
  const Root root = this->root();
  if (root.word == 0) return 0;
  return blocks_ * sizeof(Block) + BlockPool::directory_bytes(root.depth());
}

Slot* Table::find(std::string_view key, Hash hash) {
  const Root root = this->root();
  if (root.word == 0) return nullptr;
  Slot* slot =
      probe(root.block_for(hash), hash, [key](uint64_t word) { return is_key(word, key); });
  if (slot != nullptr || spilled_ == nullptr) [[likely]]
    return slot;
  for (const auto& spilled : *spilled_) {
    if (spilled->hash == hash && is_key(spilled->slot.load(std::memory_order_relaxed), key)) {
      return &spilled->slot;
    }
  }
  return nullptr;
}

Slot* Table::find_if(Hash hash, FunctionRef<bool(const Item&)> accepts) {
  const Root root = this->root();
  if (root.word == 0) return nullptr;
  const auto accept = [accepts](uint64_t word) { return accepts(*ref_of(word).item()); };
  Slot* slot = probe(root.block_for(hash), hash, accept);
  if (slot != nullptr || spilled_ == nullptr) return slot;
  for (const auto& spilled : *spilled_) {
    if (directory_bits(spilled->hash) == directory_bits(hash) &&
        accept(spilled->slot.load(std::memory_order_relaxed))) {
      return &spilled->slot;
    }
  }
  return nullptr;
}

Slot* Table::insert(Hash hash, ItemRef ref) {
  if (root().word == 0) create();
  ++size_;
  const uint64_t word = make_slot(ref, fragment_of(hash));
  const uint8_t tag = tag_of(hash);
  for (;;) {
    Block* block = root().block_for(hash);
    if (Slot* slot = block->place(word, tag)) return slot;
    if (!split(block, hash)) return spill(hash, ref);
  }
}

void Table::replace(Slot* slot, ItemRef ref) {
  const uint64_t word = slot->load(std::memory_order_relaxed);
  slot->store(make_slot(ref, fragment_in(word)), std::memory_order_relaxed);
}

void Table::erase(Slot* slot) {
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
  const uint64_t word = slot->load(std::memory_order_relaxed);
  block->remove(slot);
  if (size_ == 0) return drop();
  if (bucket.is_empty() && block->depth() > 0) {
    merge_around(block, directory_bits_of(word, block->depth()));
  }
  if (spilled_ != nullptr) [[unlikely]]
    reclaim_spilled();
}

void Table::create() {
  Block* block = context_.pool.take_block();
  DirectoryWord* directory = context_.pool.take_directory(kMinDirectoryDepth);
  for (size_t index = 0; index < size_t{1} << kMinDirectoryDepth; ++index) {
    directory[index].store(block, std::memory_order_release);
  }
  blocks_ = 1;
  deepest_ = 0;
  context_.account.bytes += sizeof(Block) + BlockPool::directory_bytes(kMinDirectoryDepth);
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
    context_.pool.give_block(block);
  }
  context_.pool.give_directory(root.directory(), root.depth());
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

// The directory bits of an item, at least the first `count` of them.
uint32_t Table::directory_bits_of(uint64_t slot, unsigned count) const {
  if (count <= kStoredBits) [[likely]]
    return directory_bits_in(slot);
  return directory_bits(context_.hasher(ref_of(slot).item()->key()));
}

bool Table::split(Block* block, Hash hash) {
  const unsigned depth = block->depth();
  if (depth == root().depth() && !double_directory()) return false;

  struct Taken {
    uint64_t slot;
    uint8_t tag;
  };
  Taken taken[kSlotsPerBlock];
  unsigned count = 0;
  for (const Bucket& bucket : block->buckets) {
    for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
      const uint64_t word = bucket.slot(index).load(std::memory_order_relaxed);
      if (word == 0) continue;
      taken[count++] = {word, bucket.tag(index)};
      if (depth >= kStoredBits) ref_of(word).prefetch();
    }
  }
  Block* upper = context_.pool.take_block();
  block->clear();
  block->buckets[0].set_depth(depth + 1);
  upper->buckets[0].set_depth(depth + 1);
  const uint32_t bit = 1u << (kDirectoryBits - 1 - depth);
  for (unsigned index = 0; index < count; ++index) {
    const Taken& each = taken[index];
    const bool goes_up = (directory_bits_of(each.slot, depth + 1) & bit) != 0;
    (goes_up ? upper : block)->place(each.slot, each.tag);
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
  DirectoryWord* directory = context_.pool.take_directory(depth);
  for (size_t index = 0; index < size_t{1} << depth; ++index) {
    directory[index].store(old.block(index >> 1), std::memory_order_release);
  }
  set_root(directory, depth);
  context_.pool.give_directory(old.directory(), old.depth());
  context_.account.bytes +=
      BlockPool::directory_bytes(depth) - BlockPool::directory_bytes(old.depth());
  deepest_ = 0;
  return true;
}

// REQUIRES: no block of depth D, D > kMinDirectoryDepth.
void Table::halve_directory() {
  const Root old = root();
  const unsigned depth = old.depth() - 1;
  DirectoryWord* directory = context_.pool.take_directory(depth);
  deepest_ = 0;
  for (size_t index = 0; index < size_t{1} << depth; ++index) {
    Block* block = old.block(index << 1);
    directory[index].store(block, std::memory_order_release);
    if (block->depth() == depth) ++deepest_;
  }
  set_root(directory, depth);
  context_.pool.give_directory(old.directory(), old.depth());
  context_.account.bytes -=
      BlockPool::directory_bytes(old.depth()) - BlockPool::directory_bytes(depth);
}

// Merges the block that stands for `bits` with its other half, and the result again, while both are
// nearly empty.
void Table::merge_around(Block* block, uint32_t bits) {
  for (unsigned depth = block->depth(); depth > 0; --depth) {
    const uint32_t bit = 1u << (kDirectoryBits - depth);
    Block* other = root().block(root().index_of(bits ^ bit));
    if (other->depth() != depth || block->count() + other->count() > kMergeBelow) return;
    for (const Bucket& bucket : other->buckets) {
      for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
        const uint64_t word = bucket.slot(index).load(std::memory_order_relaxed);
        if (word != 0) block->place(word, bucket.tag(index));
      }
    }
    block->buckets[0].set_depth(depth - 1);
    point(bits, depth - 1, block);
    context_.pool.give_block(other);
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
  spilled.slot.store(make_slot(ref, fragment_of(hash)), std::memory_order_relaxed);
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
    const uint64_t word = spilled->slot.load(std::memory_order_relaxed);
    return root().block_for(spilled->hash)->place(word, tag_of(spilled->hash)) != nullptr;
  });
  if (spilled_->empty()) spilled_.reset();
}

uint32_t Table::visit_block(uint32_t position, FunctionRef<void(Slot*)> visitor) {
  const Root root = this->root();
  if (root.word == 0) return kEndPosition;
  Block* block = root.block(root.index_of(position));
  for (Bucket& bucket : block->buckets) {
    for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
      Slot& slot = bucket.slot(index);
      if (slot.load(std::memory_order_relaxed) != 0) visitor(&slot);
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

DetachedTable Table::detach() {
  const Root old = root();
  context_.account.bytes -= structure_bytes();
  root_.store(0, std::memory_order_release);
  size_ = 0;
  blocks_ = 0;
  deepest_ = 0;
  return DetachedTable(context_.pool, old, std::move(spilled_));
}

DetachedTable::DetachedTable(DetachedTable&& other) noexcept
    : pool_(other.pool_),
      root_(std::exchange(other.root_, Table::Root{})),
      index_(other.index_),
      spilled_(std::move(other.spilled_)) {}

DetachedTable::~DetachedTable() = default;

size_t DetachedTable::release_slice(size_t max_items, FunctionRef<void(Item*)> release) {
  size_t released = 0;
  while (root_.word != 0 && (released < max_items || released == 0)) {
    Block* block = root_.block(index_);
    if (block->count() == 0) ++released;  // an empty block is work, too
    for (const Bucket& bucket : block->buckets) {
      for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
        ref_of(bucket.slot(index).load(std::memory_order_relaxed)).prefetch();
      }
    }
    for (const Bucket& bucket : block->buckets) {
      for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
        const uint64_t word = bucket.slot(index).load(std::memory_order_relaxed);
        if (word == 0) continue;
        release(ref_of(word).item());
        ++released;
      }
    }
    index_ += size_t{1} << (root_.depth() - block->depth());
    pool_.give_block(block);
    if (index_ == size_t{1} << root_.depth()) {
      pool_.give_directory(root_.directory(), root_.depth());
      root_.word = 0;
    }
  }
  while (root_.word == 0 && spilled_ != nullptr && released < max_items) {
    release(ref_of(spilled_->back()->slot.load(std::memory_order_relaxed)).item());
    ++released;
    spilled_->pop_back();
    if (spilled_->empty()) spilled_.reset();
  }
  return released;
}

}  // namespace larder::storage
