// List: a sequence of texts, quick at both ends.
//
//   list   type 1 | flags | elements 8 | bytes 8 | its only node, or a ring of nodes      32 bytes
//
// Short elements lie packed in chunks of at most 8 KiB that have room at both ends, so that what
// comes and goes there moves nothing; an element that does not fit into one is a blob of its own.
// The layout is in node.h. Chunks grow by the allocator's size classes.
//
// Invariants
//   * There is no empty chunk. A list of fewer than two nodes has no ring.
//   * Every entry is as listpack::NewEntry writes it.
//   * bytes() is exactly what was taken from the allocator; a blob that copies share counts in
//   each.
//
// Costs: push and pop O(1) amortised; at() O(chunks) over words that lie side by side, then half a
// chunk; changes in the middle move half a chunk, and the ring's words if there is a new node.
// Thread: see object.h. Memory that cannot be had ends the process; no other error exists here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/list/node.h"
#include "storage/listpack.h"
#include "storage/object.h"

namespace larder::storage {

enum class End : uint8_t { front, back };
constexpr End opposite(End end) { return end == End::front ? End::back : End::front; }

class List final : public Object {
 public:
  static constexpr Type kType = Type::list;

  // An element where it lies, until the list changes.
  struct Element {
    listpack::Value value;
    Blob* blob = nullptr;  // that holds the text

    std::string_view bytes(NumberText& scratch) const { return value.bytes(scratch); }
  };

  // An element to be looked for. The text stays where it is.
  class Sought {
   public:
    explicit Sought(std::string_view element);

   private:
    friend class List;
    std::string_view text_;
    std::optional<listpack::NewEntry> entry_;  // unless it is a blob's
  };

  // Stands at an element, or beyond either end. Valid until the list changes.
  class Cursor {
   public:
    explicit operator bool() const { return node_ != kNowhere; }
    // REQUIRES: it stands at an element.
    Element element() const;
    bool is_at(const Sought& sought) const;
    void next();
    void previous();
    void step(End towards) { towards == End::back ? next() : previous(); }

   private:
    friend class List;
    static constexpr size_t kNowhere = SIZE_MAX;
    explicit Cursor(const List& list) : list_(&list) {}
    void enter(size_t node, End from);

    const List* list_;
    size_t node_ = kNowhere;
    const char* at_ = nullptr;     // null: a blob
    const char* begin_ = nullptr;  // of the chunk's entries
    const char* end_ = nullptr;
  };

  static List* create();
  List* copy() const;
  static size_t release_slice(List*& list, size_t max_parts);

  size_t size() const { return count_; }
  bool is_empty() const { return count_ == 0; }
  size_t bytes() const { return bytes_; }
  size_t parts() const { return node_count() + 1; }

  // REQUIRES: index < size().
  Cursor at(size_t index) const;
  Cursor first(End end) const;
  // The element at an end. REQUIRES: not empty.
  Element peek(End end) const { return first(end).element(); }

  // `element` must not lie in this list.
  void push(End end, std::string_view element);
  // Removes the element at an end. REQUIRES: not empty.
  void pop(End end);
  // Inserts in front of the cursor's element, or behind it. REQUIRES: the cursor stands at one.
  void insert(const Cursor& cursor, End side, std::string_view element);
  void replace(const Cursor& cursor, std::string_view element);
  // Removes `count` elements from `index` on. REQUIRES: they are there.
  void erase(size_t index, size_t count);
  // Removes the first `most` elements that are this, counted from an end; returns how many.
  size_t remove(std::string_view element, End from, size_t most);

  // The bytes of all entries and blobs; stops counting, above `most`, where that is exceeded.
  size_t packed_bytes(size_t most) const;

  // A mark that the list keeps for whoever names encodings; it means nothing here.
  bool is_marked() const { return is_marked_; }
  void mark(bool marked) { is_marked_ = marked; }

  // Visits the nodes in order: on_chunk(entries, count) or on_blob(text).
  template <typename OnChunk, typename OnBlob>
  void for_each_node(OnChunk on_chunk, OnBlob on_blob) const {
    for (size_t i = 0; i < node_count(); ++i) {
      const Node& each = node(i);
      if (each.is_blob()) {
        on_blob(std::string_view(each.blob()->data(), each.blob()->size()));
      } else {
        on_chunk(std::string_view(each.chunk()->first(), each.chunk()->used()), each.count());
      }
    }
  }

  void verify() const;

 private:
  using Node = list::Node;
  using Chunk = list::Chunk;
  using Ring = list::Ring;

  // Where an element is: its node, and how many elements of that stand before it.
  struct Place {
    size_t node;
    size_t index;
  };

  List() : Object(kType), only_() {}
  ~List() = default;

  size_t node_count() const { return has_ring_ ? ring_->size : count_ > 0 ? 1 : 0; }
  Node& node(size_t index) { return has_ring_ ? ring_->at(index) : only_; }
  const Node& node(size_t index) const { return has_ring_ ? ring_->at(index) : only_; }
  size_t end_node(End end) const { return end == End::front ? 0 : node_count() - 1; }
  Place place_of(size_t index) const;
  Cursor cursor_at(Place place) const;

  // ---- nodes ----
  Chunk* take_chunk(size_t room);
  void give_chunk(Chunk* chunk);
  Ring* take_ring(size_t capacity);
  Node make_node(std::string_view element, End growing);
  void release_node(const Node& node);
  // Inserts a node at an index. The elements it has are not counted here.
  void insert_node(size_t index, Node node);
  // Takes nodes [from, to) out, which were released before.
  void erase_nodes(size_t from, size_t to);
  bool has_room(const Node& node, End end, size_t bytes) const;

  // ---- within chunks ----
  char* resize(Node& node, char* at, size_t old_bytes, size_t new_bytes);
  char* rebuild(Node& node, char* at, size_t old_bytes, size_t new_bytes, size_t room,
                size_t begin);
  void erase_within(size_t index, size_t first, size_t count);
  size_t remove_within(size_t index, const Sought& sought, size_t skipped, size_t most);
  void insert_at(size_t node, const char* at, std::string_view element);
  size_t split(size_t index, const char* at);
  void tidy(size_t index);
  bool merge(size_t index);

  bool is_marked_ = false;
  bool has_ring_ = false;
  size_t count_ = 0;
  size_t bytes_ = 0;
  union {
    Node only_;
    Ring* ring_;
  };
};
static_assert(sizeof(List) == 32);

}  // namespace larder::storage
