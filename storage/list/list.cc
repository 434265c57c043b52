#include "storage/list/list.h"

#include <algorithm>
#include <new>
#include <string>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

using list::kMostChunkRoom;

constexpr size_t kFirstRingNodes = 4;

}  // namespace

// ---- nodes --------------------------------------------------------------------------------------

List* List::create() {
  List* list = new (take_memory(sizeof(List))) List();
  list->bytes_ = round_to_class(sizeof(List));
  return list;
}

List::Chunk* List::take_chunk(size_t room) {
  const size_t bytes = round_to_class(sizeof(Chunk) + room);
  auto* chunk = static_cast<Chunk*>(take_memory(bytes));
  *chunk = {.capacity = static_cast<uint16_t>(bytes - sizeof(Chunk)),
            .begin = 0,
            .end = 0,
            .unused = 0};
  bytes_ += bytes;
  return chunk;
}

void List::give_chunk(Chunk* chunk) {
  bytes_ -= chunk->allocated_bytes();
  free_memory(chunk);
}

List::Ring* List::take_ring(size_t capacity) {
  const size_t bytes = round_to_class(sizeof(Ring) + capacity * sizeof(Node));
  auto* ring = static_cast<Ring*>(take_memory(bytes));
  *ring = {.capacity = static_cast<uint32_t>((bytes - sizeof(Ring)) / sizeof(Node)),
           .begin = 0,
           .size = 0,
           .unused = 0};
  bytes_ += ring->allocated_bytes();
  return ring;
}

// A node of one element; `growing` is where more of them will come.
List::Node List::make_node(std::string_view element, End growing) {
  if (element.size() <= kMostChunkRoom) {
    const listpack::NewEntry entry(element);
    if (entry.size() <= kMostChunkRoom) {
      Chunk* chunk = take_chunk(entry.size());
      chunk->begin =
          static_cast<uint16_t>(growing == End::front ? chunk->capacity - entry.size() : 0);
      chunk->end = static_cast<uint16_t>(chunk->begin + entry.size());
      entry.write(chunk->first());
      return {chunk, 1};
    }
  }
  Blob* blob = Blob::create(element.size());
  std::memcpy(blob->data(), element.data(), element.size());
  blob->set_size(element.size());
  bytes_ += blob->allocated_bytes();
  return Node(blob);
}

void List::release_node(const Node& node) {
  if (!node.is_blob()) return give_chunk(node.chunk());
  bytes_ -= node.blob()->allocated_bytes();
  node.blob()->release();
}

void List::insert_node(size_t index, Node added) {
  if (count_ == 0) {
    only_ = added;
    return;
  }
  if (!has_ring_) {
    Ring* ring = take_ring(kFirstRingNodes);
    ring->size = 1;
    ring->slots()[0] = only_;
    ring_ = ring;
    has_ring_ = true;
  } else if (ring_->size == ring_->capacity) {
    Ring* larger = take_ring(size_t{ring_->capacity} * 2);
    for (size_t i = 0; i < ring_->size; ++i) larger->slots()[i] = ring_->at(i);
    larger->size = ring_->size;
    bytes_ -= ring_->allocated_bytes();
    free_memory(ring_);
    ring_ = larger;
  }
  const size_t size = ring_->size++;
  if (index < size / 2) {
    ring_->begin = ring_->begin == 0 ? ring_->capacity - 1 : ring_->begin - 1;
    for (size_t i = 0; i < index; ++i) ring_->at(i) = ring_->at(i + 1);
  } else {
    for (size_t i = size; i > index; --i) ring_->at(i) = ring_->at(i - 1);
  }
  ring_->at(index) = added;
}

void List::erase_nodes(size_t from, size_t to) {
  if (from == to || !has_ring_) return;
  const size_t gone = to - from;
  const size_t left = ring_->size - gone;
  if (from < left - from) {
    for (size_t i = from; i-- > 0;) ring_->at(i + gone) = ring_->at(i);
    const size_t begin = ring_->begin + gone;
    ring_->begin = static_cast<uint32_t>(begin < ring_->capacity ? begin : begin - ring_->capacity);
  } else {
    for (size_t i = from; i < left; ++i) ring_->at(i) = ring_->at(i + gone);
  }
  ring_->size = static_cast<uint32_t>(left);
  if (left > 1 && left > ring_->capacity / 8) return;
  // Too large a ring by far, or none is needed any more.
  Ring* old = ring_;
  if (left <= 1) {
    has_ring_ = false;
    only_ = left == 1 ? old->at(0) : Node();
  } else {
    ring_ = take_ring(left * 2);
    for (size_t i = 0; i < left; ++i) ring_->slots()[i] = old->at(i);
    ring_->size = static_cast<uint32_t>(left);
  }
  bytes_ -= old->allocated_bytes();
  free_memory(old);
}

