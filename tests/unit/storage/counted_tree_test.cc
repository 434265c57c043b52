#include "storage/collection/counted_tree.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace larder::storage {
namespace {

// Ordered by `key`; the payload is only carried along.
struct Entry {
  uint64_t key;
  uint64_t payload;
};
struct ByKey {
  bool operator()(const Entry& a, const Entry& b) const { return a.key < b.key; }
};
using Tree = CountedTree<Entry, ByKey>;

Entry entry_of(uint64_t key) {
  return {key, key * 7};
}

std::vector<uint64_t> forwards(const Tree& tree) {
  std::vector<uint64_t> keys;
  for (Tree::Cursor at = tree.first(); at; at.next()) keys.push_back(at->key);
  return keys;
}
std::vector<uint64_t> backwards(const Tree& tree) {
  std::vector<uint64_t> keys;
  for (Tree::Cursor at = tree.last(); at; at.previous()) keys.push_back(at->key);
  std::reverse(keys.begin(), keys.end());
  return keys;
}

// A tree and a sorted vector that get the same operations.
class Pair {
 public:
  Pair(uint64_t seed, uint64_t range) : random_(seed), range_(range) {}

  uint64_t below(uint64_t count) { return random_() % count; }
  size_t size() const { return model_.size(); }

  void insert(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    if (at != model_.end() && *at == key) return;
    if (at == model_.end() && below(2) == 0) {
      tree_.append(entry_of(key));
    } else {
      tree_.insert(entry_of(key));
    }
    model_.insert(at, key);
  }
  void erase(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    const bool is_there = at != model_.end() && *at == key;
    REQUIRE(tree_.erase(entry_of(key)) == is_there);
    if (is_there) model_.erase(at);
  }
  void erase_range(size_t rank, size_t count) {
    std::vector<uint64_t> erased;
    tree_.erase_at(rank, count, [&](const Entry& entry) { erased.push_back(entry.key); });
    const auto first = model_.begin() + static_cast<ptrdiff_t>(rank);
    const auto last = first + static_cast<ptrdiff_t>(count);
    REQUIRE(std::equal(first, last, erased.begin(), erased.end()));
    model_.erase(first, last);
  }
  void look(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    const auto rank = static_cast<size_t>(at - model_.begin());
    REQUIRE(tree_.rank_of(entry_of(key)) == rank);
    const Tree::Cursor cursor = tree_.lower_bound(entry_of(key));
    REQUIRE(static_cast<bool>(cursor) == (at != model_.end()));
    if (cursor) REQUIRE(cursor->key == *at);
    const Tree::Cursor selected = tree_.select(rank);
    REQUIRE(static_cast<bool>(selected) == (at != model_.end()));
    if (selected) REQUIRE(selected->payload == *at * 7);
  }
  // Another key between the same neighbours.
  void replace(size_t rank) {
    const uint64_t low = rank == 0 ? 0 : model_[rank - 1] + 1;
    const uint64_t high = rank + 1 == model_.size() ? range_ : model_[rank + 1];
    model_[rank] = low + below(high - low);
    tree_.replace_at(rank, entry_of(model_[rank]));
  }

  void move(size_t rank, uint64_t key) {
    const uint64_t from = model_[rank];
    if (key != from && std::binary_search(model_.begin(), model_.end(), key)) return;
    tree_.move(entry_of(from), entry_of(key));
    model_.erase(model_.begin() + static_cast<ptrdiff_t>(rank));
    model_.insert(std::lower_bound(model_.begin(), model_.end(), key), key);
  }

  void operate() {
    switch (below(11)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return insert(below(range_));
      case 5:
      case 6:
        return erase(below(range_));
      case 7:
        if (!model_.empty() && below(40) == 0) {
          const size_t rank = below(model_.size());
          erase_range(rank, below(model_.size() - rank + 1));
        }
        return;
      case 8:
        if (!model_.empty()) replace(below(model_.size()));
        return;
      case 9:
        if (!model_.empty()) {
          const size_t rank = below(model_.size());
          move(rank, below(2) == 0 ? below(range_) : (model_[rank] + below(3)) % range_);
        }
        return;
      default:
        return look(below(range_));
    }
  }
  void compare() const {
    tree_.verify();
    REQUIRE(tree_.size() == model_.size());
    REQUIRE(forwards(tree_) == model_);
    REQUIRE(backwards(tree_) == model_);
  }

