// The table alone: blocks that cannot be split, growing and shrinking.
#include "storage/table.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "storage/item_store.h"

namespace larder::storage {
namespace {

// A table and the store of its items.
class OneTable {
 public:
  explicit OneTable(unsigned max_depth)
      : context_{hasher_, blocks_, directories_, account_, max_depth},
        store_(region_tables_, account_, table.regions()) {}
  ~OneTable() {
    store_.detach();
    std::vector<Object*> objects;
    while (store_.release_slice(1'000, objects) > 0) {
    }
    DetachedTable detached = table.detach();
    while (!detached.is_empty()) detached.release_slice(1'000);
  }

  void insert(const std::string& key) {
    Item* item = store_.create({.kind = Kind::text, .key_length = key.size()}, key);
    Slot* slot = table.insert(hasher_(key), store_.ref_of(item));
    REQUIRE(slot == table.find(key, hasher_(key)));
    REQUIRE(slot == table.find_ref(store_.ref_of(item), hasher_(key)));
    items_[key] = item;
  }
  void erase(const std::string& key) {
    table.erase(find(key), hasher_(key));
    store_.release(items_.at(key));
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
      REQUIRE(store_.item(ref_in(*slot)) == item);
    }
    size_t visited = 0;
    for (uint32_t position = 0; position < 1u << kDirectoryBits;) {
      position = table.visit_block(position, [&visited](Slot*) { ++visited; });
    }
    REQUIRE(visited == items_.size());
  }

 private:
  KeyHasher hasher_{3};
  BlockPool blocks_;
  DirectoryPool directories_;
  RegionPool region_tables_;
  Account account_;
  TableContext context_;
  std::map<std::string, Item*> items_;

 public:
  Table table{context_};

 private:
  ItemStore store_;
};

TEST_CASE("entries spill when their block cannot be split, and return when there is room") {
  OneTable one(Table::kMinDirectoryDepth);  // at most 64 blocks, 6,144 slots
  constexpr int kKeys = 8'000;
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

TEST_CASE("a detached table gives its blocks back in slices") {
  OneTable one(kDirectoryBits);
  for (int number = 0; number < 20'000; ++number) one.insert(std::to_string(number));
  DetachedTable detached = one.table.detach();
  CHECK(one.table.size() == 0);
  size_t released = 0;
  size_t slices = 0;
  for (; !detached.is_empty(); ++slices) released += detached.release_slice(10);
  CHECK(released >= 20'000 / kSlotsPerBlock);
  CHECK(slices == (released + 9) / 10);
}

}  // namespace
}  // namespace larder::storage