List* List::copy() const {
  List* other = create();
  other->is_marked_ = is_marked_;
  for (size_t i = 0; i < node_count(); ++i) {
    const Node& each = node(i);
    if (each.is_blob()) {
      other->bytes_ += each.blob()->allocated_bytes();
      other->insert_node(i, Node(static_cast<Blob*>(each.blob()->pin().owner)));
    } else {
      const Chunk* chunk = each.chunk();
      Chunk* copied = other->take_chunk(chunk->used());
      std::memcpy(copied->first(), chunk->first(), chunk->used());
      copied->end = static_cast<uint16_t>(chunk->used());
      other->insert_node(i, {copied, each.count()});
    }
    other->count_ += each.count();
  }
  return other;
}

size_t List::release_slice(List*& list, size_t max_parts) {
  size_t released = 0;
  size_t left = list->node_count();
  for (; left > 0 && released < max_parts; --left, ++released) {
    const Node last = list->node(left - 1);
    list->count_ -= last.count();
    list->release_node(last);
    if (list->has_ring_) --list->ring_->size;
  }
  if (left > 0 || released == max_parts) return released;
  if (list->has_ring_) free_memory(list->ring_);
  list->~List();
  free_memory(list);
  list = nullptr;
  return released + 1;
}

// ---- places -------------------------------------------------------------------------------------

List::Place List::place_of(size_t index) const {
  if (!has_ring_) return {0, index};
  if (index < count_ / 2) {
    for (size_t i = 0;; ++i) {
      const size_t here = ring_->at(i).count();
      if (index < here) return {i, index};
      index -= here;
    }
  }
  size_t behind = count_ - index;  // elements from it to the end
  for (size_t i = ring_->size;;) {
    const size_t here = ring_->at(--i).count();
    if (behind <= here) return {i, here - behind};
    behind -= here;
  }
}

List::Cursor List::cursor_at(Place place) const {
  Cursor cursor(*this);
  const size_t count = node(place.node).count();
  if (place.index < count / 2) {
    cursor.enter(place.node, End::front);
    for (size_t i = 0; i < place.index; ++i) cursor.at_ = listpack::next(cursor.at_);
  } else {
    cursor.enter(place.node, End::back);
    for (size_t i = count - 1; i > place.index; --i) cursor.at_ = listpack::previous(cursor.at_);
  }
  return cursor;
}

List::Cursor List::at(size_t index) const {
  return cursor_at(place_of(index));
}

List::Cursor List::first(End end) const {
  Cursor cursor(*this);
  if (count_ > 0) cursor.enter(end_node(end), end);
  return cursor;
}

void List::Cursor::enter(size_t node, End from) {
  node_ = node;
  const Node& here = list_->node(node);
  if (here.is_blob()) {
    at_ = begin_ = end_ = nullptr;
    return;
  }
  const Chunk* chunk = here.chunk();
  begin_ = chunk->first();
  end_ = chunk->last();
  at_ = from == End::front ? begin_ : listpack::previous(end_);
}

void List::Cursor::next() {
  if (at_ != nullptr) {
    at_ = listpack::next(at_);
    if (at_ != end_) return;
  }
  node_ + 1 < list_->node_count() ? enter(node_ + 1, End::front)
                                  : static_cast<void>(node_ = kNowhere);
}

void List::Cursor::previous() {
  if (at_ != begin_) {
    at_ = listpack::previous(at_);
    return;
  }
  node_ > 0 ? enter(node_ - 1, End::back) : static_cast<void>(node_ = kNowhere);
}

List::Element List::Cursor::element() const {
  if (at_ != nullptr) return {.value = listpack::value_of(at_)};
  Blob* blob = list_->node(node_).blob();
  return {.value = {.text = {blob->data(), blob->size()}}, .blob = blob};
}

