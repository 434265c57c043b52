// CountedTree: small entries in order, found by what they are and by how many stand before them
// (a B+-tree with counts).
//
//   tree    root 8 | entries 8 | bytes 8 | nodes 4 | levels of inner nodes 4        32 bytes
//   leaf    previous 8 | next 8 | count 4 | capacity 4 | entries                    at most 1 KiB
//   inner   count 4 | capacity 4 | slots: first entry, entries below 8, child 8     at most 2 KiB
//
// Nodes grow and shrink by the allocator's size classes, so a tree of one entry takes one small
// leaf and an average leaf is nearly full. Entries that come in order, from either end, leave full
// leaves behind.
//
// `Entry` is copied as bytes. `Order`, without state, says by operator()(a, b) whether a stands
// before b. It may look at what entries point to, as long as that does not change while an entry is
// in the tree: the slots of inner nodes hold copies of entries, always of entries that are there.
//
// Invariants
//   * No node is empty, the root of an inner level has at least two slots; without entries there is
//     no node.
//   * A slot's entry is the first one below it, its number the exact number of those below.
//   * Entries stand in strictly ascending order; leaves are linked in that order.
//   * bytes() is exactly what was taken from the allocator, without the tree itself.
//
// Costs: O(log size) where nothing else is said; each change moves at most a few KiB, whatever the
// size. Thread: its owner's. Memory that cannot be had ends the process; no other error exists
// here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {

template <typename Entry, typename Order>
class CountedTree {
  static_assert(std::is_trivially_copyable_v<Entry> && sizeof(Entry) <= 64);

  struct Leaf;

 public:
  // Stands at an entry, or beyond either end. Valid until the tree changes.
  class Cursor {
   public:
    Cursor() = default;
    explicit operator bool() const { return leaf_ != nullptr; }
    // REQUIRES, as the three below: it stands at an entry.
    const Entry& operator*() const { return leaf_->items()[index_]; }
    const Entry* operator->() const { return &leaf_->items()[index_]; }
    // O(1).
    void next() {
      if (++index_ < leaf_->count) return;
      leaf_ = leaf_->next;
      index_ = 0;
    }
    void previous() {
      if (index_-- > 0) return;
      leaf_ = leaf_->previous;
      index_ = leaf_ == nullptr ? 0 : leaf_->count - 1;
    }

   private:
    friend class CountedTree;
    Cursor(Leaf* leaf, uint32_t index) : leaf_(leaf), index_(index) {}
    Leaf* leaf_ = nullptr;
    uint32_t index_ = 0;
  };

  CountedTree() = default;
  CountedTree(const CountedTree&) = delete;
  CountedTree& operator=(const CountedTree&) = delete;
  // Frees all nodes; what entries point to is not the tree's. O(nodes).
  ~CountedTree() { release_slice(SIZE_MAX); }

  size_t size() const { return size_; }
  bool is_empty() const { return size_ == 0; }
  size_t bytes() const { return bytes_; }
  // Pieces of memory.
  size_t nodes() const { return nodes_; }

  // REQUIRES: no entry that is neither before nor behind it.
  void insert(const Entry& entry) {
    const auto stands_before = [&entry](const Entry& other) { return Order()(other, entry); };
    grow_root(add(root_, levels_, stands_before, entry));
  }
  // REQUIRES: all others stand before it. Compares nothing.
  void append(const Entry& entry) {
    grow_root(add(
        root_, levels_, [](const Entry&) { return true; }, entry));
  }
  // False if there is none that is neither before nor behind it.
  bool erase(const Entry& entry) {
    if (root_ == nullptr) return false;
    size_t erased = 0;
    const auto ignore = [](const Entry&) {};
    remove(root_, levels_, ByOrder{entry}, 1, ignore, erased);
    shrink_root();
    return erased > 0;
  }
  // Erases `from` and inserts `to`. REQUIRES: the first is there, and nothing that is neither
  // before nor behind the second, but perhaps the first.
  void move(const Entry& from, const Entry& to) {
    if (move_within(from, to)) return;
    check(erase(from), "what moves in a tree is there");
    insert(to);
  }
  // Erases `count` entries from the one at `rank` on and calls on_entry(entry) with each, in order.
  // REQUIRES: they are there. O(log size + count).
  template <typename OnEntry>
  void erase_at(size_t rank, size_t count, OnEntry on_entry) {
    check(count <= size_ && rank <= size_ - count, "what is erased from a tree is there");
    while (count > 0) {
      size_t erased = 0;
      remove(root_, levels_, ByRank{rank}, count, on_entry, erased);
      count -= erased;
      shrink_root();
    }
  }
  void erase_at(size_t rank, size_t count) {
    erase_at(rank, count, [](const Entry&) {});
  }
  // Puts `entry` into the place of the one at `rank`. REQUIRES: that is there, and `entry` stands
  // between its neighbours.
  void replace_at(size_t rank, const Entry& entry) {
    check(rank < size_, "what is replaced in a tree is there");
    put(root_, levels_, rank, entry);
  }
  // The entry at a cursor, to change what Order does not look at. Copies of it stay as they were.
  Entry& at(const Cursor& cursor) { return cursor.leaf_->items()[cursor.index_]; }