 private:
  std::mt19937_64 random_;
  uint64_t range_;
  Tree tree_;
  std::vector<uint64_t> model_;
};

}  // namespace

TEST_CASE("a counted tree does what a sorted vector does") {
  for (const uint64_t range : {20u, 500u, 20'000u, 1'000'000u}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      INFO("range " << range << " seed " << seed);
      Pair pair(seed, range);
      for (int i = 0; i < 20'000; ++i) {
        pair.operate();
        if (i % 1'000 == 0) pair.compare();
      }
      pair.compare();
      while (pair.size() > 0) pair.erase_range(0, 1 + pair.below(pair.size()));
      pair.compare();
    }
  }
}

TEST_CASE("a counted tree takes little more than its entries, in whatever order they come") {
  constexpr uint64_t kCount = 200'000;
  Tree tree;
  std::vector<uint64_t> keys(kCount);
  for (uint64_t i = 0; i < kCount; ++i) keys[i] = i;
  double most = 1.08;
  SECTION("ascending") {}
  SECTION("descending") {
    std::reverse(keys.begin(), keys.end());
  }
  SECTION("at random") {
    std::shuffle(keys.begin(), keys.end(), std::mt19937_64(5));
    most = 1.25;
  }
  for (const uint64_t key : keys) tree.insert(entry_of(key));
  tree.verify();
  CHECK(static_cast<double>(tree.bytes()) < most * kCount * sizeof(Entry));
  CHECK(tree.rank_of(entry_of(123'456)) == 123'456);

  // And gives it back when they go.
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(6));
  for (size_t i = 100; i < kCount; ++i) REQUIRE(tree.erase(entry_of(keys[i])));
  tree.verify();
  CHECK(tree.size() == 100);
  CHECK(tree.bytes() < 8 * 100 * sizeof(Entry));
}

TEST_CASE("a counted tree of one entry is one small node") {
  Tree tree;
  CHECK(tree.bytes() == 0);
  tree.insert(entry_of(1));
  CHECK(tree.nodes() == 1);
  CHECK(tree.bytes() <= 48);
  tree.erase_at(0, 1);
  CHECK(tree.bytes() == 0);
  CHECK_FALSE(tree.first());
  CHECK_FALSE(tree.last());
}

TEST_CASE("the payload of an entry in a counted tree can be changed in place") {
  Tree tree;
  for (uint64_t key = 0; key < 1'000; ++key) tree.insert(entry_of(key));
  tree.at(tree.lower_bound({500, 0})).payload = 1;
  CHECK(tree.select(500)->payload == 1);
  CHECK(tree.select(501)->payload == 501 * 7);
  tree.verify();
}

TEST_CASE("a counted tree is freed in slices, its entries from the last on") {
  constexpr uint64_t kCount = 50'000;
  Tree tree;
  for (uint64_t key = 0; key < kCount; ++key) tree.insert(entry_of(key));
  const size_t nodes = tree.nodes();
  size_t released = 0;
  SECTION("nodes alone") {
    while (tree.bytes() > 0) {
      const size_t step = tree.release_slice(10);
      REQUIRE(step > 0);
      REQUIRE(step <= 10);
      released += step;
    }
    CHECK(released == nodes);
  }
  SECTION("with what entries own") {
    uint64_t next = kCount;
    while (tree.bytes() > 0) {
      const size_t step = tree.release_slice(100, [&](const Entry& entry) {
        REQUIRE(entry.key == --next);
        return size_t{1};
      });
      REQUIRE(step > 0);
      REQUIRE(step <= 100);
      released += step;
    }
    CHECK(next == 0);
    CHECK(released == nodes + kCount);
  }
  CHECK(tree.nodes() == 0);
  CHECK(tree.is_empty());
}

}  // namespace larder::storage
