// How a list changes in the middle, and how its chunks change with it: growing, moving in
// themselves, splitting, merging, shrinking.
#include <algorithm>

#include "storage/list/list.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

using list::kMostChunkRoom;

// Chunks this small do not shrink.
constexpr size_t kSmallestShrunk = 64;
// A chunk with no more than this is small; it merges with a neighbour if both have no more together
// than the other number, which leaves room for some pushes before there are two again.
constexpr size_t kFewBytes = kMostChunkRoom / 4;
constexpr size_t kMostMerged = kMostChunkRoom / 4 * 3;

}  // namespace

// ---- within a chunk -----------------------------------------------------------------------------

// Makes the `old_bytes` at `at` into `new_bytes` that are still to be written, and returns where
// they are. The chunk may have become another one. REQUIRES: it can hold that.
char* List::resize(Node& node, char* at, size_t old_bytes, size_t new_bytes) {
  Chunk* chunk = node.chunk();
  const auto before = static_cast<size_t>(at - chunk->first());
  const auto after = static_cast<size_t>(chunk->last() - at) - old_bytes;
  if (new_bytes <= old_bytes) {
    const size_t less = old_bytes - new_bytes;
    if (before < after) {
      std::memmove(chunk->first() + less, chunk->first(), before);
      chunk->begin = static_cast<uint16_t>(chunk->begin + less);
      return at + less;
    }
    std::memmove(at + new_bytes, at + old_bytes, after);
    chunk->end = static_cast<uint16_t>(chunk->end - less);
    return at;
  }
  const size_t more = new_bytes - old_bytes;
  const size_t behind = size_t{chunk->capacity} - chunk->end;
  if (chunk->begin >= more && (before < after || behind < more)) {
    std::memmove(chunk->first() - more, chunk->first(), before);
    chunk->begin = static_cast<uint16_t>(chunk->begin - more);
    return at - more;
  }
  if (behind >= more) {
    std::memmove(at + new_bytes, at + old_bytes, after);
    chunk->end = static_cast<uint16_t>(chunk->end + more);
    return at;
  }
  const size_t total = chunk->used() + more;
  const size_t room = chunk->capacity;
  if (total <= room && (room - total >= chunk->used() / 8 || room == kMostChunkRoom)) {
    // Room at both ends, so that it lasts wherever more comes.
    return rebuild(node, at, old_bytes, new_bytes, room, (room - total) / 2);
  }
  const size_t larger = round_to_class(sizeof(Chunk) + std::max(total, room + 1)) - sizeof(Chunk);
  return rebuild(node, at, old_bytes, new_bytes, larger, before == 0 ? larger - total : 0);
}

// The same, with the entries at `begin` of a chunk of this room: this one, or a new one.
char* List::rebuild(Node& node, char* at, size_t old_bytes, size_t new_bytes, size_t room,
                    size_t begin) {
  Chunk* chunk = node.chunk();
  const auto before = static_cast<size_t>(at - chunk->first());
  const auto after = static_cast<size_t>(chunk->last() - at) - old_bytes;
  Chunk* target = room == chunk->capacity ? chunk : take_chunk(room);
  char* const first = target->bytes() + begin;
  char* const opened = first + before;
  // What moves towards its own side first, so that neither is written over the other.
  if (first > chunk->first()) {
    std::memmove(opened + new_bytes, at + old_bytes, after);
    std::memmove(first, chunk->first(), before);
  } else {
    std::memmove(first, chunk->first(), before);
    std::memmove(opened + new_bytes, at + old_bytes, after);
  }
  if (target != chunk) {
    give_chunk(chunk);
    node.set_chunk(target);
  }
  target->begin = static_cast<uint16_t>(begin);
  target->end = static_cast<uint16_t>(begin + before + new_bytes + after);
  return opened;
}

// A chunk that has become small joins a neighbour, or takes less memory.
void List::tidy(size_t index) {
  Node& here = node(index);
  if (here.is_blob()) return;
  const Chunk* chunk = here.chunk();
  const size_t used = chunk->used();
  if (used <= kFewBytes && (merge(index) || (index > 0 && merge(index - 1)))) return;
  if (used >= chunk->capacity / 4u || chunk->capacity <= kSmallestShrunk) return;
  const size_t room = round_to_class(sizeof(Chunk) + used + used / 2) - sizeof(Chunk);
  if (room < chunk->capacity) {
    rebuild(here, here.chunk()->first(), 0, 0, room, (room - used) / 2);
  }
}