  // The first entry for which stands_before(entry) is false; beyond the end if there is none.
  // REQUIRES: it is true for all entries up to some place, and false for all behind it.
  template <typename StandsBefore>
  Cursor partition_point(StandsBefore stands_before) const {
    return find(stands_before, nullptr);
  }
  // How many entries there are for which it is true.
  template <typename StandsBefore>
  size_t partition_rank(StandsBefore stands_before) const {
    size_t rank = 0;
    find(stands_before, &rank);
    return rank;
  }
  // The first entry that does not stand before this one.
  Cursor lower_bound(const Entry& entry) const {
    return partition_point([&entry](const Entry& other) { return Order()(other, entry); });
  }
  // How many stand before it.
  size_t rank_of(const Entry& entry) const {
    return partition_rank([&entry](const Entry& other) { return Order()(other, entry); });
  }
  // The entry that so many others stand before; beyond the end if there is none.
  Cursor select(size_t rank) const {
    if (rank >= size_) return {};
    void* node = root_;
    for (unsigned level = levels_; level > 0; --level) {
      auto* inner = static_cast<Inner*>(node);
      const uint32_t index = slot_with(inner, rank);
      node = inner->items()[index].child;
    }
    return Cursor(static_cast<Leaf*>(node), static_cast<uint32_t>(rank));
  }
  Cursor first() const { return select(0); }
  Cursor last() const { return size_ == 0 ? Cursor() : select(size_ - 1); }

  // Frees up to `most` nodes, with the entries in them; returns how many that were. Nothing else
  // may be done with the tree from the first slice on.
  size_t release_slice(size_t most) {
    return release_slice(most, [](const Entry&) { return size_t{0}; });
  }
  // The same, with release_entry(entry) called for each entry, from the last on, which returns how
  // many pieces it released; stops when these and the nodes are at least `most`.
  template <typename ReleaseEntry>
  size_t release_slice(size_t most, ReleaseEntry release_entry) {
    size_t released = 0;
    while (root_ != nullptr && released < most) {
      if (drop_last(root_, levels_, most, released, release_entry)) root_ = nullptr;
    }
    if (root_ == nullptr) size_ = levels_ = 0;
    return released;
  }

  // Checks all invariants; aborts with a message if one is broken. O(size).
  void verify() const {
    Totals totals;
    if (root_ != nullptr) verify_node(root_, levels_, /*is_root=*/true, totals);
    check(totals.last == nullptr || totals.last->next == nullptr, "the last leaf has no next one");
    check(totals.entries == size_, "a tree counts its entries");
    check(totals.bytes == bytes_ && totals.nodes == nodes_, "a tree counts its memory");
  }

 private:
  // A node is a row of items in one piece of memory.
  struct Leaf {
    using Item = Entry;
    static constexpr size_t kMostBytes = 1024;

    Leaf* previous;
    Leaf* next;
    uint32_t count;
    uint32_t capacity;

    Item* items() { return reinterpret_cast<Item*>(this + 1); }
  };
  struct Slot {
    Entry first;
    uint64_t entries;
    void* child;
  };
  struct Inner {
    using Item = Slot;
    static constexpr size_t kMostBytes = 2048;

    uint32_t count;
    uint32_t capacity;

    Item* items() { return reinterpret_cast<Item*>(this + 1); }
  };
  static_assert(alignof(Entry) <= 8);

