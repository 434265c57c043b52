#include "storage/stream/stream.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {

using stream::Node;
using stream::PackedEntry;

namespace {

// What freeing groups costs: their trees are made of pieces of about this.
constexpr size_t kGroupPiece = 512;

}  // namespace

// ---- memory -------------------------------------------------------------------------------------

Stream* Stream::create() {
  return new (take_memory(round_to_class(sizeof(Stream)))) Stream();
}

size_t Stream::bytes() const {
  return round_to_class(sizeof(Stream)) + node_bytes_ + places_.bytes() + groups_.bytes();
}

size_t Stream::parts() const {
  return places_.size() + places_.nodes() + groups_.bytes() / kGroupPiece + 1;
}

Node* Stream::take_node(size_t room) {
  check(room <= stream::kMostNodeBytes, "a stream's node is not too large");
  const size_t bytes = round_to_class(sizeof(Node) + room);
  auto* node = static_cast<Node*>(take_memory(bytes));
  const size_t capacity = std::min(bytes - sizeof(Node), stream::kMostNodeBytes);
  *node = {.capacity = static_cast<uint32_t>(capacity),
           .used = 0,
           .live = 0,
           .deleted = 0,
           .fields = 0,
           .master_bytes = 0};
  node_bytes_ += round_to_class(node->allocated_bytes());
  return node;
}

void Stream::give_node(Node* node) {
  node_bytes_ -= round_to_class(node->allocated_bytes());
  free_memory(node);
}

// The same node with other room. REQUIRES: enough for what it holds.
Node* Stream::resize(Node* node, size_t room) {
  Node* resized = take_node(room);
  const uint32_t capacity = resized->capacity;
  std::memcpy(resized, node, sizeof(Node) + node->used);
  resized->capacity = capacity;
  give_node(node);
  return resized;
}

Stream* Stream::copy() const {
  Stream* other = create();
  for_each_node([other](StreamId first_id, const Node& node) {
    Node* copied = other->take_node(node.used);
    const uint32_t capacity = copied->capacity;
    std::memcpy(copied, &node, sizeof(Node) + node.used);
    copied->capacity = capacity;
    other->append_place(first_id, copied);
  });
  other->size_ = size_;
  other->last_id_ = last_id_;
  other->first_id_ = first_id_;
  other->max_deleted_id_ = max_deleted_id_;
  other->entries_added_ = entries_added_;
  other->groups_.copy(groups_);
  return other;
}

size_t Stream::release_slice(Stream*& stream, size_t max_parts) {
  size_t released = stream->places_.release_slice(max_parts, [](const Place& place) {
    free_memory(place.node);
    return size_t{1};
  });
  if (released < max_parts) released += stream->groups_.release_slice(max_parts - released);
  if (released >= max_parts) return released;
  stream->~Stream();
  free_memory(stream);
  stream = nullptr;
  return released + 1;
}

// ---- places -------------------------------------------------------------------------------------

void Stream::append_place(StreamId first_id, Node* node) {
  places_.append({.first_id = first_id, .node = node});
}

void Stream::erase_place(StreamId first_id) {
  places_.erase({.first_id = first_id, .node = nullptr});
}

Stream::Places::Cursor Stream::place_of(StreamId id) const {
  if (places_.is_empty()) return {};
  auto at = places_.partition_point([id](const Place& place) { return place.first_id <= id; });
  if (!at) return places_.last();
  at.previous();
  return at;
}

void Stream::Cursor::enter(const char* at) {
  entry_ = stream::read_entry(*place_->node, place_->first_id, at);
}

// To the first entry from `at` on that is not deleted.
void Stream::Cursor::skip_forward(const char* at) {
  while (place_) {
    for (const Node& node = *place_->node; at != node.end(); at = stream::behind(entry_)) {
      enter(at);
      if (!entry_.is_deleted) return;
    }
    place_.next();
    if (place_) at = place_->node->first();
  }
}