// Joins a node with the next one if both are chunks and little together.
bool List::merge(size_t index) {
  if (index + 1 >= node_count()) return false;
  Node& one = node(index);
  const Node other = node(index + 1);
  if (one.is_blob() || other.is_blob()) return false;
  const Chunk* tail = other.chunk();
  if (one.chunk()->used() + tail->used() > kMostMerged) return false;
  char* at = resize(one, one.chunk()->last(), 0, tail->used());
  std::memcpy(at, tail->first(), tail->used());
  one.add(static_cast<ptrdiff_t>(other.count()));
  release_node(other);
  erase_nodes(index + 1, index + 2);
  return true;
}

// ---- inserting ----------------------------------------------------------------------------------

void List::insert(const Cursor& cursor, End side, std::string_view element) {
  if (cursor.at_ == nullptr) {
    return insert_at(cursor.node_ + (side == End::back ? 1 : 0), nullptr, element);
  }
  insert_at(cursor.node_, side == End::front ? cursor.at_ : listpack::next(cursor.at_), element);
}

// In a chunk in front of `at`; or, if that is null, in front of a node.
void List::insert_at(size_t index, const char* at, std::string_view element) {
  if (at != nullptr) {
    Node& here = node(index);
    Chunk* chunk = here.chunk();
    if (element.size() <= kMostChunkRoom) {
      const listpack::NewEntry entry(element);
      if (chunk->used() + entry.size() <= kMostChunkRoom) {
        entry.write(resize(here, chunk->bytes() + (at - chunk->bytes()), 0, entry.size()));
        here.add(1);
        ++count_;
        return;
      }
    }
    index = at == chunk->first() ? index : at == chunk->last() ? index + 1 : split(index, at);
  }
  // Between two nodes: it may fit into one of them.
  if (element.size() <= kMostChunkRoom) {
    const listpack::NewEntry entry(element);
    for (const End end : {End::back, End::front}) {
      if (end == End::back ? index == 0 : index == node_count()) continue;
      Node& neighbour = node(end == End::back ? index - 1 : index);
      if (!has_room(neighbour, end, entry.size())) continue;
      Chunk* chunk = neighbour.chunk();
      entry.write(resize(neighbour, end == End::back ? chunk->last() : chunk->first(), 0,
                         entry.size()));
      neighbour.add(1);
      ++count_;
      return;
    }
  }
  insert_node(index, make_node(element, End::back));
  ++count_;
}

// Makes two chunks of one, the second beginning with the entry at `at`. Returns its index.
size_t List::split(size_t index, const char* at) {
  Node& here = node(index);
  Chunk* chunk = here.chunk();
  const auto moved = static_cast<size_t>(chunk->last() - at);
  size_t moved_count = 0;
  for (const char* each = at; each != chunk->last(); each = listpack::next(each)) ++moved_count;
  Chunk* other = take_chunk(moved);
  std::memcpy(other->first(), at, moved);
  other->end = static_cast<uint16_t>(moved);
  chunk->end = static_cast<uint16_t>(chunk->end - moved);
  here.add(-static_cast<ptrdiff_t>(moved_count));
  insert_node(index + 1, {other, moved_count});
  return index + 1;
}

void List::replace(const Cursor& cursor, std::string_view element) {
  Node& here = node(cursor.node_);
  if (cursor.at_ != nullptr && element.size() <= kMostChunkRoom) {
    const listpack::NewEntry entry(element);
    Chunk* chunk = here.chunk();
    const auto old_bytes = static_cast<size_t>(listpack::next(cursor.at_) - cursor.at_);
    if (chunk->used() - old_bytes + entry.size() <= kMostChunkRoom) {
      char* at = chunk->bytes() + (cursor.at_ - chunk->bytes());
      entry.write(resize(here, at, old_bytes, entry.size()));
      return tidy(cursor.node_);
    }
  }
  // Its index, for the cursor does not survive the insertion.
  size_t index = 0;
  for (size_t i = 0; i < cursor.node_; ++i) index += node(i).count();
  if (cursor.at_ != nullptr) {
    for (const char* each = cursor.begin_; each != cursor.at_; each = listpack::next(each)) ++index;
  }
  insert(cursor, End::front, element);
  erase(index + 1, 1);
}

