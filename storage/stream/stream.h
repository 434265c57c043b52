// Stream: entries of fields and values, in the order of their ids, added at the end only.
//
// Entries lie packed in nodes (node.h) that a counted tree finds by the id of their first entry.
// Deleting one marks it; a node goes with its last entry that is not deleted. So nodes hold the
// same bytes as those of a redis-server with the same limits.
//
// Invariants
//   * The ids of all entries, deleted ones included, ascend; none is above last_id().
//   * A node has entries, and is found under the id of the first.
//   * first_id() is that of the first entry that is not deleted, 0-0 if there is none.
//   * bytes() is exactly what was taken from the allocator.
//
// A stream without entries stays: it has ids to remember, and groups.
//
// Costs: adding O(log nodes) amortised; finding and deleting that and O(bytes of a node); walking
// O(1) a step. Thread: see object.h. Memory that cannot be had ends the process; no other error
// exists here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/collection/counted_tree.h"
#include "storage/object.h"
#include "storage/stream/group.h"
#include "storage/stream/id.h"
#include "storage/stream/node.h"

namespace larder::storage {

class Stream final : public Object {
 private:
  struct Place {
    StreamId first_id;
    stream::Node* node;
  };
  struct PlaceOrder {
    bool operator()(const Place& a, const Place& b) const { return a.first_id < b.first_id; }
  };
  using Places = CountedTree<Place, PlaceOrder>;

 public:
  static constexpr Type kType = Type::stream;
  // An entry of more has no place here: the bytes of its fields and values, and what they take
  // packed.
  static constexpr size_t kMostEntryBytes = size_t{1} << 30;
  static constexpr size_t kMostPackedBytes = size_t{3} << 30;

  using Fields = stream::Fields;

  // When a new node is begun. 0: no limit but kMostEntryBytes.
  struct NodeLimits {
    uint64_t bytes = 4096;
    uint64_t entries = 100;
  };

  // What trimming leaves, from the first entry on.
  struct Trimming {
    std::optional<uint64_t> most;  // so many entries; or
    StreamId least;                // those that are not before this one
    bool whole_nodes = false;      // only nodes that are to go altogether
    uint64_t limit = 0;            // and of those so many entries at most; 0: all
  };

  // Stands at an entry that is not deleted, or beyond either end. Valid until the stream changes.
  class Cursor {
   public:
    explicit operator bool() const { return static_cast<bool>(place_); }
    // REQUIRES, as all below: it stands at an entry.
    StreamId id() const { return entry_.id; }
    size_t fields() const { return entry_.fields; }
    // Visits field, value, field, value ... as listpack::Value.
    template <typename Visit>
    void for_each_text(Visit visit) const {
      stream::for_each_text(*place_->node, entry_, visit);
    }
    void next();
    void previous();

   private:
    friend class Stream;
    void enter(const char* at);
    void skip_forward(const char* at);
    void skip_backward(const char* end);

    Places::Cursor place_;
    stream::PackedEntry entry_;
  };

  static Stream* create();
  Stream* copy() const;
  static size_t release_slice(Stream*& stream, size_t max_parts);

  size_t size() const { return size_; }
  bool is_empty() const { return false; }
  size_t bytes() const;
  size_t parts() const;

  // ---- what is known about it ----

  StreamId last_id() const { return last_id_; }
  StreamId first_id() const { return first_id_; }
  StreamId max_deleted_id() const { return max_deleted_id_; }
  uint64_t entries_added() const { return entries_added_; }
  size_t node_count() const { return places_.size(); }
  // What the tree of nodes is made of.
  size_t tree_nodes() const { return places_.nodes(); }
  // REQUIRES: not before the last entry that is not deleted.
  void set_last_id(StreamId id);
  void set_max_deleted_id(StreamId id) { max_deleted_id_ = id; }
  void set_entries_added(uint64_t count) { entries_added_ = count; }

  // ---- entries ----

  Cursor first() const;
  Cursor last() const;
  // The first entry from `id` on; the last one up to it.
  Cursor from(StreamId id) const;
  Cursor up_to(StreamId id) const;
  // Of the last entry that is not deleted; 0-0 if there is none.
  StreamId last_entry_id() const;
  bool contains(StreamId id) const;
  // How many entries there are from one id to another, both included; counts up to `most` of them.
  size_t count_between(StreamId first, StreamId last, size_t most) const;

  // Can this be one entry?
  static bool is_storable(Fields fields);
  // REQUIRES: `id` is behind last_id(); is_storable(fields), of which there is one at least; they
  // do not lie in this stream.
  void append(StreamId id, Fields fields, const NodeLimits& limits);
  // False if there is none.
  bool erase(StreamId id);
  // Returns how many entries went.
  size_t trim(const Trimming& trimming);

  // ---- groups ----

  stream::GroupSet& groups() { return groups_; }
  const stream::GroupSet& groups() const { return groups_; }
  // The how manieth ever added the entry of this id is, or the one before it, if that can be said.
  std::optional<uint64_t> entries_up_to(StreamId id) const;
  // May there be deleted entries from `id` on?
  bool has_deleted_from(StreamId id) const;
  // How many entries a group has not read yet, if that can be said.
  std::optional<int64_t> lag(const stream::Group& group) const;
  // The group got this entry. REQUIRES: it is behind the group's last id.
  void note_delivered(stream::Group& group, StreamId id) const;

  // ---- as it is stored (storage/rdb/) ----

  // Visits the nodes in order: visit(first id, node).
  template <typename Visit>
  void for_each_node(Visit visit) const {
    for (auto at = places_.first(); at; at.next()) visit(at->first_id, *at->node);
  }
  // What a node is made from: its bytes, as node.h says, and what stands in front of them.
  struct NodeParts {
    StreamId first_id;
    StreamId last_id;  // of its last entry
    std::string_view bytes;
    uint32_t live = 0;
    uint32_t deleted = 0;
    uint32_t fields = 0;
    uint32_t master_bytes = 0;
  };
  // Adds a node behind all others. REQUIRES: it is sound, of ids above last_id(), as last_id()
  // then says.
  void append_node(const NodeParts& parts);

  void verify() const;

 private:
  Stream() : Object(kType) {}
  ~Stream() = default;

  stream::Node* take_node(size_t room);
  void give_node(stream::Node* node);
  stream::Node* resize(stream::Node* node, size_t room);
  void append_place(StreamId first_id, stream::Node* node);
  void erase_place(StreamId first_id);
  // The place that an entry of this id would be in; nowhere if it is before all.
  Places::Cursor place_of(StreamId id) const;
  // Does another entry of so many bytes belong into this node?
  static bool has_room(const stream::Node& node, size_t bytes, const NodeLimits& limits);
  size_t trim_within(stream::Node& node, StreamId first_id, const Trimming& trimming);
  void renew_first_id();

  size_t size_ = 0;
  StreamId last_id_;
  StreamId first_id_;
  StreamId max_deleted_id_;
  uint64_t entries_added_ = 0;
  size_t node_bytes_ = 0;
  Places places_;
  stream::GroupSet groups_;
};

}  // namespace larder::storage
