// The deep checks of shard and table, apart from the code they check.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "storage/check.h"
#include "storage/shard.h"

namespace larder::storage {

void fail_check(const char* message) {
  std::fprintf(stderr, "storage: this does not hold: %s\n", message);
  std::abort();
}

void Table::verify() const {
  const Root root = this->root();
  if (root.word == 0) {
    check(size_ == 0 && blocks_ == 0 && spilled_ == nullptr, "an empty table has no memory");
    return;
  }
  check(size_ > 0, "a table without entries has no directory");
  check(root.depth() >= kMinDirectoryDepth && root.depth() <= context_.max_depth,
        "the directory's depth is within bounds");
  size_t entries = spilled_ == nullptr ? 0 : spilled_->size();
  size_t blocks = 0;
  size_t deepest = 0;
  for (size_t index = 0; index < size_t{1} << root.depth();) {
    const Block& block = *root.block(index);
    check(block.depth() <= root.depth(), "no block is deeper than the directory");
    const size_t width = size_t{1} << (root.depth() - block.depth());
    check(index % width == 0, "a block begins at a multiple of its width");
    for (size_t other = index; other < index + width; ++other) {
      check(root.block(other) == &block, "a block stands in all words of its range");
    }
    verify_block(root, block, static_cast<uint32_t>(index << (kDirectoryBits - root.depth())));
    ++blocks;
    entries += block.count();
    if (block.depth() == root.depth()) ++deepest;
    index += width;
  }
  check(entries == size_, "the table counts its entries");
  check(blocks == blocks_, "the table counts its blocks");
  check(deepest == deepest_, "the table counts its deepest blocks");
  if (spilled_ == nullptr) return;
  check(!spilled_->empty(), "there is no empty list of spilled entries");
  for (const auto& spilled : *spilled_) {
    const Item* item = regions_.item(ref_in(spilled->slot));
    check(context_.hasher(item->key()) == spilled->hash, "a spilled entry knows its hash");
    check(root.block_for(spilled->hash)->count() == kSlotsPerBlock,
          "an entry is spilled only while its block is full");
  }
}

void Table::verify_block(const Root& root, const Block& block, uint32_t bits) const {
  unsigned farthest[kBucketsPerBlock] = {};
  unsigned displaced[kBucketsPerBlock] = {};
  std::vector<std::string_view> keys;
  for (unsigned position = 0; position < kBucketsPerBlock; ++position) {
    const Bucket& bucket = block.buckets[position];
    check(position == 0 || bucket.depth() == 0, "only the first bucket holds the depth");
    for (unsigned index = 0; index < kSlotsPerBucket; ++index) {
      const ItemRef ref = ref_in(bucket.slot(index));
      check((ref.bits() == 0) == (bucket.tag(index) == 0), "a slot is free if its tag is");
      if (ref.bits() == 0) continue;
      const Item* item = regions_.item(ref);
      const Hash hash = context_.hasher(item->key());
      check(bucket.tag(index) == tag_of(hash), "a slot has its key's tag");
      check((directory_bits(hash) ^ bits) >> (kDirectoryBits - block.depth()) == 0,
            "an entry lies in the block of its hash");
      check(root.block_for(hash) == &block, "the directory leads to an entry's block");
      const unsigned home = home_of(hash);
      farthest[home] = std::max(farthest[home], (position - home) % kBucketsPerBlock);
      if (position != home) ++displaced[home];
      keys.push_back(item->key());
    }
  }
  for (unsigned home = 0; home < kBucketsPerBlock; ++home) {
    const Bucket& bucket = block.buckets[home];
    check(bucket.displaced() == displaced[home], "a bucket counts its displaced entries");
    check(bucket.reach() >= farthest[home], "no entry lies beyond its bucket's reach");
    check(displaced[home] > 0 || bucket.reach() == 0,
          "a bucket without displaced entries ends here");
  }
  std::sort(keys.begin(), keys.end());
  check(std::adjacent_find(keys.begin(), keys.end()) == keys.end(), "a key is there once");
}

void Shard::verify() const {
  size_t all_entries = 0;
  size_t all_bytes = 0;
  size_t in_segments[2] = {};
  for (unsigned db = 0; db < kMaxDatabases; ++db) {
    const Database& database = databases_[db];
    database.table.verify();
    if (database.store == nullptr) {
      check(database.table.size() == 0, "without a store there are no entries");
      continue;
    }
    const ItemStore& store = *database.store;
    store.verify();
    size_t item_bytes = 0;
    size_t owned_bytes = 0;
    size_t with_deadline = 0;
    WideSum deadline_sum_ms = 0;
    size_t segment_sizes[2] = {};
    // Visiting does not change the table; it only hands out slots through which one could.
    Table& table = const_cast<Table&>(database.table);
    for (uint32_t position = 0; position < 1u << kDirectoryBits;) {
      position = table.visit_block(position, [&](Slot* slot) {
        const Item* item = store.item(ref_in(*slot));
        check(store.ref_of(item).bits() == ref_in(*slot).bits(),
              "a reference leads back to itself");
        item_bytes += store.bytes_of(item);
        if (item->kind() == Kind::blob) owned_bytes += item->blob()->allocated_bytes();
        if (item->kind() == Kind::object) {
          check(!item->object()->is_empty(), "no entry holds an empty object");
          item->object()->verify();
          owned_bytes += item->object()->bytes();
          const int64_t due_ms = item->object()->earliest_deadline_ms();
          check(next_due_ms_ == due_ms || next_due_ms_ - kTickMs < due_ms,
                "nothing within an object is due before next_due_ms()");
        }
        if (keeps_ranks() && item->has_rank_room()) ++segment_sizes[segment_of(item)];
        const int64_t deadline_ms = item->deadline_ms();
        if (deadline_ms == kNoDeadline) return;
        ++with_deadline;
        deadline_sum_ms += static_cast<uint64_t>(deadline_ms);
        check(next_due_ms_ - kTickMs < deadline_ms, "no entry is due before next_due_ms()");
      });
    }
    check(item_bytes == store.bytes(), "the account of items is exact");
    check(owned_bytes == database.owned_bytes, "the account of blobs and objects is exact");
    check(with_deadline == database.with_deadline, "entries with a deadline are counted");
    check(deadline_sum_ms == database.deadline_sum_ms, "the sum of deadlines is exact");
    for (unsigned segment = 0; segment < 2; ++segment) {
      check(segment_sizes[segment] == database.segment_sizes[segment], "segments are counted");
      in_segments[segment] += segment_sizes[segment];
    }
    check(store.size() == table.size(), "the store has the table's items");
    check(!store.is_sparse() || sparse_.contains(db), "a sparse store is known");
    all_entries += table.size();
    all_bytes += item_bytes + owned_bytes + table.structure_bytes();
  }
  check(in_segments[0] == segment_sizes_[0] && in_segments[1] == segment_sizes_[1],
        "segments of all databases are counted");
  check(all_entries == entries_, "the shard counts its entries");
  check(all_bytes == account_.bytes, "the account of the shard is exact");
  check(entries_ > 0 || bytes() == 0, "an empty shard has no memory");
}

}  // namespace larder::storage