  template <typename Node>
  static constexpr uint32_t kMost = (Node::kMostBytes - sizeof(Node)) / sizeof(typename Node::Item);
  // A node with fewer items joins a neighbour if both together have no more than the second.
  template <typename Node>
  static constexpr uint32_t kFew = kMost<Node> / 3;
  template <typename Node>
  static constexpr uint32_t kJoined = kMost<Node> * 3 / 4;
  static_assert(kMost<Leaf> >= 8 && kMost<Inner> >= 8);

  template <typename Node>
  static size_t node_bytes(uint32_t capacity) {
    return round_to_class(sizeof(Node) + capacity * sizeof(typename Node::Item));
  }

  // ---- nodes ----

  // Room for `count` items at least.
  template <typename Node>
  Node* take(uint32_t count) {
    const size_t bytes = node_bytes<Node>(count);
    auto* node = static_cast<Node*>(take_memory(bytes));
    const size_t room = (bytes - sizeof(Node)) / sizeof(typename Node::Item);
    node->count = 0;
    node->capacity = static_cast<uint32_t>(std::min<size_t>(room, kMost<Node>));
    bytes_ += bytes;
    ++nodes_;
    return node;
  }
  template <typename Node>
  void give(Node* node) {
    bytes_ -= node_bytes<Node>(node->capacity);
    --nodes_;
    free_memory(node);
  }
  // A node with the same items and room for so many. Of a leaf the neighbours learn of it.
  template <typename Node>
  Node* resize(Node* node, uint32_t capacity) {
    Node* resized = take<Node>(capacity);
    resized->count = node->count;
    copy(resized->items(), node->items(), node->count);
    if constexpr (std::is_same_v<Node, Leaf>) {
      resized->previous = node->previous;
      resized->next = node->next;
      link(resized);
    }
    give(node);
    return resized;
  }
  static void link(Leaf* leaf) {
    if (leaf->previous != nullptr) leaf->previous->next = leaf;
    if (leaf->next != nullptr) leaf->next->previous = leaf;
  }
  static void unlink(Leaf* leaf) {
    if (leaf->previous != nullptr) leaf->previous->next = leaf->next;
    if (leaf->next != nullptr) leaf->next->previous = leaf->previous;
  }
  template <typename Item>
  static void copy(Item* to, const Item* from, size_t count) {
    if (count > 0) std::memmove(static_cast<void*>(to), from, count * sizeof(Item));
  }

  // Puts an item into a node, which may move. If it was full the upper part is cut off into a node
  // of its own, which is returned; at either end of the tree what was full stays so.
  template <typename Node>
  Node* put_in(Node*& node, uint32_t index, const typename Node::Item& item, bool is_last,
               bool is_first) {
    if (node->count < kMost<Node>) {
      make_room(node);
      open_gap(node, index, item);
      return nullptr;
    }
    const uint32_t kept = is_last && index == node->count ? node->count
                          : is_first && index == 0        ? 0
                                                          : node->count / 2;
    const uint32_t moved = node->count - kept;
    Node* upper = take<Node>(moved + (index > kept || moved == 0 ? 1 : 0));
    copy(upper->items(), node->items() + kept, moved);
    upper->count = moved;
    node->count = kept;
    if constexpr (std::is_same_v<Node, Leaf>) {
      upper->previous = node;
      upper->next = node->next;
      link(upper);
    }
    const bool into_upper = index > kept || moved == 0;
    fit(node);
    Node*& target = into_upper ? upper : node;
    make_room(target);
    open_gap(target, into_upper ? index - kept : index, item);
    return upper;
  }
  template <typename Node>
  void make_room(Node*& node) {
    if (node->count == node->capacity) node = resize(node, node->count + 1);
  }
  // Gives back room if much of it is not needed.
  template <typename Node>
  void fit(Node*& node) {
    const uint32_t spare = node->capacity / 4 + 2;
    if (node->capacity - node->count <= spare) return;
    const uint32_t wanted = node->count + 1;
    if (node_bytes<Node>(wanted) < node_bytes<Node>(node->capacity)) node = resize(node, wanted);
  }
  template <typename Node>
  static void open_gap(Node* node, uint32_t index, const typename Node::Item& item) {
    copy(node->items() + index + 1, node->items() + index, node->count - index);
    copy(node->items() + index, &item, 1);
    ++node->count;
  }
  template <typename Node>
  static void close_gap(Node* node, uint32_t index, uint32_t count) {
    copy(node->items() + index, node->items() + index + count, node->count - index - count);
    node->count -= count;
  }

