// The table alone: blocks that cannot be split, and depths beyond the bits a slot remembers.
#include "storage/table.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <string>

namespace larder::storage {
namespace {

// A table with its items, which the table itself does not own.
class OneTable {
 public:
  explicit OneTable(unsigned max_depth) : context_{hasher_, pool_, account_, max_depth} {}
  ~OneTable() {
    for (auto& [key, item] : items_) ItemAllocator::release(item);
    DetachedTable detached = table.detach();
    while (!detached.is_empty()) detached.release_slice(1'000, [](Item*) {});
  }

  void insert(const std::string& key) {
    const size_t bytes = Item::bytes_needed(key.size(), 0, false);
    Item* item = ItemAllocator::allocate(size_class_of(bytes));
    item->format(key, Kind::text, 0, size_class_of(bytes), false);
    Slot* slot = table.insert(hasher_(key), ItemRef::to(item));
    REQUIRE(slot == table.find(key, hasher_(key)));
    items_[key] = item;
  }
  void erase(const std::string& key) {
    table.erase(find(key));
    ItemAllocator::release(items_.at(key));
    items_.erase(key);
  }
  Slot* find(const std::string& key) { return table.find(key, hasher_(key)); }
  size_t bytes() const { return account_.bytes; }

  void compare() {
    table.verify();
    REQUIRE(table.size() == items_.size());
    for (const auto& [key, item] : items_) {
      Slot* slot = find(key);
      REQUIRE(slot != nullptr);
      REQUIRE(ref_of(slot->load()).item() == item);
    }
    size_t visited = 0;
    for (uint32_t position = 0; position < 1u << kDirectoryBits;) {
      position = table.visit_block(position, [&visited](Slot*) { ++visited; });
    }
    REQUIRE(visited == items_.size());
  }

 private:
  KeyHasher hasher_{3};
  BlockPool pool_;
  Account account_;
  TableContext context_;
  std::map<std::string, Item*> items_;

 public:
  Table table{context_};
};

TEST_CASE("entries spill when their block cannot be split, and return when there is room") {
  OneTable one(Table::kMinDirectoryDepth);  // at most 64 blocks, 3,584 slots
  constexpr int kKeys = 5'000;
  for (int number = 0; number < kKeys; ++number) one.insert(std::to_string(number));
  one.compare();
  std::mt19937 random(1);
  for (int round = 0; round < 2'000; ++round) {
    const std::string key = std::to_string(random() % kKeys);
    one.find(key) == nullptr ? one.insert(key) : one.erase(key);
  }
  one.compare();
  for (int number = 0; number < kKeys; ++number) {
    if (one.find(std::to_string(number)) != nullptr) one.erase(std::to_string(number));
    if (number % 500 == 0) one.compare();
  }
  CHECK(one.table.size() == 0);
  CHECK(one.bytes() == 0);
}

TEST_CASE("spilled entries are freed with a detached table") {
  OneTable one(Table::kMinDirectoryDepth);
  for (int number = 0; number < 4'500; ++number) one.insert(std::to_string(number));
  DetachedTable detached = one.table.detach();
  CHECK(one.table.size() == 0);
  size_t released = 0;
  size_t slices = 0;
  for (; !detached.is_empty(); ++slices) released += detached.release_slice(100, [](Item*) {});
  CHECK(released == 4'500);
  CHECK(slices >= 29);  // a slice may exceed 100 by a block
}

TEST_CASE("a table deeper than the bits its slots remember hashes keys again") {
  // Some 2^13 blocks of depth 13, of which a third splits again.
  OneTable one(kDirectoryBits);
  constexpr int kKeys = 350'000;
  for (int number = 0; number < kKeys; ++number) one.insert(std::to_string(number));
  one.compare();
  for (int number = 0; number < kKeys; ++number) one.erase(std::to_string(number));
  CHECK(one.bytes() == 0);
}

}  // namespace
}  // namespace larder::storage
