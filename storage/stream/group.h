// Groups of a stream: how far each has been read, by whom, and what was read but not yet
// acknowledged (is pending).
//
//   group     last delivered id 16 | entries read 8 | pending 32 | consumers 32 | ... | name
//   consumer  seen 8 | active 8 | ids of its pending entries 32 | ... | name
//
// A pending entry stands in its group, by id, with whom it was delivered to, and its id a second
// time with that consumer. Nothing is said about whether the stream still has the entry.
//
// Made, found and freed by the stream (stream.h), which counts their bytes. Thread: the stream's.
// Costs: O(log n) in the pending entries or the consumers where nothing else is said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/collection/counted_tree.h"
#include "storage/stream/id.h"

namespace larder::storage::stream {

class Group;

class Consumer {
 public:
  using Ids = CountedTree<StreamId, std::less<StreamId>>;
  static constexpr int64_t kNever = -1;

  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_size_}; }
  // Unix ms: when it last asked for anything, and when it last got something (or kNever).
  int64_t seen_ms = 0;
  int64_t active_ms = kNever;
  const Ids& pending() const { return pending_; }

 private:
  friend class Group;
  explicit Consumer(size_t name_size) : name_size_(name_size) {}

  Ids pending_;
  size_t name_size_;
};

// An entry that was delivered and not acknowledged.
struct Pending {
  StreamId id;
  int64_t delivered_ms = 0;  // Unix ms, the last time
  uint64_t deliveries = 0;
  Consumer* consumer = nullptr;  // to whom
};

// Things of which each has a name(), in the order of these.
template <typename Named>
class ByName {
 public:
  struct Order {
    bool operator()(const Named* a, const Named* b) const { return a->name() < b->name(); }
  };
  using Tree = CountedTree<Named*, Order>;

  static typename Tree::Cursor place_of(const Tree& tree, std::string_view name) {
    return tree.partition_point([name](const Named* other) { return other->name() < name; });
  }
  // Null if there is none.
  static Named* find(const Tree& tree, std::string_view name) {
    const auto at = place_of(tree, name);
    return at && (*at)->name() == name ? *at : nullptr;
  }
};

class Group {
 public:
  struct PendingOrder {
    bool operator()(const Pending& a, const Pending& b) const { return a.id < b.id; }
  };
  using PendingTree = CountedTree<Pending, PendingOrder>;
  using Consumers = ByName<Consumer>::Tree;

  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_size_}; }
  // Of the last entry that was delivered; and the how manieth ever added that is, if that is known.
  StreamId last_id;
  std::optional<uint64_t> entries_read;

  // ---- consumers ----
  const Consumers& consumers() const { return consumers_; }
  // Null if there is none.
  Consumer* find_consumer(std::string_view name) const;
  // REQUIRES: there is none of this name.
  Consumer& add_consumer(std::string_view name, int64_t seen_ms);
  // What it has pending is forgotten. O(that).
  void remove_consumer(Consumer& consumer);

  // ---- what is pending ----
  const PendingTree& pending() const { return pending_; }
  // Where the first one stands that is not before `id`.
  PendingTree::Cursor pending_from(StreamId id) const;
  // Null if that is not pending. Valid until the next change.
  const Pending* find_pending(StreamId id) const;
  // It is pending, with the consumer it names, whoever had it before.
  void set_pending(const Pending& pending);
  // False if it was not pending.
  bool acknowledge(StreamId id);

  void verify() const;

 private:
  friend class GroupSet;
  Group(size_t* bytes, size_t name_size) : bytes_(bytes), name_size_(name_size) {}
  ~Group() = default;

  static Group* create(std::string_view name, size_t* bytes);
  // Frees up to `most` pieces of it and it itself with the last; `group` is null then. Returns how
  // many that were.
  static size_t release_slice(Group*& group, size_t most);
  static void free_consumer(Consumer* consumer);
  // What the group and all that is in it take. O(consumers).
  size_t counted_bytes() const;

  template <typename Tree, typename Change>
  void count(Tree& tree, Change change) {
    const size_t before = tree.bytes();
    change(tree);
    *bytes_ += tree.bytes() - before;
  }

  PendingTree pending_;
  Consumers consumers_;
  size_t* bytes_;  // of all groups of the stream
  size_t name_size_;
};

// The groups of one stream.
class GroupSet {
 public:
  using Tree = ByName<Group>::Tree;

  GroupSet() = default;
  GroupSet(const GroupSet&) = delete;
  GroupSet& operator=(const GroupSet&) = delete;

  const Tree& all() const { return groups_; }
  // Null if there is none.
  Group* find(std::string_view name) const { return ByName<Group>::find(groups_, name); }
  // REQUIRES: there is none of this name.
  Group& add(std::string_view name);
  // O(what it holds).
  void remove(Group& group);
  // What they take, without this set itself.
  size_t bytes() const { return bytes_; }
  // Adds what another set has. REQUIRES: this one is empty.
  void copy(const GroupSet& other);
  // Frees up to `most` pieces; nothing else may be done with it then. Returns how many that were.
  size_t release_slice(size_t most);

  void verify() const;

 private:
  Tree groups_;
  size_t bytes_ = 0;
};

}  // namespace larder::storage::stream