  static const Entry& first_of(void* node, unsigned level) {
    return level == 0 ? static_cast<Leaf*>(node)->items()[0]
                      : static_cast<Inner*>(node)->items()[0].first;
  }
  static uint64_t entries_below(void* node, unsigned level) {
    if (level == 0) return static_cast<Leaf*>(node)->count;
    auto* inner = static_cast<Inner*>(node);
    uint64_t entries = 0;
    for (uint32_t i = 0; i < inner->count; ++i) entries += inner->items()[i].entries;
    return entries;
  }
  static Slot slot_of(void* node, unsigned level) {
    return {first_of(node, level), entries_below(node, level), node};
  }
  static uint32_t count_of(void* node, unsigned level) {
    return level == 0 ? static_cast<Leaf*>(node)->count : static_cast<Inner*>(node)->count;
  }

  // ---- finding ----

  // The first item for which it is false.
  template <typename Node, typename StandsBefore, typename EntryOf>
  static uint32_t boundary(Node* node, StandsBefore& stands_before, EntryOf entry_of) {
    const auto* items = node->items();
    uint32_t low = 0;
    for (uint32_t length = node->count; length > 0;) {
      const uint32_t half = length / 2;
      if (stands_before(entry_of(items[low + half]))) {
        low += half + 1;
        length -= half + 1;
      } else {
        length = half;
      }
    }
    return low;
  }
  template <typename StandsBefore>
  static uint32_t boundary_in(Leaf* leaf, StandsBefore& stands_before) {
    return boundary(leaf, stands_before, [](const Entry& e) -> const Entry& { return e; });
  }
  // The slot below which the boundary is.
  template <typename StandsBefore>
  static uint32_t boundary_in(Inner* inner, StandsBefore& stands_before) {
    const uint32_t index =
        boundary(inner, stands_before, [](const Slot& s) -> const Entry& { return s.first; });
    return index == 0 ? 0 : index - 1;
  }
  // The slot below which the entry at `rank` is; from there on `rank` counts within it.
  static uint32_t slot_with(Inner* inner, size_t& rank) {
    uint32_t index = 0;
    while (rank >= inner->items()[index].entries) rank -= inner->items()[index++].entries;
    return index;
  }

  template <typename StandsBefore>
  Cursor find(StandsBefore& stands_before, size_t* rank) const {
    if (root_ == nullptr) return {};
    void* node = root_;
    for (unsigned level = levels_; level > 0; --level) {
      auto* inner = static_cast<Inner*>(node);
      const uint32_t index = boundary_in(inner, stands_before);
      if (rank != nullptr) {
        for (uint32_t i = 0; i < index; ++i) *rank += inner->items()[i].entries;
      }
      node = inner->items()[index].child;
    }
    auto* leaf = static_cast<Leaf*>(node);
    const uint32_t index = boundary_in(leaf, stands_before);
    if (rank != nullptr) *rank += index;
    if (index < leaf->count) return Cursor(leaf, index);
    return Cursor(leaf->next, 0);
  }

  // ---- changing ----

  // Where remove() goes: the slot to go on in, and the place in the leaf; the leaf's count if there
  // is no such entry.
  struct ByRank {
    size_t rank;
    uint32_t slot(Inner* inner) { return slot_with(inner, rank); }
    uint32_t index(Leaf*) const { return static_cast<uint32_t>(rank); }
  };
  struct ByOrder {
    const Entry& entry;
    uint32_t slot(Inner* inner) const { return slot_of_entry(inner, entry); }
    uint32_t index(Leaf* leaf) const { return index_of_entry(leaf, entry); }
  };
  static uint32_t slot_of_entry(Inner* inner, const Entry& entry) {
    const auto is_not_behind = [&entry](const Entry& other) { return !Order()(entry, other); };
    return boundary_in(inner, is_not_behind);
  }
  static uint32_t index_of_entry(Leaf* leaf, const Entry& entry) {
    const auto stands_before = [&entry](const Entry& other) { return Order()(other, entry); };
    const uint32_t index = boundary_in(leaf, stands_before);
    return index < leaf->count && Order()(entry, leaf->items()[index]) ? leaf->count : index;
  }

