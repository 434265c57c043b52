// WaiterTable: who waits for the keys of one shard (waiter.h), per key in the order of arrival at
// the node.
//
// While nobody waits in the shard, a write pays one look at empty().
//
// Thread: whoever holds the shard's lock. Complexity: O(log n) in the keys waited for, and in those
// who wait for the same.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace larder::server {

class Waiter;

class WaiterTable {
 public:
  using Line = std::map<uint64_t, std::shared_ptr<Waiter>>;  // by arrival

  bool empty() const { return lines_ == nullptr; }
  // A second time for the same key changes nothing.
  void add(unsigned database, std::string_view key, uint64_t arrival,
           std::shared_ptr<Waiter> waiter) {
    if (lines_ == nullptr) lines_ = std::make_unique<Lines>();
    (*lines_)[{database, std::string(key)}].emplace(arrival, std::move(waiter));
  }
  // Who is not there need not be removed.
  void remove(unsigned database, std::string_view key, uint64_t arrival) {
    if (lines_ == nullptr) return;
    const auto place = lines_->find({database, std::string(key)});
    if (place == lines_->end()) return;
    place->second.erase(arrival);
    if (place->second.empty()) lines_->erase(place);
    if (lines_->empty()) lines_.reset();
  }
  // Who waits for the key, or null. Valid until the next change.
  const Line* find(unsigned database, std::string_view key) const {
    if (lines_ == nullptr) return nullptr;
    const auto place = lines_->find({database, std::string(key)});
    return place == lines_->end() ? nullptr : &place->second;
  }
  // Calls `visit(key)` for each key of the database that somebody waits for.
  template <typename Visit>
  void for_each_key(unsigned database, Visit visit) const {
    if (lines_ == nullptr) return;
    for (auto place = lines_->lower_bound({database, std::string()});
         place != lines_->end() && place->first.first == database; ++place) {
      visit(std::string_view(place->first.second));
    }
  }

 private:
  using Lines = std::map<std::pair<unsigned, std::string>, Line>;
  std::unique_ptr<Lines> lines_;  // null while nobody waits
};

}  // namespace larder::server