// To the last one that ends at `end` or before.
void Stream::Cursor::skip_backward(const char* end) {
  while (place_) {
    for (const Node& node = *place_->node; end != node.first(); end = entry_.at) {
      enter(stream::before(end));
      if (!entry_.is_deleted) return;
    }
    place_.previous();
    if (place_) end = place_->node->end();
  }
}

void Stream::Cursor::next() { skip_forward(stream::behind(entry_)); }
void Stream::Cursor::previous() { skip_backward(entry_.at); }

Stream::Cursor Stream::first() const {
  Cursor cursor;
  cursor.place_ = places_.first();
  if (cursor) cursor.skip_forward(cursor.place_->node->first());
  return cursor;
}

Stream::Cursor Stream::last() const {
  Cursor cursor;
  cursor.place_ = places_.last();
  if (cursor) cursor.skip_backward(cursor.place_->node->end());
  return cursor;
}

Stream::Cursor Stream::from(StreamId id) const {
  Cursor cursor;
  cursor.place_ = place_of(id);
  if (!cursor) return first();
  const Node& node = *cursor.place_->node;
  auto next_place = cursor.place_;
  next_place.next();
  if (!next_place) {
    // The last node: who reads on is near its end.
    const char* end = node.end();
    while (end != node.first()) {
      cursor.enter(stream::before(end));
      if (cursor.id() < id) break;
      end = cursor.entry_.at;
    }
    cursor.skip_forward(end);
    return cursor;
  }
  cursor.skip_forward(node.first());
  while (cursor && cursor.id() < id) cursor.next();
  return cursor;
}

Stream::Cursor Stream::up_to(StreamId id) const {
  Cursor cursor;
  cursor.place_ = place_of(id);
  if (!cursor) return cursor;
  cursor.skip_backward(cursor.place_->node->end());
  while (cursor && cursor.id() > id) cursor.previous();
  return cursor;
}

StreamId Stream::last_entry_id() const {
  const Cursor cursor = last();
  return cursor ? cursor.id() : StreamId();
}

bool Stream::contains(StreamId id) const {
  const Cursor cursor = from(id);
  return cursor && cursor.id() == id;
}

size_t Stream::count_between(StreamId first, StreamId last, size_t most) const {
  size_t count = 0;
  Cursor at = from(first);
  while (at && count < most) {
    auto next_place = at.place_;
    next_place.next();
    const bool is_within = next_place && next_place->first_id <= last;
    if (is_within && at.entry_.at == at.place_->node->first()) {
      // All of its node counts.
      count += at.place_->node->live;
      at.place_ = next_place;
      at.skip_forward(next_place->node->first());
      continue;
    }
    if (at.id() > last) break;
    ++count;
    at.next();
  }
  return std::min(count, most);
}

// ---- adding -------------------------------------------------------------------------------------

bool Stream::is_storable(Fields fields) {
  size_t bytes = 0;
  for (const std::string_view text : fields) bytes += text.size();
  if (bytes > kMostEntryBytes) return false;
  // Each text takes ten bytes more at most, and a field stands in the master, too.
  return fields.size() <= (kMostPackedBytes - 2 * bytes) / 20;
}

bool Stream::has_room(const Node& node, size_t bytes, const NodeLimits& limits) {
  const bool is_limited = limits.bytes > 0 && limits.bytes <= kMostEntryBytes;
  const uint64_t most_bytes = is_limited ? limits.bytes : kMostEntryBytes;
  if (node.listpack_bytes() + bytes >= most_bytes) return false;
  return limits.entries == 0 || uint64_t{node.live} + node.deleted < limits.entries;
}