  // Overwrites `from` if both stand between the same neighbours, inside a leaf.
  bool move_within(const Entry& from, const Entry& to) {
    if (root_ == nullptr) return false;
    void* node = root_;
    for (unsigned level = levels_; level > 0; --level) {
      auto* inner = static_cast<Inner*>(node);
      node = inner->items()[slot_of_entry(inner, from)].child;
    }
    auto* leaf = static_cast<Leaf*>(node);
    const uint32_t index = index_of_entry(leaf, from);
    if (index == 0 || index + 1 >= leaf->count) return false;
    if (!Order()(leaf->items()[index - 1], to) || !Order()(to, leaf->items()[index + 1])) {
      return false;
    }
    leaf->items()[index] = to;
    return true;
  }

  // Adds an entry below `node`, which may move. Returns the slot of a node to stand behind it, if
  // it had to be cut in two.
  template <typename StandsBefore>
  std::optional<Slot> add(void*& node, unsigned level, const StandsBefore& stands_before,
                          const Entry& entry) {
    if (node == nullptr) {
      Leaf* leaf = take<Leaf>(1);
      leaf->previous = leaf->next = nullptr;
      node = leaf;
    }
    if (level == 0) {
      auto* leaf = static_cast<Leaf*>(node);
      const uint32_t index = boundary_in(leaf, stands_before);
      Leaf* upper = put_in(leaf, index, entry, leaf->next == nullptr, leaf->previous == nullptr);
      node = leaf;
      ++size_;
      if (upper == nullptr) return std::nullopt;
      return slot_of(upper, 0);
    }
    auto* inner = static_cast<Inner*>(node);
    const uint32_t index = boundary_in(inner, stands_before);
    Slot& slot = inner->items()[index];
    const std::optional<Slot> upper = add(slot.child, level - 1, stands_before, entry);
    slot.first = first_of(slot.child, level - 1);
    if (!upper) {
      ++slot.entries;
      return std::nullopt;
    }
    slot.entries = entries_below(slot.child, level - 1);
    // An inner node's ends are taken for the tree's: entries that come in order fill it, too.
    Inner* cut = put_in(inner, index + 1, *upper, /*is_last=*/true, /*is_first=*/false);
    node = inner;
    if (cut == nullptr) return std::nullopt;
    return slot_of(cut, level);
  }
  void grow_root(const std::optional<Slot>& upper) {
    if (!upper) return;
    Inner* root = take<Inner>(2);
    root->items()[0] = slot_of(root_, levels_);
    root->items()[1] = *upper;
    root->count = 2;
    root_ = root;
    ++levels_;
  }
  void shrink_root() {
    if (root_ == nullptr) levels_ = 0;
    while (levels_ > 0 && static_cast<Inner*>(root_)->count == 1) {
      auto* root = static_cast<Inner*>(root_);
      root_ = root->items()[0].child;
      give(root);
      --levels_;
    }
  }

  // Erases up to `count` entries of one leaf, from the one that `finder` leads to on; sets `node`
  // to null if nothing is left of it.
  template <typename Finder, typename OnEntry>
  void remove(void*& node, unsigned level, Finder finder, size_t count, OnEntry& on_entry,
              size_t& erased) {
    if (level == 0) {
      auto* leaf = static_cast<Leaf*>(node);
      const uint32_t index = finder.index(leaf);
      const auto last = static_cast<uint32_t>(std::min<size_t>(count, leaf->count - index));
      for (uint32_t i = 0; i < last; ++i) on_entry(leaf->items()[index + i]);
      erased = last;
      size_ -= last;
      if (last == 0) return;
      close_gap(leaf, index, last);
      return settle(node, leaf);
    }
    auto* inner = static_cast<Inner*>(node);
    const uint32_t index = finder.slot(inner);
    Slot& slot = inner->items()[index];
    remove(slot.child, level - 1, finder, count, on_entry, erased);
    if (erased == 0) return;
    if (slot.child == nullptr) {
      close_gap(inner, index, 1);
    } else {
      slot.first = first_of(slot.child, level - 1);
      slot.entries -= erased;
      level == 1 ? join_around<Leaf>(inner, index) : join_around<Inner>(inner, index);
    }
    settle(node, inner);
  }
  template <typename Node>
  void settle(void*& place, Node* node) {
    if (node->count > 0) {
      fit(node);
      place = node;
      return;
    }
    if constexpr (std::is_same_v<Node, Leaf>) unlink(node);
    give(node);
    place = nullptr;
  }
  // The child at `index` may have few items: then it joins a neighbour, if both fit into one.
  template <typename Node>
  void join_around(Inner* inner, uint32_t index) {
    if (static_cast<Node*>(inner->items()[index].child)->count >= kFew<Node>) return;
    if (index > 0 && join<Node>(inner, index - 1)) return;
    if (index + 1 < inner->count) join<Node>(inner, index);
  }
  // The children at `index` and behind it become one, if that is not too large.
  template <typename Node>
  bool join(Inner* inner, uint32_t index) {
    Slot& slot = inner->items()[index];
    auto* node = static_cast<Node*>(slot.child);
    auto* upper = static_cast<Node*>(inner->items()[index + 1].child);
    const uint32_t count = node->count + upper->count;
    if (count > kJoined<Node>) return false;
    if (count > node->capacity) node = resize(node, count);
    copy(node->items() + node->count, upper->items(), upper->count);
    node->count = count;
    if constexpr (std::is_same_v<Node, Leaf>) unlink(upper);
    give(upper);
    slot.child = node;
    slot.entries += inner->items()[index + 1].entries;
    close_gap(inner, index + 1, 1);
    return true;
  }