List::Sought::Sought(std::string_view element) : text_(element) {
  if (element.size() > kMostChunkRoom) return;
  entry_.emplace(element);
  if (entry_->size() > kMostChunkRoom) entry_.reset();
}

bool List::Cursor::is_at(const Sought& sought) const {
  if (at_ != nullptr) return sought.entry_ && sought.entry_->is_at(at_);
  const Blob* blob = list_->node(node_).blob();
  return !sought.entry_ && std::string_view(blob->data(), blob->size()) == sought.text_;
}

// ---- both ends ----------------------------------------------------------------------------------

// May an entry be added to a node's end without moving much?
bool List::has_room(const Node& node, End end, size_t bytes) const {
  if (node.is_blob()) return false;
  const Chunk* chunk = node.chunk();
  const size_t at_end = end == End::front ? chunk->begin : size_t{chunk->capacity} - chunk->end;
  if (bytes <= at_end) return true;
  const size_t needed = chunk->used() + bytes;
  if (needed > kMostChunkRoom) return false;
  // A chunk that cannot grow is moved in itself only if that makes room for long.
  return chunk->capacity < kMostChunkRoom || kMostChunkRoom - needed >= chunk->used() / 8;
}

void List::push(End end, std::string_view element) {
  if (count_ > 0 && element.size() <= kMostChunkRoom) {
    Node& last = node(end_node(end));
    const listpack::NewEntry entry(element);
    if (has_room(last, end, entry.size())) {
      Chunk* chunk = last.chunk();
      char* at = end == End::front ? chunk->first() : chunk->last();
      entry.write(resize(last, at, 0, entry.size()));
      last.add(1);
      ++count_;
      return;
    }
  }
  insert_node(end == End::front ? 0 : node_count(), make_node(element, end));
  ++count_;
}

void List::pop(End end) {
  const size_t index = end_node(end);
  Node& last = node(index);
  if (last.count() == 1) {
    release_node(last);
    erase_nodes(index, index + 1);
    --count_;
    return;
  }
  Chunk* chunk = last.chunk();
  const ptrdiff_t bytes = end == End::front ? listpack::next(chunk->first()) - chunk->first()
                                            : chunk->last() - listpack::previous(chunk->last());
  if (end == End::front) {
    chunk->begin = static_cast<uint16_t>(chunk->begin + bytes);
  } else {
    chunk->end = static_cast<uint16_t>(chunk->end - bytes);
  }
  last.add(-1);
  --count_;
  tidy(index);
}

// ---- the whole ----------------------------------------------------------------------------------

size_t List::packed_bytes(size_t most) const {
  size_t bytes = 0;
  for (size_t i = 0; i < node_count() && bytes <= most; ++i) {
    bytes += node(i).is_blob() ? node(i).blob()->size() : node(i).chunk()->used();
  }
  return bytes;
}

void List::verify() const {
  size_t bytes = round_to_class(sizeof(List));
  size_t count = 0;
  if (has_ring_) {
    check(ring_->size >= 2 && ring_->size <= ring_->capacity, "a ring holds some nodes");
    bytes += ring_->allocated_bytes();
  }
  for (size_t i = 0; i < node_count(); ++i) {
    const Node& each = node(i);
    count += each.count();
    if (each.is_blob()) {
      check(each.count() == 1, "a blob is one element");
      bytes += each.blob()->allocated_bytes();
      continue;
    }
    const Chunk* chunk = each.chunk();
    bytes += chunk->allocated_bytes();
    check(chunk->begin < chunk->end && chunk->end <= chunk->capacity, "a chunk is not empty");
    check(chunk->allocated_bytes() <= list::kMostChunkBytes, "a chunk is not too large");
    std::string listpack;
    std::string written;
    listpack::append_listpack({chunk->first(), chunk->used()}, each.count(), listpack);
    const bool is_sound = listpack::read(listpack, [&](const listpack::Value& value) {
      NumberText scratch;
      const listpack::NewEntry entry(value.bytes(scratch));
      written.resize(written.size() + entry.size());
      entry.write(written.data() + written.size() - entry.size());
    });
    check(is_sound, "a chunk's entries are sound, and as many as its node says");
    check(written == std::string_view(chunk->first(), chunk->used()),
          "entries have the shortest form");
  }
  check(count == count_, "a list counts its elements");
  check(bytes == bytes_, "a list counts its bytes");
}

}  // namespace larder::storage