void Stream::append(StreamId id, Fields fields, const NodeLimits& limits) {
  check(id > last_id_ && fields.size() >= 2, "an entry is added behind all others");
  size_t bytes = 0;
  for (const std::string_view text : fields) bytes += text.size();
  auto at = places_.last();
  if (at && has_room(*at->node, bytes, limits)) {
    Node*& node = places_.at(at).node;
    const StreamId first_id = at->first_id;
    const bool is_same = stream::has_master_fields(*node, fields);
    const size_t needed =
        size_t{node->used} + stream::entry_bytes_of(first_id, id, fields, is_same);
    if (needed > node->capacity) node = resize(node, needed + needed / 8);
    stream::write_entry(*node, first_id, id, fields, is_same);
  } else {
    if (at) {
      // Nothing will be added to this one any more.
      Node*& node = places_.at(at).node;
      const size_t fitting = round_to_class(sizeof(Node) + node->used);
      if (fitting < node->allocated_bytes()) node = resize(node, node->used);
    }
    Node* node = take_node(stream::master_bytes_of(fields) +
                           stream::entry_bytes_of(id, id, fields, /*has_master_fields=*/true));
    stream::write_master(*node, fields);
    stream::write_entry(*node, id, id, fields, /*has_master_fields=*/true);
    append_place(id, node);
  }
  if (size_++ == 0) first_id_ = id;
  last_id_ = id;
  ++entries_added_;
}

void Stream::append_node(const NodeParts& parts) {
  Node* node = take_node(parts.bytes.size());
  std::memcpy(node->bytes(), parts.bytes.data(), parts.bytes.size());
  node->used = static_cast<uint32_t>(parts.bytes.size());
  node->live = parts.live;
  node->deleted = parts.deleted;
  node->fields = parts.fields;
  node->master_bytes = parts.master_bytes;
  append_place(parts.first_id, node);
  if (size_ == 0 && parts.live > 0) {
    size_ = parts.live;
    renew_first_id();
  } else {
    size_ += parts.live;
  }
  last_id_ = parts.last_id;
}

// ---- removing -----------------------------------------------------------------------------------

void Stream::renew_first_id() { first_id_ = size_ == 0 ? StreamId() : first().id(); }

bool Stream::erase(StreamId id) {
  const Cursor cursor = from(id);
  if (!cursor || cursor.id() != id) return false;
  Node* node = cursor.place_->node;
  if (node->live == 1) {
    erase_place(cursor.place_->first_id);
    give_node(node);
  } else {
    stream::mark_deleted(*node, cursor.entry_);
  }
  --size_;
  max_deleted_id_ = std::max(max_deleted_id_, id);
  if (id == first_id_ || size_ == 0) renew_first_id();
  return true;
}

size_t Stream::trim(const Trimming& trimming) {
  size_t removed = 0;
  while (true) {
    if (trimming.most && size_ <= *trimming.most) break;
    const auto at = places_.first();
    if (!at) break;
    const StreamId first_id = at->first_id;
    Node* const node = at->node;
    if (trimming.limit > 0 && removed + node->live > trimming.limit) break;
    const bool goes =
        trimming.most
            ? size_ - node->live >= *trimming.most
            : stream::read_entry(*node, first_id, stream::before(node->end())).id < trimming.least;
    if (!goes) {
      if (!trimming.whole_nodes) removed += trim_within(*node, first_id, trimming);
      break;
    }
    removed += node->live;
    size_ -= node->live;
    places_.erase_at(0, 1);
    give_node(node);
  }
  if (removed > 0) renew_first_id();
  return removed;
}

size_t Stream::trim_within(Node& node, StreamId first_id, const Trimming& trimming) {
  size_t removed = 0;
  for (const char* at = node.first(); at != node.end();) {
    const PackedEntry entry = stream::read_entry(node, first_id, at);
    if (trimming.most ? size_ <= *trimming.most : entry.id >= trimming.least) break;
    if (!entry.is_deleted) {
      stream::mark_deleted(node, entry);
      --size_;
      ++removed;
    }
    at = stream::behind(entry);
  }
  return removed;
}

