// WatchTable: the keys of one shard that some client WATCHes, each with a version that rises when
// the key changes.
//
// A client remembers the version it saw and gives the watch back later; both happen under the
// shard's lock, so there is no sharing of per-client state between threads. While nobody watches
// anything in the shard, a write pays one look at empty(), and the table is one null pointer: it
// shares the line of the shard's lock.
//
// Thread: whoever holds the shard's lock. Complexity: O(1) per call but touch_existing().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace larder::server {

class WatchTable {
 public:
  bool empty() const { return watched_ == nullptr; }

  // Begins one more watch; returns the version to compare with later.
  uint64_t watch(unsigned database, std::string_view key) {
    if (watched_ == nullptr) watched_ = std::make_unique<Map>();
    auto [place, is_new] = watched_->try_emplace({database, std::string(key)});
    ++place->second.watchers;
    return place->second.version;
  }

  // Ends one watch. REQUIRES: watch() was called for it.
  void unwatch(unsigned database, std::string_view key) {
    auto place = watched_->find(std::pair(database, std::string(key)));
    if (--place->second.watchers == 0) watched_->erase(place);
    if (watched_->empty()) watched_.reset();
  }

  // The version of a watched key now. REQUIRES: it is watched.
  uint64_t version(unsigned database, std::string_view key) const {
    return watched_->find(std::pair(database, std::string(key)))->second.version;
  }

  // The key changed.
  void touch(unsigned database, std::string_view key) {
    if (watched_ == nullptr) return;
    auto place = watched_->find(std::pair(database, std::string(key)));
    if (place != watched_->end()) ++place->second.version;
  }

  // All keys of the database are about to go: touches the watched ones for which `exists(key)`.
  template <typename Exists>
  void touch_existing(unsigned database, Exists&& exists) {
    if (watched_ == nullptr) return;
    for (auto place = watched_->lower_bound({database, std::string()});
         place != watched_->end() && place->first.first == database; ++place) {
      if (exists(std::string_view(place->first.second))) ++place->second.version;
    }
  }

 private:
  struct Watch {
    uint64_t version = 0;
    uint32_t watchers = 0;
  };
  using Map = std::map<std::pair<unsigned, std::string>, Watch>;
  std::unique_ptr<Map> watched_;  // null while there are none
};

}  // namespace larder::server
