// How values are written: in place where they fit, else into a new item that takes the old one's
// slot.
#include <algorithm>
#include <charconv>

#include "storage/shard.h"

namespace larder::storage {
namespace {

// A place of `room` bytes may be kept for a value of `needed` if that wastes little.
bool fits_into_slot(size_t needed, size_t room) {
  return needed <= room && room <= needed + needed / 8 + 8;
}
// The same for memory that the allocator rounds more coarsely, where copying costs more.
bool fits_outside(size_t needed, size_t room) {
  return needed <= room && room <= needed + needed / 4 + 32;
}

// What a growing value gets beyond its need, so that appending to it copies it O(log) times.
size_t spare_for(size_t bytes) {
  return bytes / 4;
}

// Objects of more pieces are freed in slices.
constexpr size_t kPartsFreedAtOnce = 16;

}  // namespace

ItemStore& Shard::store_of(Database& database) {
  if (database.store == nullptr) [[unlikely]] {
    database.store =
        std::make_unique<ItemStore>(region_tables_, account_, database.table.regions());
  }
  return *database.store;
}

void Shard::count_owned(Database& database, Item* item, size_t bytes) {
  database.store->owns_outside(item, true);
  database.owned_bytes += bytes;
  account_.bytes += bytes;
}

void Shard::discount_owned(Database& database, Item* item, size_t bytes) {
  database.store->owns_outside(item, false);
  database.owned_bytes -= bytes;
  account_.bytes -= bytes;
}

void Shard::take_blob(Database& database, Item* item, Blob* blob) {
  item->set_blob(blob);
  count_owned(database, item, blob->allocated_bytes());
}

void Shard::drop_blob(Database& database, Item* item) {
  Blob* blob = item->blob();
  discount_owned(database, item, blob->allocated_bytes());
  blob->release();
}

void Shard::drop_owned(Database& database, Item* item) {
  if (item->kind() == Kind::blob) return drop_blob(database, item);
  Object* object = item->object();
  discount_owned(database, item, object->bytes());
  discard(object);
}

void Shard::discard(Object* object) {
  if (object->parts() <= kPartsFreedAtOnce) return Object::release(object);
  discarded_.push_back(object);
  has_garbage_ = true;
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
    case Kind::blob: {
      Blob* blob = Blob::create(value.text.size());
      blob->set_size(value.text.size());
      std::memcpy(blob->data(), value.text.data(), value.text.size());
      return take_blob(database, item, blob);
    }
    case Kind::object:
      item->set_object(value.object);
      return count_owned(database, item, value.object->bytes());
    case Kind::free:
      break;
  }
}

Entry Shard::create(unsigned db, std::string_view key, Hash hash, const NewValue& value,
                    int64_t deadline_ms) {
  Database& database = databases_[db];
  if (deadline_ms != kNoDeadline) deadline_ms = std::max<int64_t>(deadline_ms, 0);
  ItemStore& store = store_of(database);
  Item* item = store.create({.kind = value.kind,
                             .key_length = key.size(),
                             .text_length = value.inline_length(),
                             .deadline_room = deadline_ms != kNoDeadline,
                             .wide_deadline = deadline_ms >= Item::kWideDeadline,
                             .rank_room = keeps_ranks()},
                            key);
  write_value(database, item, value);
  ++entries_;
  Slot* slot = database.table.insert(hash, store.ref_of(item));
  apply_deadline(database, item, deadline_ms);
  if (keeps_ranks()) admit(database, item, ghosts_.recall(hash));
  const Entry entry{item, slot};
  if (value.kind == Kind::object) note_object_deadline(db, entry);
  return entry;
}

Item* Shard::replace_item(Database& database, Entry& entry, ItemShape shape, size_t spare_bytes) {
  Item* old = entry.item_;
  ItemStore& store = *database.store;
  shape.rank_room |= keeps_ranks();
  Item* item = store.create(shape, old->key(), spare_bytes);
  if (shape.deadline_room && item->has_room_for(old->deadline_ms())) {
    item->set_deadline_ms(old->deadline_ms());
    store.note_deadline(item, old->deadline_ms());
  }
  if (keeps_ranks() && !old->has_rank_room()) {
    admit(database, item, /*remembered=*/false);
  } else if (shape.rank_room) {
    item->set_rank(old->rank());
    if (keeps_ranks() && is_candidate(item)) note_rank(database, item);
  }
  Table::replace(entry.slot_, store.ref_of(item));
  entry.item_ = item;
  return old;
}

void Shard::move_value(Database& database, Entry& entry, const ItemShape& shape) {
  Item* old = replace_item(database, entry, shape, 0);
  std::memcpy(entry.item_->value(), old->value(), shape.value_bytes());
  if (owns_memory(shape.kind)) {
    database.store->owns_outside(old, false);
    database.store->owns_outside(entry.item_, true);
  }
  if (shape.kind == Kind::object) {
    note_object_deadline(static_cast<unsigned>(&database - databases_), entry);
  }
  free_item(database, old);
}

// Could the value be written where the old one is, without wasting much?
bool Shard::fits_in_place(const Database& database, const Item* item, const NewValue& value) {
  if (!item->can_say(value.inline_length())) return false;
  const ItemShape shape = item->shape();
  const size_t needed = value.bytes_in_item();
  if (shape.far) {
    return fits_outside(shape.key_length + needed,
                        shape.key_length + database.store->value_room(item));
  }
  // Most often both need a slot of the same size: no look at the run.
  const size_t other_bytes = shape.header_bytes() + shape.key_length;
  const size_t total = other_bytes + needed;
  if (total > kMaxSlotBytes) return false;
  if (slot_class_of(total) == slot_class_of(shape.slot_bytes())) return true;
  return fits_into_slot(total, other_bytes + database.store->value_room(item));
}

