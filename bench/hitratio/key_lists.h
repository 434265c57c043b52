// KeyLists: doubly linked lists of the numbers 0 .. unique-1, each number in one list at most; and
// GhostKeys: which keys were evicted lately.
#pragma once

#include <cstdint>
#include <vector>

namespace larder::bench {

class KeyLists {
 public:
  static constexpr uint8_t kNone = 255;

  KeyLists(uint32_t unique, uint32_t list_count)
      : unique_(unique), links_(unique + list_count), sizes_(list_count, 0), where_(unique, kNone) {
    for (uint32_t i = 0; i < list_count; ++i) links_[unique + i] = {unique + i, unique + i};
  }

  uint8_t where(uint32_t key) const { return where_[key]; }
  size_t size(uint8_t list) const { return sizes_[list]; }
  // The key at the old end; the list is not empty.
  uint32_t back(uint8_t list) const { return links_[unique_ + list].previous; }
  // The key after `key` towards the new end; end() after the newest.
  uint32_t newer(uint32_t key) const { return links_[key].previous; }
  uint32_t end(uint8_t list) const { return unique_ + list; }

  void push_front(uint8_t list, uint32_t key) {
    const uint32_t head = unique_ + list;
    const uint32_t first = links_[head].next;
    links_[key] = {head, first};
    links_[first].previous = key;
    links_[head].next = key;
    where_[key] = list;
    ++sizes_[list];
  }
  void remove(uint32_t key) {
    const Link link = links_[key];
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
    --sizes_[where_[key]];
    where_[key] = kNone;
  }
  void move_to_front(uint8_t list, uint32_t key) {
    remove(key);
    push_front(list, key);
  }

 private:
  struct Link {
    uint32_t previous;
    uint32_t next;
  };
  uint32_t unique_;
  std::vector<Link> links_;
  std::vector<size_t> sizes_;
  std::vector<uint8_t> where_;
};

// The last `capacity` keys added, as a table of fingerprints in a ring would know them.
class GhostKeys {
 public:
  GhostKeys(uint32_t unique, size_t capacity) : capacity_(capacity), added_(unique, 0) {}
  void add(uint32_t key) { added_[key] = ++now_; }
  // Whether it was there; it is not any more.
  bool take(uint32_t key) {
    const bool there = added_[key] != 0 && now_ - added_[key] < capacity_;
    added_[key] = 0;
    return there;
  }

 private:
  size_t capacity_;
  uint64_t now_ = 0;
  std::vector<uint64_t> added_;
};

}  // namespace larder::bench
