// Node: some consecutive entries of a stream, packed as Redis packs them, so that DUMP copies them.
//
//   node    := capacity 4 | used 4 | live 4 | deleted 4 | fields 4 | master bytes 4 | bytes
//   bytes   := master entry*             each a sequence of listpack entries (listpack.h)
//   master  := number of fields | field* | 0        the fields of the first entry
//   entry   := flags | ms | seq | value* | count                with the fields of the master
//            | flags | ms | seq | number of fields | (field value)* | count
//
// flags: 1 deleted, 2 the master's fields. ms and seq are differences to the id under which the
// stream finds the node, that of its first entry. count is how many listpack entries stand before
// it in the entry. An entry that is deleted stays in its place until its node goes.
//
// Plain data of Stream, which owns it, and functions on it. O(bytes) of what they pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "storage/listpack.h"
#include "storage/stream/id.h"

namespace larder::storage::stream {

// Field, value, field, value ...
using Fields = std::span<const std::string_view>;

struct Node {
  uint32_t capacity;  // of the bytes that follow
  uint32_t used;
  uint32_t live;
  uint32_t deleted;
  uint32_t fields;        // of the master
  uint32_t master_bytes;  // what stands before the first entry

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  const char* first() const { return bytes() + master_bytes; }
  const char* end() const { return bytes() + used; }
  size_t allocated_bytes() const { return sizeof(Node) + capacity; }
  // What it takes as a listpack.
  size_t listpack_bytes() const;
};
static_assert(sizeof(Node) == 24);

// More than this one node cannot have.
constexpr size_t kMostNodeBytes = UINT32_MAX - sizeof(Node);

// An entry where it lies.
struct PackedEntry {
  const char* at = nullptr;
  StreamId id;
  bool is_deleted = false;
  bool has_master_fields = false;
  uint32_t fields = 0;
  const char* values = nullptr;  // the first one, or the field before it
};

// REQUIRES: an entry begins at `at`; `first_id` is the node's.
PackedEntry read_entry(const Node& node, StreamId first_id, const char* at);
// Where the next one begins; the node's end behind the last.
const char* behind(const PackedEntry& entry);
// Where the entry that ends at `end` begins.
const char* before(const char* end);

// What an entry that is to be added to a node takes, and the master of a new one.
size_t master_bytes_of(Fields fields);
size_t entry_bytes_of(StreamId first_id, StreamId id, Fields fields, bool has_master_fields);
// Are these the fields of the node's master?
bool has_master_fields(const Node& node, Fields fields);
// REQUIRES: there is room.
void write_master(Node& node, Fields fields);
void write_entry(Node& node, StreamId first_id, StreamId id, Fields fields, bool has_master_fields);
void mark_deleted(Node& node, const PackedEntry& entry);

// What the node is as a listpack of Redis.
void append_packed(const Node& node, StreamId first_id, std::string& out);

// Visits field, value, field, value ... of an entry.
template <typename Visit>
void for_each_text(const Node& node, const PackedEntry& entry, Visit visit) {
  const char* value = entry.values;
  if (entry.has_master_fields) {
    const char* field = listpack::next(node.bytes());
    for (uint32_t i = 0; i < entry.fields; ++i) {
      visit(listpack::value_of(field));
      visit(listpack::value_of(value));
      field = listpack::next(field);
      value = listpack::next(value);
    }
    return;
  }
  for (uint32_t i = 0; i < 2 * entry.fields; ++i) {
    visit(listpack::value_of(value));
    value = listpack::next(value);
  }
}

}  // namespace larder::storage::stream