// ---- removing -----------------------------------------------------------------------------------

// Some, but not all, of a chunk's elements.
void List::erase_within(size_t index, size_t first, size_t count) {
  Node& here = node(index);
  const Cursor from = cursor_at({index, first});
  const char* to = from.at_;
  for (size_t i = 0; i < count; ++i) to = listpack::next(to);
  Chunk* chunk = here.chunk();
  resize(here, chunk->bytes() + (from.at_ - chunk->bytes()), static_cast<size_t>(to - from.at_), 0);
  here.add(-static_cast<ptrdiff_t>(count));
  count_ -= count;
}

void List::erase(size_t index, size_t count) {
  if (count == 0) return;
  const Place place = place_of(index);
  size_t from = place.node;
  if (place.index > 0) {
    const size_t here = std::min(count, node(from).count() - place.index);
    erase_within(from, place.index, here);
    count -= here;
    if (count == 0) return tidy(from);
    ++from;
  }
  size_t to = from;
  size_t gone = 0;
  for (const size_t nodes = node_count(); to < nodes && gone + node(to).count() <= count; ++to) {
    gone += node(to).count();
    release_node(node(to));
  }
  erase_nodes(from, to);
  count_ -= gone;
  count -= gone;
  if (count > 0) erase_within(from, 0, count);
  if (from < node_count()) tidy(from);
  if (from > 0 && from <= node_count()) tidy(from - 1);
}

// Removes matches of one node but for the first `skipped`, and at most `most`. What stays moves
// together in one pass. Returns how many went; the node may be left without elements.
size_t List::remove_within(size_t index, const Sought& sought, size_t skipped, size_t most) {
  Node& here = node(index);
  Chunk* chunk = here.chunk();
  char* kept_end = chunk->first();
  const char* unmoved = chunk->first();  // what is kept from here on is still to be moved
  const auto keep_until = [&](const char* end) {
    const auto bytes = static_cast<size_t>(end - unmoved);
    std::memmove(kept_end, unmoved, bytes);
    kept_end += bytes;
  };
  size_t removed = 0;
  for (const char* each = chunk->first(); each != chunk->last() && removed < most;) {
    const char* const behind = listpack::next(each);
    if (sought.entry_->is_at(each)) {
      if (skipped > 0) {
        --skipped;
      } else {
        keep_until(each);
        unmoved = behind;
        ++removed;
      }
    }
    each = behind;
  }
  keep_until(chunk->last());
  chunk->end = static_cast<uint16_t>(kept_end - chunk->bytes());
  here.add(-static_cast<ptrdiff_t>(removed));
  count_ -= removed;
  return removed;
}

size_t List::remove(std::string_view element, End from, size_t most) {
  const Sought sought(element);
  size_t removed = 0;
  size_t left = node_count();
  for (size_t index = from == End::front ? 0 : left - 1; left > 0 && removed < most; --left) {
    const Node here = node(index);
    size_t matches = 0;
    if (here.is_blob() || !sought.entry_) {
      matches = here.is_blob() && !sought.entry_ &&
                        std::string_view(here.blob()->data(), here.blob()->size()) == sought.text_
                    ? 1
                    : 0;
    } else {
      const char* const last = here.chunk()->last();
      for (const char* each = here.chunk()->first(); each != last; each = listpack::next(each)) {
        if (sought.entry_->is_at(each)) ++matches;
      }
    }
    const size_t goes = std::min(matches, most - removed);
    removed += goes;
    if (goes == here.count()) {
      release_node(here);
      erase_nodes(index, index + 1);
      count_ -= goes;
      // The next in order stands here now, or, going backwards, before.
      if (from == End::back) --index;
      continue;
    }
    if (goes > 0) remove_within(index, sought, from == End::back ? matches - goes : 0, goes);
    from == End::front ? ++index : --index;
  }
  if (removed == 0) return 0;
  for (size_t index = node_count(); index-- > 0;) tidy(index);
  return removed;
}

}  // namespace larder::storage
