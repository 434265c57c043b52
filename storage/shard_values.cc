// How values are written: in place where they fit, else into a new item that takes the old one's
// slot.
#include <charconv>

#include "storage/shard.h"

namespace larder::storage {
namespace {

// An item may be kept for a value if that wastes at most about a quarter of it.
bool fits(size_t needed, size_t capacity) {
  return needed <= capacity && capacity <= needed + needed / 4 + 32;
}

// What a growing value gets, so that appending to it copies it O(log) times.
size_t with_spare(size_t bytes) {
  return bytes + bytes / 4;
}

}  // namespace

void Shard::charge(Database& database, size_t bytes) {
  database.item_bytes += bytes;
  account_.bytes += bytes;
}

void Shard::discharge(Database& database, size_t bytes) {
  database.item_bytes -= bytes;
  account_.bytes -= bytes;
}

Item* Shard::take_item(Database& database, size_t bytes_needed) {
  const unsigned size_class = size_class_of(bytes_needed);
  charge(database, size_of_class(size_class));
  return ItemAllocator::allocate(size_class);
}

void Shard::free_item(Database& database, Item* item) {
  discharge(database, item->capacity());
  ItemAllocator::release(item);
}

void Shard::drop_blob(Database& database, Item* item) {
  discharge(database, item->blob()->allocated_bytes());
  item->blob()->release();
}

// The item is formatted for the value's kind and length.
void Shard::write_value(Database& database, Item* item, const NewValue& value) {
  switch (value.kind) {
    case Kind::text:
      if (!value.text.empty()) std::memcpy(item->value(), value.text.data(), value.text.size());
      return;
    case Kind::integer:
      item->set_integer(value.number);
      return;
    case Kind::blob:
      Blob* blob = Blob::create(value.text.size());
      blob->set_size(value.text.size());
      std::memcpy(blob->data(), value.text.data(), value.text.size());
      charge(database, blob->allocated_bytes());
      item->set_blob(blob);
      return;
  }
}

Entry Shard::create(unsigned db, std::string_view key, Hash hash, const NewValue& value,
                    int64_t deadline_ms) {
  Database& database = databases_[db];
  const bool room = deadline_ms != kNoDeadline;
  const size_t needed = Item::bytes_needed(key.size(), value.bytes_in_item(), room);
  Item* item = take_item(database, needed);
  item->format(key, value.kind, value.inline_length(), size_class_of(needed), room);
  write_value(database, item, value);
  ++entries_;
  Slot* slot = database.table.insert(hash, ItemRef::to(item));
  apply_deadline(db, item, deadline_ms, &hash);
  return {item, slot};
}

Item* Shard::replace_item(Database& database, Entry& entry, size_t bytes_needed, bool deadline_room,
                          Kind kind, size_t text_length) {
  Item* old = entry.item_;
  Item* item = take_item(database, bytes_needed);
  item->format(old->key(), kind, text_length, size_class_of(bytes_needed), deadline_room);
  if (deadline_room && old->has_deadline_room()) item->copy_deadline_from(*old);
  Table::replace(entry.slot_, ItemRef::to(item));
  entry.item_ = item;
  return old;
}

Entry Shard::overwrite(unsigned db, Entry existing, const NewValue& value, int64_t deadline_ms) {
  Database& database = databases_[db];
  Item* item = existing.item_;
  apply_deadline(db, item, deadline_ms, nullptr);
  if (item->kind() == Kind::blob) {
    Blob* blob = item->blob();
    if (value.kind == Kind::blob && blob->is_exclusive() &&
        fits(value.text.size(), blob->capacity()) &&
        (deadline_ms == kNoDeadline || item->has_deadline_room())) {
      std::memcpy(blob->data(), value.text.data(), value.text.size());
      blob->set_size(value.text.size());
      return existing;
    }
    drop_blob(database, item);
  }
  // The room stays while a record is the entry's own: losing sight of it would make every
  // repetition of SET and EXPIRE leave another record behind.
  const bool needs_room = deadline_ms != kNoDeadline || item->has_owner();
  const size_t needed_here =
      Item::bytes_needed(item->key_length(), value.bytes_in_item(), item->has_deadline_room());
  if ((item->has_deadline_room() || !needs_room) && fits(needed_here, item->capacity())) {
    item->set_kind(value.kind, value.inline_length());
    write_value(database, item, value);
    return existing;
  }
  const bool had_room = item->has_deadline_room();
  const size_t needed = Item::bytes_needed(item->key_length(), value.bytes_in_item(), needs_room);
  Item* old =
      replace_item(database, existing, needed, needs_room, value.kind, value.inline_length());
  write_value(database, existing.item_, value);
  free_item(database, old);
  if (!had_room) apply_deadline(db, existing.item_, deadline_ms, nullptr);
  return existing;
}

Entry Shard::set(unsigned db, std::string_view key, Hash hash, std::string_view value,
                 int64_t deadline_ms) {
  const Entry existing = find(db, key, hash);
  if (existing) return overwrite(db, existing, NewValue::of_text(value), deadline_ms);
  return create(db, key, hash, NewValue::of_text(value), deadline_ms);
}

Entry Shard::set(unsigned db, Entry existing, std::string_view value, int64_t deadline_ms) {
  return overwrite(db, existing, NewValue::of_text(value), deadline_ms);
}

Entry Shard::insert(unsigned db, std::string_view key, Hash hash, std::string_view value,
                    int64_t deadline_ms) {
  return create(db, key, hash, NewValue::of_text(value), deadline_ms);
}

Entry Shard::set_integer(unsigned db, Entry existing, int64_t value) {
  if (existing.is_integer()) {
    existing.item_->set_integer(value);
    return existing;
  }
  return overwrite(db, existing, NewValue::of_integer(value), existing.deadline_ms());
}

Entry Shard::insert_integer(unsigned db, std::string_view key, Hash hash, int64_t value,
                            int64_t deadline_ms) {
  return create(db, key, hash, NewValue::of_integer(value), deadline_ms);
}

char* Shard::grow_blob(Database& database, Item* item, size_t length) {
  Blob* blob = item->blob();
  if (!blob->is_exclusive() || blob->capacity() < length) {
    Blob* larger = Blob::create(length > blob->size() ? with_spare(length) : length);
    std::memcpy(larger->data(), blob->data(), blob->size());
    drop_blob(database, item);
    charge(database, larger->allocated_bytes());
    item->set_blob(larger);
    blob = larger;
  }
  blob->set_size(length);
  return blob->data();
}

char* Shard::grow_text(Database& database, Entry& entry, size_t length) {
  Item* item = entry.item_;
  if (item->kind() == Kind::blob) return grow_blob(database, item, length);
  NumberText scratch;
  const std::string_view text = entry.text(scratch);  // in `scratch` if it is an integer's
  const bool room = item->has_deadline_room();
  if (length >= kLargeValue) {
    Blob* blob = Blob::create(with_spare(length));
    blob->set_size(length);
    std::memcpy(blob->data(), text.data(), text.size());
    charge(database, blob->allocated_bytes());
    const size_t needed = Item::bytes_needed(item->key_length(), sizeof(uint64_t), room);
    if (fits(needed, item->capacity())) {
      item->set_kind(Kind::blob, 0);
    } else {
      free_item(database, replace_item(database, entry, needed, room, Kind::blob, 0));
    }
    entry.item_->set_blob(blob);
    return blob->data();
  }
  const size_t needed = Item::bytes_needed(item->key_length(), length, room);
  if (needed <= item->capacity()) {
    const bool was_integer = item->kind() == Kind::integer;
    item->set_kind(Kind::text, length);
    if (was_integer && !text.empty()) std::memcpy(item->value(), text.data(), text.size());
    return item->value();
  }
  Item* old = replace_item(database, entry, with_spare(needed), room, Kind::text, length);
  if (!text.empty()) std::memcpy(entry.item_->value(), text.data(), text.size());
  free_item(database, old);
  return entry.item_->value();
}

Entry Shard::append(unsigned db, Entry existing, std::string_view tail) {
  const size_t length = existing.length();
  char* text = grow_text(databases_[db], existing, length + tail.size());
  std::memcpy(text + length, tail.data(), tail.size());
  return existing;
}

Entry Shard::set_range(unsigned db, Entry existing, size_t offset, std::string_view patch) {
  const size_t length = existing.length();
  const size_t end = offset + patch.size();
  char* text = grow_text(databases_[db], existing, end > length ? end : length);
  if (offset > length) std::memset(text + length, 0, offset - length);
  std::memcpy(text + offset, patch.data(), patch.size());
  return existing;
}

}  // namespace larder::storage