  void put(void* node, unsigned level, size_t rank, const Entry& entry) {
    if (level == 0) {
      static_cast<Leaf*>(node)->items()[rank] = entry;
      return;
    }
    auto* inner = static_cast<Inner*>(node);
    Slot& slot = inner->items()[slot_with(inner, rank)];
    put(slot.child, level - 1, rank, entry);
    slot.first = first_of(slot.child, level - 1);
  }

  // Frees from the last entry of a node on; true if the node itself is freed.
  template <typename ReleaseEntry>
  bool drop_last(void* node, unsigned level, size_t most, size_t& released,
                 ReleaseEntry& release_entry) {
    const auto drop = [&](auto* row, auto drop_item) {
      while (row->count > 0 && released < most) {
        if (!drop_item(row->items()[row->count - 1])) return false;
        --row->count;
      }
      if (row->count > 0 || released >= most) return false;
      give(row);
      ++released;
      return true;
    };
    if (level == 0) {
      return drop(static_cast<Leaf*>(node), [&](const Entry& entry) {
        released += release_entry(entry);
        return true;
      });
    }
    return drop(static_cast<Inner*>(node), [&](const Slot& slot) {
      return drop_last(slot.child, level - 1, most, released, release_entry);
    });
  }

  // ---- verifying ----

  struct Totals {
    size_t entries = 0;
    size_t bytes = 0;
    size_t nodes = 0;
    Leaf* last = nullptr;
  };
  template <typename Node>
  static void verify_row(Node* node, Totals& totals) {
    check(node->count > 0, "no node of a tree is empty");
    check(node->count <= node->capacity && node->capacity <= kMost<Node>, "a node has room");
    totals.bytes += node_bytes<Node>(node->capacity);
    ++totals.nodes;
  }
  static void verify_node(void* node, unsigned level, bool is_root, Totals& totals) {
    if (level == 0) {
      auto* leaf = static_cast<Leaf*>(node);
      verify_row(leaf, totals);
      check(leaf->previous == totals.last, "leaves are linked backwards");
      check(totals.last == nullptr || totals.last->next == leaf, "leaves are linked");
      const Entry* before =
          totals.last == nullptr ? nullptr : &totals.last->items()[totals.last->count - 1];
      for (uint32_t i = 0; i < leaf->count; before = &leaf->items()[i++]) {
        check(before == nullptr || Order()(*before, leaf->items()[i]), "entries are in order");
      }
      totals.last = leaf;
      totals.entries += leaf->count;
      return;
    }
    auto* inner = static_cast<Inner*>(node);
    verify_row(inner, totals);
    check(!is_root || inner->count > 1, "a root has several children");
    for (uint32_t i = 0; i < inner->count; ++i) {
      const Slot& slot = inner->items()[i];
      const size_t before = totals.entries;
      verify_node(slot.child, level - 1, /*is_root=*/false, totals);
      check(totals.entries - before == slot.entries, "a slot counts the entries below it");
      const Entry& first = first_of(slot.child, level - 1);
      check(!Order()(slot.first, first) && !Order()(first, slot.first),
            "a slot has the first entry below it");
    }
  }

  void* root_ = nullptr;
  size_t size_ = 0;
  size_t bytes_ = 0;
  uint32_t nodes_ = 0;
  uint32_t levels_ = 0;  // of inner nodes
};

}  // namespace larder::storage