// Entries that are deleted and would be behind the new last id are given up, for others will come.
void Stream::set_last_id(StreamId id) {
  last_id_ = id;
  for (auto at = places_.last(); at; at = places_.last()) {
    const StreamId first_id = at->first_id;
    Node* const node = at->node;
    while (node->used > node->master_bytes) {
      const PackedEntry entry =
          stream::read_entry(*node, first_id, stream::before(node->end()));
      if (entry.id <= id) return;
      check(entry.is_deleted, "no entry is behind a stream's last id");
      node->used = static_cast<uint32_t>(entry.at - node->bytes());
      --node->deleted;
    }
    erase_place(first_id);
    give_node(node);
  }
}

// ---- how far groups are -------------------------------------------------------------------------

bool Stream::has_deleted_from(StreamId id) const {
  return size_ > 0 && !max_deleted_id_.is_zero() && id <= max_deleted_id_;
}

std::optional<uint64_t> Stream::entries_up_to(StreamId id) const {
  if (entries_added_ == 0) return 0;
  if (size_ == 0 && id <= last_id_) return entries_added_;
  // What was deleted behind it cannot be told from what stands there.
  if (!id.is_zero() && id < max_deleted_id_) return std::nullopt;
  if (id == last_id_) return entries_added_;
  if (id > last_id_) return std::nullopt;
  const bool is_whole = max_deleted_id_.is_zero() || max_deleted_id_ < first_id_;
  if (is_whole && id < first_id_) return entries_added_ - size_;
  if (is_whole && id == first_id_) return entries_added_ - size_ + 1;
  return std::nullopt;
}

std::optional<int64_t> Stream::lag(const stream::Group& group) const {
  if (entries_added_ == 0 || size_ == 0) return 0;
  if (group.last_id < first_id_ && max_deleted_id_ < first_id_) return static_cast<int64_t>(size_);
  const auto behind = [this](uint64_t read) { return static_cast<int64_t>(entries_added_ - read); };
  if (group.entries_read && !has_deleted_from(group.last_id)) return behind(*group.entries_read);
  const std::optional<uint64_t> read = entries_up_to(group.last_id);
  if (!read) return std::nullopt;
  return behind(*read);
}

void Stream::note_delivered(stream::Group& group, StreamId id) const {
  if (group.entries_read && group.last_id >= first_id_ && !has_deleted_from(group.last_id)) {
    ++*group.entries_read;
  } else if (entries_added_ > 0) {
    group.entries_read = entries_up_to(id);
  }
  group.last_id = id;
}

// ---- invariants ---------------------------------------------------------------------------------

void Stream::verify() const {
  places_.verify();
  groups_.verify();
  size_t bytes = 0;
  size_t size = 0;
  std::optional<StreamId> first;
  std::optional<StreamId> last;
  for_each_node([&](StreamId first_id, const Node& node) {
    bytes += round_to_class(node.allocated_bytes());
    size += node.live;
    check(node.used <= node.capacity && node.master_bytes < node.used, "a node has entries");
    uint32_t live = 0;
    uint32_t deleted = 0;
    const char* at = node.first();
    while (at != node.end()) {
      const PackedEntry entry = stream::read_entry(node, first_id, at);
      check(at != node.first() || entry.id == first_id, "a node is found under its first id");
      check(!last || *last < entry.id, "ids ascend");
      last = entry.id;
      ++(entry.is_deleted ? deleted : live);
      if (!entry.is_deleted && !first) first = entry.id;
      const char* const end = stream::behind(entry);
      check(end <= node.end() && stream::before(end) == at, "an entry knows its length");
      at = end;
    }
    check(live == node.live && deleted == node.deleted, "a node counts its entries");
  });
  check(bytes == node_bytes_, "a stream counts its bytes");
  check(size == size_, "a stream counts its entries");
  check(!last || *last <= last_id_, "no entry is behind the last id");
  check(first_id_ == first.value_or(StreamId()), "the first id is that of the first entry");
}

}  // namespace larder::storage
