// Entry: a handle on one key of a shard, as finding it returns.
//
// Two words, passed by value; null if nothing was found. Owns nothing.
// Valid until the next change of the same shard, whatever key it concerns; the calls of Shard that
// change an entry return the handle that is valid after them.
// Thread: whoever holds the shard's lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/blob.h"
#include "storage/item.h"
#include "storage/object.h"
#include "storage/value.h"

namespace larder::storage {

class Entry {
 public:
  Entry() = default;
  explicit operator bool() const { return item_ != nullptr; }

  // Everything below REQUIRES a handle that is not null.
  Type type() const { return is_object() ? object().type() : Type::string; }
  bool is_object() const { return item_->kind() == Kind::object; }
  std::string_view key() const { return item_->key(); }

  // REQUIRES: is_object(). Who changes it tells the shard (Shard::edited()).
  Object& object() const { return *item_->object(); }

  // ---- of strings; REQUIRES: !is_object() ----

  // The value is stored as a 64-bit integer.
  bool is_integer() const { return item_->kind() == Kind::integer; }
  // REQUIRES: is_integer().
  int64_t integer() const { return item_->integer(); }
  // Length of the value's text in bytes, whatever it is stored as.
  size_t length() const;
  // The value's bytes; those of an integer are written into `scratch`. Valid as long as the entry
  // and `scratch` are.
  std::string_view text(NumberText& scratch) const;

  // The value lies in a counted, immutable blob (it has at least kLargeValue bytes).
  bool is_large() const { return item_->kind() == Kind::blob; }
  // Keeps the bytes of a large value alive and unchanged. REQUIRES: is_large().
  Pin pin() const { return item_->blob()->pin(); }

  // ---- of any type ----

  // Is there more to the value than bytes in the item: a large value's, or an object's?
  bool owns_memory() const { return storage::owns_memory(item_->kind()); }

  // Unix ms or kNoDeadline.
  int64_t deadline_ms() const { return item_->deadline_ms(); }
  // Has a deadline, and it is not after `now_ms`.
  bool is_due(int64_t now_ms) const {
    const int64_t deadline = item_->deadline_ms();
    return deadline != kNoDeadline && deadline <= now_ms;
  }

 private:
  friend class HeldValue;
  friend class Shard;
  Entry(Item* item, std::atomic<uint32_t>* slot) : item_(item), slot_(slot) {}

  Item* item_ = nullptr;
  std::atomic<uint32_t>* slot_ = nullptr;  // the place in the table that refers to it
};

}  // namespace larder::storage
