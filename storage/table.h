// Table: the entries of one database in one shard, by extendible hashing over blocks.
//
//   directory (2^D words)            blocks
//   000 -> A                         A  depth 2: all hashes that begin 00
//   001 -> A                         B  depth 3: 010
//   010 -> B                         C  depth 3: 011
//   011 -> C                         E  depth 1: 1
//   1.. -> E E E E
//
// Owns directory and blocks (taken from the shard's pools), the references to items and the map
// that leads from a reference to its item; not the items. Never allocates or frees an item, never
// looks at a value or a deadline.
//
// Growing splits one full block in two, halving the range of hashes it stands for; the directory
// doubles when that block was of depth D. Shrinking merges two blocks that are each other's other
// half and nearly empty, and halves the directory when no block needs its last bit. A block that
// cannot be split (the directory would be absurdly larger than the number of blocks, which only
// happens when hashes agree in many bits) spills into a list that every lookup of the table then
// searches.
//
// Invariants
//   * A block of depth d stands in 2^(D-d) consecutive directory words, and all its items share
//   those
//     d bits; D >= kMinDirectoryDepth.
//   * Without entries there is no directory and no block.
//
// Thread: the shard's lock; prefetch_*() any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/block.h"
#include "storage/function_ref.h"
#include "storage/hash.h"
#include "storage/memory.h"
#include "storage/pool.h"

namespace larder::storage {

// What the tables of a shard share.
struct TableContext {
  const KeyHasher& hasher;
  BlockPool& blocks;
  DirectoryPool& directories;
  Account& account;
  unsigned max_depth = kDirectoryBits;  // of a directory, at least Table::kMinDirectoryDepth
};

// An entry that found no place in its block.
struct SpilledSlot {
  Slot slot;
  Hash hash;
};
using Spill = std::vector<std::unique_ptr<SpilledSlot>>;

class DetachedTable;

class Table {
 public:
  static constexpr unsigned kMinDirectoryDepth = 6;

  explicit Table(const TableContext& context) : context_(context) {}
  // REQUIRES: no entries, or their items are freed already.
  ~Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void prefetch_directory(Hash hash) const;
  void prefetch_bucket(Hash hash) const;
  ItemRef prefetch_region(Hash hash) const;
  void prefetch_item(ItemRef guess, size_t bytes) const { regions_.prefetch(guess, bytes); }

  // Where references lead; kept by the store of the items.
  RegionMap& regions() { return regions_; }

  size_t size() const { return size_; }
  // Blocks and directory, as they stand in the account.
  size_t structure_bytes() const;

  // The slot of a key; null if absent.
  Slot* find(std::string_view key, Hash hash);
  // The slot that holds a reference; null if there is none. `hash` is that of the item's key.
  Slot* find_ref(ItemRef ref, Hash hash);
  // REQUIRES: the key is absent.
  Slot* insert(Hash hash, ItemRef ref);
  // Names another item of the same key. REQUIRES: `slot` is in use.
  static void replace(Slot* slot, ItemRef ref) {
    slot->store(ref.bits(), std::memory_order_relaxed);
  }
  // REQUIRES: `slot` is in use by an item of this hash.
  void erase(Slot* slot, Hash hash);

  // Visits the block `position` (directory bits) lies in; returns the position after it, 2^24 at
  // the end.
  uint32_t visit_block(uint32_t position, FunctionRef<void(Slot*)> visitor);
  Slot* random(uint64_t random);

  // Leaves this table empty and returns its directory and blocks. O(1). The map is not touched.
  DetachedTable detach();
  // Exchanges everything with a table of the same shard.
  void swap(Table& other);

  // Checks the invariants; aborts with a message if one is broken.
  void verify() const;

 private:
  friend class DetachedTable;

  // Directory and D in one word, so that both are read at once without a lock. 0: no directory.
  struct Root {
    uint64_t word = 0;
    unsigned depth() const { return static_cast<unsigned>(word & 63); }
    DirectoryWord* directory() const {
      return reinterpret_cast<DirectoryWord*>(word & ~uint64_t{63});
    }
    size_t index_of(uint32_t bits) const { return bits >> (kDirectoryBits - depth()); }
    Block* block(size_t index) const { return directory()[index].load(std::memory_order_acquire); }
    Block* block_for(Hash hash) const { return block(index_of(directory_bits(hash))); }
  };
  Root root() const { return {root_.load(std::memory_order_acquire)}; }
  void set_root(DirectoryWord* directory, unsigned depth) {
    root_.store(reinterpret_cast<uint64_t>(directory) | depth, std::memory_order_release);
  }

  void create();
  void drop();
  // False if the block cannot be split.
  bool split(Block* block, Hash hash);
  bool double_directory();
  void halve_directory();
  void point(uint32_t bits, unsigned depth, Block* block);
  void merge_around(Block* block, uint32_t bits);
  Hash hash_of(ItemRef ref) const { return context_.hasher(regions_.item(ref)->key()); }
  Slot* spill(Hash hash, ItemRef ref);
  void reclaim_spilled();
  SpilledSlot* spilled_at(const Slot* slot) const;
  void verify_block(const Root& root, const Block& block, uint32_t bits) const;

  std::atomic<uint64_t> root_{0};
  RegionMap regions_;  // on the cache line of root_: both are on the way to an item
  size_t size_ = 0;
  std::unique_ptr<Spill> spilled_;  // null if empty
  size_t blocks_ = 0;
  size_t deepest_ = 0;  // blocks of depth D
  const TableContext& context_;
};

// The directory and blocks that Table::detach() took out, freed piece by piece.
class DetachedTable {
 public:
  DetachedTable(DetachedTable&& other) noexcept;
  DetachedTable& operator=(DetachedTable&&) = delete;
  // REQUIRES: is_empty().
  ~DetachedTable();

  bool is_empty() const { return root_.word == 0; }
  // Frees about `max_blocks` blocks; returns how many.
  size_t release_slice(size_t max_blocks);

 private:
  friend class Table;
  DetachedTable(const TableContext& context, Table::Root root) : context_(context), root_(root) {}

  const TableContext& context_;
  Table::Root root_;
  size_t index_ = 0;  // directory words before this one are done
};

}  // namespace larder::storage
