// A counted tree against a sorted std::vector, the operations taken from the input.
//
// Input: operations of three bytes: what, where, and how much; missing bytes are 0. Keys are spread
// over 65536, so that a few hundred operations fill many leaves.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "storage/collection/counted_tree.h"

namespace {

struct Entry {
  uint64_t key;
  uint64_t payload[3];  // large entries: small nodes in number, so many of them
};
struct ByKey {
  bool operator()(const Entry& a, const Entry& b) const { return a.key < b.key; }
};
using Tree = larder::storage::CountedTree<Entry, ByKey>;

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

class Run {
 public:
  void operate(uint8_t what, uint8_t where, uint8_t much) {
    const uint64_t key = uint64_t{where} << 8 | much;
    switch (what % 8) {
      case 0:
        return insert(key);
      case 1:
        for (uint64_t i = 0; i < much; ++i) insert((uint64_t{where} << 8) + i);
        return;
      case 2:
        for (uint64_t i = 0; i < much; ++i) insert((uint64_t{where} << 8) + 256 - i);
        return;
      case 3:
        return erase(key);
      case 4:
        return erase_range(where, much);
      case 5:
        return look(key);
      case 6:
        return move(where * model_.size() / 256, key);
      default:
        for (uint64_t i = 0; i < much; ++i) erase((uint64_t{where} << 8) + i * 13 % 256);
    }
  }

  void finish() {
    tree_.verify();
    require(tree_.size() == model_.size(), "the sizes differ");
    size_t index = 0;
    for (Tree::Cursor at = tree_.first(); at; at.next()) {
      require(index < model_.size() && at->key == model_[index++], "an entry differs");
    }
    for (Tree::Cursor at = tree_.last(); at; at.previous()) {
      require(index > 0 && at->key == model_[--index], "an entry differs, seen from the end");
    }
    require(index == 0, "the beginning is too early");
  }

 private:
  void insert(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    if (at != model_.end() && *at == key) return;
    tree_.insert({key, {}});
    model_.insert(at, key);
  }
  void erase(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    const bool is_there = at != model_.end() && *at == key;
    require(tree_.erase({key, {}}) == is_there, "erasing differs");
    if (is_there) model_.erase(at);
  }
  void erase_range(uint8_t where, uint8_t much) {
    const size_t rank = where * model_.size() / 256;
    const size_t count = much * (model_.size() - rank) / 256;
    tree_.erase_at(rank, count);
    const auto first = model_.begin() + static_cast<std::ptrdiff_t>(rank);
    model_.erase(first, first + static_cast<std::ptrdiff_t>(count));
  }
  void move(size_t rank, uint64_t key) {
    if (model_.empty() || std::binary_search(model_.begin(), model_.end(), key)) return;
    tree_.move({model_[rank], {}}, {key, {}});
    model_.erase(model_.begin() + static_cast<std::ptrdiff_t>(rank));
    model_.insert(std::lower_bound(model_.begin(), model_.end(), key), key);
  }
  void look(uint64_t key) {
    const auto at = std::lower_bound(model_.begin(), model_.end(), key);
    const auto rank = static_cast<size_t>(at - model_.begin());
    require(tree_.rank_of({key, {}}) == rank, "ranks differ");
    const Tree::Cursor found = tree_.lower_bound({key, {}});
    const Tree::Cursor selected = tree_.select(rank);
    require(bool(found) == (at != model_.end()), "finding differs");
    require(bool(selected) == bool(found), "selecting differs");
    if (found) require(found->key == *at && selected->key == *at, "another entry was found");
  }

  Tree tree_;
  std::vector<uint64_t> model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 600;
  if (size > kLongest) return 0;
  Run run;
  for (size_t at = 0; at < size; at += 3) {
    run.operate(data[at], at + 1 < size ? data[at + 1] : uint8_t{0},
                at + 2 < size ? data[at + 2] : uint8_t{0});
  }
  run.finish();
  return 0;
}