Entry Shard::overwrite(unsigned db, Entry existing, const NewValue& value, int64_t deadline_ms) {
  Database& database = databases_[db];
  Item* item = existing.item_;
  if (deadline_ms != kNoDeadline) deadline_ms = std::max<int64_t>(deadline_ms, 0);
  const bool has_room = item->has_room_for(deadline_ms);
  if (owns_memory(item->kind())) {
    if (item->kind() == Kind::blob && value.kind == Kind::blob && has_room &&
        item->blob()->is_exclusive() &&
        fits_outside(value.text.size(), item->blob()->capacity())) {
      std::memcpy(item->blob()->data(), value.text.data(), value.text.size());
      item->blob()->set_size(value.text.size());
      apply_deadline(database, item, deadline_ms);
      return existing;
    }
    drop_owned(database, item);
    item->set_kind(Kind::integer, 0);  // of no meaning, but of the same size
  }
  if (has_room && fits_in_place(database, item, value)) {
    item->set_kind(value.kind, value.inline_length());
    write_value(database, item, value);
    apply_deadline(database, item, deadline_ms);
    if (value.kind == Kind::object) note_object_deadline(db, existing);
    return existing;
  }
  ItemShape shape{.kind = value.kind,
                  .key_length = item->key_length(),
                  .text_length = value.inline_length(),
                  .deadline_room = deadline_ms != kNoDeadline,
                  .wide_deadline = deadline_ms >= Item::kWideDeadline,
                  .rank_room = item->has_rank_room()};
  apply_deadline(database, item, kNoDeadline);
  Item* old = replace_item(database, existing, shape, 0);
  write_value(database, existing.item_, value);
  apply_deadline(database, existing.item_, deadline_ms);
  if (value.kind == Kind::object) note_object_deadline(db, existing);
  free_item(database, old);
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

// An integer takes as much of an item as a reference to a blob.
Entry Shard::refer(unsigned db, Entry entry, Blob* blob) {
  entry.item_->set_kind(Kind::blob, 0);
  take_blob(databases_[db], entry.item_, blob->share());
  return entry;
}

Entry Shard::set(unsigned db, Entry existing, const HeldValue& value, int64_t deadline_ms) {
  if (value.blob_ == nullptr) return set(db, existing, value.text(), deadline_ms);
  return refer(db, overwrite(db, existing, NewValue::of_integer(0), deadline_ms), value.blob_);
}

Entry Shard::insert(unsigned db, std::string_view key, Hash hash, const HeldValue& value,
                    int64_t deadline_ms) {
  if (value.blob_ == nullptr) return insert(db, key, hash, value.text(), deadline_ms);
  return refer(db, create(db, key, hash, NewValue::of_integer(0), deadline_ms), value.blob_);
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

// ---- objects ------------------------------------------------------------------------------------

Entry Shard::insert_object(unsigned db, std::string_view key, Hash hash, Object* object,
                           int64_t deadline_ms) {
  return create(db, key, hash, NewValue::of_object(object), deadline_ms);
}

Entry Shard::set_object(unsigned db, Entry existing, Object* object, int64_t deadline_ms) {
  return overwrite(db, existing, NewValue::of_object(object), deadline_ms);
}

void Shard::edited(unsigned db, size_t bytes_before, size_t bytes_after) {
  const size_t difference = bytes_after - bytes_before;  // of either sign, modulo 2^64
  databases_[db].owned_bytes += difference;
  account_.bytes += difference;
}

Object* Shard::extract(unsigned db, Entry existing) {
  Item* item = existing.item_;
  Object* object = item->object();
  discount_owned(databases_[db], item, object->bytes());
  item->set_kind(Kind::integer, 0);  // of no meaning, but of the same size
  erase(db, existing);
  return object;
}

// ---- texts that grow ----------------------------------------------------------------------------

char* Shard::grow_blob(Database& database, Item* item, size_t length) {
  Blob* blob = item->blob();
  if (!blob->is_exclusive() || blob->capacity() < length) {
    const size_t spare = length > blob->size() ? spare_for(length) : 0;
    Blob* larger = Blob::create(length + spare);
    std::memcpy(larger->data(), blob->data(), blob->size());
    drop_blob(database, item);
    take_blob(database, item, larger);
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
  const bool was_integer = item->kind() == Kind::integer;
  ItemShape shape = item->shape();
  shape.far = false;
  if (length >= kLargeValue) {
    Blob* blob = Blob::create(length + spare_for(length));
    blob->set_size(length);
    std::memcpy(blob->data(), text.data(), text.size());
    shape.kind = Kind::blob;
    shape.text_length = 0;
    Item* old = replace_item(database, entry, shape, 0);
    take_blob(database, entry.item_, blob);
    free_item(database, old);
    return blob->data();
  }
  if (item->can_say(length) && length <= database.store->value_room(item)) {
    item->set_kind(Kind::text, length);
    if (was_integer && !text.empty()) std::memcpy(item->value(), text.data(), text.size());
    return item->value();
  }
  shape.kind = Kind::text;
  shape.text_length = length;
  Item* old = replace_item(database, entry, shape, spare_for(length));
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
