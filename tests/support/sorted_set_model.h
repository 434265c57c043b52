// A sorted set and a slow model of one that get the same operations; every difference is reported
// to `require(holds, message)`.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/sorted_set/sorted_set.h"

namespace larder::support {

template <typename Require>
class SortedSetPair {
 public:
  using Ranked = std::pair<double, std::string>;

  explicit SortedSetPair(Require require)
      : require_(require), hasher_(17), set_(storage::SortedSet::create()) {}
  ~SortedSetPair() { storage::Object::release(set_); }
  SortedSetPair(const SortedSetPair&) = delete;
  SortedSetPair& operator=(const SortedSetPair&) = delete;

  storage::SortedSet& set() { return *set_; }
  const std::vector<Ranked>& order() const { return order_; }
  size_t size() const { return order_.size(); }

  void put(const std::string& text, double score) {
    const auto place = set_->find(text);
    const auto known = scores_.find(text);
    require_(bool{place} == (known != scores_.end()), "finding differs");
    if (place) {
      require_(same(place.score(), known->second), "a score differs");
      set_->update(place, score);
      drop({known->second, text});
    } else {
      set_->insert(place, text, score, hasher_);
    }
    scores_[text] = score;
    order_.insert(std::lower_bound(order_.begin(), order_.end(), Ranked{score, text}),
                  {score, text});
  }
  void erase(const std::string& text) {
    const auto place = set_->find(text);
    const auto known = scores_.find(text);
    require_(bool{place} == (known != scores_.end()), "finding what to erase differs");
    if (!place) return;
    const size_t rank = rank_of({known->second, text});
    require_(set_->rank_of(place) == rank, "a rank differs");
    set_->erase(place);
    drop({known->second, text});
    scores_.erase(known);
  }
  void erase_range(size_t rank, size_t count) {
    set_->erase_range(rank, count);
    for (size_t i = 0; i < count; ++i) scores_.erase(order_[rank + i].second);
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(rank);
    order_.erase(first, first + static_cast<std::ptrdiff_t>(count));
  }
  void look(double score) {
    const auto below = [score](const storage::SortedSet::Member& m) { return m.score < score; };
    const auto expected = std::count_if(order_.begin(), order_.end(),
                                        [score](const Ranked& r) { return r.first < score; });
    require_(set_->count_before(below) == static_cast<size_t>(expected), "counting differs");
  }
  void copy() {
    storage::SortedSet* copied = set_->copy();
    storage::Object::release(set_);
    set_ = copied;
    compare();
  }
  void compare() const {
    set_->verify();
    require_(set_->size() == order_.size(), "the sizes differ");
    size_t index = 0;
    storage::NumberText scratch;
    for (auto at = set_->at(0); at; at.next(), ++index) {
      const auto member = at.member();
      require_(index < order_.size() && same(member.score, order_[index].first) &&
                   member.bytes(scratch) == order_[index].second,
               "a member differs");
    }
    require_(index == order_.size(), "the end is too early");
    if (index == 0) return;
    for (auto at = set_->at(index - 1); at; at.previous()) {
      require_(at.member().bytes(scratch) == order_[--index].second, "seen from the end");
    }
    require_(index == 0, "the beginning is too early");
    for (index = 0; index < order_.size(); index += 1 + order_.size() / 16) {
      require_(set_->at(index).member().bytes(scratch) == order_[index].second, "at() differs");
    }
  }

 private:
  static bool same(double a, double b) { return a == b; }
  size_t rank_of(const Ranked& ranked) const {
    const auto at = std::lower_bound(order_.begin(), order_.end(), ranked);
    return static_cast<size_t>(at - order_.begin());
  }
  void drop(const Ranked& ranked) {
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(rank_of(ranked)));
  }

  Require require_;
  storage::KeyHasher hasher_;
  storage::SortedSet* set_;
  std::map<std::string, double> scores_;
  std::vector<Ranked> order_;
};

}  // namespace larder::support
