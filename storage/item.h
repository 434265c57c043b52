// Item: one key with its value and what is known about it, in one slot of an ItemStore.
//
//   flags 1 | lengths | rank 4, if there is room for one | deadline, if there is room | body
//
//   flags    bits 0..2 kind (0: the slot is free)   3 room for a deadline   4 room for a rank
//            5 long   6..7 bits 40 and 41 of a short deadline
//   lengths  short: key 1 byte, text 1 byte
//            long:  text 3 bytes; then 4 bytes: key (bits 0..29), bit 30 wide deadline, bit 31 far
//   deadline 5 bytes (42 bits with those in the flags, all ones: none), or 8 if wide; Unix ms
//   body     key, then value; or, if far, 8 bytes of pointer to a FarBody that holds both
//   value    the text, or 8 bytes of integer, or 8 bytes of pointer to a Blob or an Object
//
// All but the first field are at any address. A short item of a 16-byte key and a 64-byte text
// takes 83 bytes, 88 with a deadline.
//
// Never decides anything, never allocates: reading and writing fields is all that happens here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "storage/blob.h"
#include "storage/equal_bytes.h"

namespace larder::storage {

constexpr int64_t kNoDeadline = -1;
constexpr size_t kMaxKeyLength = size_t{1} << 29;

class Object;

// Of a value. All but strings are objects (object.h), whatever their type.
enum class Type : uint8_t { string, list, set, sorted_set, hash, stream };

// How a value lies in its item.
enum class Kind : uint8_t { free = 0, text = 1, integer = 2, blob = 3, object = 4 };

// The value is a pointer to memory that the entry owns.
constexpr bool owns_memory(Kind kind) {
  return kind >= Kind::blob;
}

// What a far item's slot points to: key and value, allocated apart.
struct FarBody {
  uint64_t capacity;  // bytes that follow

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

// Everything that decides how an item lies in memory.
struct ItemShape {
  Kind kind;
  size_t key_length;
  size_t text_length = 0;  // of an inline text
  bool deadline_room = false;
  bool wide_deadline = false;
  bool rank_room = false;
  bool far = false;

  static constexpr size_t kShortLength = 255;

  bool is_long() const {
    return far || wide_deadline || key_length > kShortLength || text_length > kShortLength;
  }
  size_t value_bytes() const { return kind == Kind::text ? text_length : sizeof(uint64_t); }
  size_t body_bytes() const { return key_length + value_bytes(); }
  size_t header_bytes() const {
    return (is_long() ? 8u : 3u) + (rank_room ? 4u : 0u) +
           (!deadline_room  ? 0u
            : wide_deadline ? 8u
                            : 5u);
  }
  // What it needs of its slot.
  size_t slot_bytes() const { return header_bytes() + (far ? sizeof(FarBody*) : body_bytes()); }
};

class Item {
 public:
  Item() = delete;

  // Deadlines from here on need a wide field.
  static constexpr int64_t kWideDeadline = (int64_t{1} << 42) - 1;
  // The least any item takes.
  static constexpr size_t kMinBytes = 8;

  // Writes header, an empty deadline and rank 0 where there is room for them, and the key. A far
  // item's `body` has room for key and value. The value follows.
  void format(const ItemShape& shape, std::string_view key, FarBody* body) {
    uint32_t word = static_cast<uint32_t>(shape.kind) | uint32_t{shape.deadline_room} << 3 |
                    uint32_t{shape.rank_room} << 4;
    if (shape.is_long()) {
      word |= kLong | static_cast<uint32_t>(shape.text_length) << 8;
      store32(0, word);
      store32(4, static_cast<uint32_t>(shape.key_length) | uint32_t{shape.wide_deadline} << 30 |
                     uint32_t{shape.far} << 31);
    } else {
      word |= static_cast<uint32_t>(shape.key_length) << 8;
      store16(0, static_cast<uint16_t>(word));
      bytes()[2] = static_cast<char>(shape.text_length);
    }
    if (shape.rank_room) set_rank(0);
    if (shape.deadline_room) set_deadline_ms(kNoDeadline);
    if (shape.far) store64(body_offset(), reinterpret_cast<uint64_t>(body));
    std::memcpy(this->body(), key.data(), key.size());
  }

  bool is_free() const { return (bytes()[0] & 7) == 0; }
  // Makes the slot a free one; the other bytes are the store's.
  void mark_free() { bytes()[0] = 0; }

  Kind kind() const { return static_cast<Kind>(bytes()[0] & 7); }
  size_t key_length() const {
    const uint32_t word = load32(0);
    return (word & kLong) == 0 ? (word >> 8) & 0xff : load32(4) & kMaxLongKey;
  }
  // Bytes of an inline text.
  size_t text_length() const {
    const uint32_t word = load32(0);
    return (word & kLong) == 0 ? (word >> 16) & 0xff : word >> 8;
  }
  bool has_deadline_room() const { return (bytes()[0] & 8) != 0; }
  bool has_rank_room() const { return (bytes()[0] & 16) != 0; }
  bool is_far() const { return is_long() && (load32(4) & kFar) != 0; }
  FarBody* far_body() const { return reinterpret_cast<FarBody*>(load64(body_offset())); }
  ItemShape shape() const {
    return {.kind = kind(),
            .key_length = key_length(),
            .text_length = kind() == Kind::text ? text_length() : 0,
            .deadline_room = has_deadline_room(),
            .wide_deadline = is_wide(),
            .rank_room = has_rank_room(),
            .far = is_far()};
  }

  std::string_view key() const { return {body(), key_length()}; }
  bool has_key(std::string_view key) const {
    const uint32_t word = load32(0);
    if ((word & kLong) != 0) [[unlikely]]
      return this->key() == key;
    return ((word >> 8) & 0xff) == key.size() &&
           equal_bytes(bytes() + short_body_offset(word), key.data(), key.size());
  }

  char* value() { return body() + key_length(); }
  const char* value() const { return body() + key_length(); }
  int64_t integer() const {
    int64_t integer;
    std::memcpy(&integer, value(), sizeof integer);
    return integer;
  }
  void set_integer(int64_t integer) { std::memcpy(value(), &integer, sizeof integer); }
  Blob* blob() const {
    Blob* blob;
    std::memcpy(&blob, value(), sizeof blob);
    return blob;
  }
  void set_blob(Blob* blob) { std::memcpy(value(), &blob, sizeof blob); }
  Object* object() const {
    Object* object;
    std::memcpy(&object, value(), sizeof object);
    return object;
  }
  void set_object(Object* object) { std::memcpy(value(), &object, sizeof object); }

  // Changes what kind of value follows; the caller then writes the value. REQUIRES: the header can
  // say it (see can_say()).
  void set_kind(Kind kind, size_t text_length) {
    bytes()[0] = static_cast<char>((bytes()[0] & ~7) | static_cast<int>(kind));
    if (is_long()) {
      store32(0, (load32(0) & 0xff) | static_cast<uint32_t>(text_length) << 8);
    } else {
      bytes()[2] = static_cast<char>(text_length);
    }
  }
  bool can_say(size_t text_length) const {
    return is_long() || text_length <= ItemShape::kShortLength;
  }

  // Unix ms or kNoDeadline.
  int64_t deadline_ms() const {
    if (!has_deadline_room()) return kNoDeadline;
    const size_t at = deadline_offset();
    if (is_wide()) [[unlikely]]
      return static_cast<int64_t>(load64(at));
    const uint64_t low = load32(at) | uint64_t{byte(at + 4)} << 32;
    const uint64_t deadline = low | uint64_t{byte(0)} >> 6 << 40;
    return deadline == kWideDeadline ? kNoDeadline : static_cast<int64_t>(deadline);
  }
  bool has_room_for(int64_t deadline_ms) const {
    if (deadline_ms == kNoDeadline) return true;
    return has_deadline_room() && (deadline_ms < kWideDeadline || is_wide());
  }
  // REQUIRES: has_deadline_room() and has_room_for(deadline_ms); deadline_ms >= 0 or kNoDeadline.
  void set_deadline_ms(int64_t deadline_ms) {
    const size_t at = deadline_offset();
    if (is_wide()) return store64(at, static_cast<uint64_t>(deadline_ms));
    const auto value =
        static_cast<uint64_t>(deadline_ms == kNoDeadline ? kWideDeadline : deadline_ms);
    store32(at, static_cast<uint32_t>(value));
    bytes()[at + 4] = static_cast<char>(value >> 32);
    bytes()[0] = static_cast<char>((byte(0) & 0x3f) | (value >> 40) << 6);
  }

  // What the eviction policy thinks of it; meaningless elsewhere. REQUIRES: has_rank_room().
  uint32_t rank() const { return load32(is_long() ? 8 : 3); }
  void set_rank(uint32_t rank) { store32(is_long() ? 8 : 3, rank); }

 private:
  static constexpr uint32_t kLong = 1u << 5;
  static constexpr uint32_t kMaxLongKey = (1u << 30) - 1;
  static constexpr uint32_t kWide = 1u << 30;
  static constexpr uint32_t kFar = 1u << 31;

  char* bytes() { return reinterpret_cast<char*>(this); }
  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  uint8_t byte(size_t at) const { return static_cast<uint8_t>(bytes()[at]); }
  bool is_long() const { return (byte(0) & kLong) != 0; }
  bool is_wide() const { return is_long() && (load32(4) & kWide) != 0; }

  size_t deadline_offset() const { return (is_long() ? 8u : 3u) + (has_rank_room() ? 4u : 0u); }
  static size_t short_body_offset(uint32_t word) {
    return 3 + ((word >> 4) & 1) * 4 + ((word >> 3) & 1) * 5;
  }
  size_t body_offset() const {
    const uint32_t word = load32(0);
    if ((word & kLong) == 0) [[likely]]
      return short_body_offset(word);
    return deadline_offset() + (!has_deadline_room() ? 0u : is_wide() ? 8u : 5u);
  }
  char* body() { return const_cast<char*>(std::as_const(*this).body()); }
  const char* body() const {
    if (is_far()) [[unlikely]]
      return far_body()->bytes();
    return bytes() + body_offset();
  }

  uint32_t load32(size_t at) const {
    uint32_t word;
    std::memcpy(&word, bytes() + at, sizeof word);
    return word;
  }
  uint64_t load64(size_t at) const {
    uint64_t word;
    std::memcpy(&word, bytes() + at, sizeof word);
    return word;
  }
  void store16(size_t at, uint16_t word) { std::memcpy(bytes() + at, &word, sizeof word); }
  void store32(size_t at, uint32_t word) { std::memcpy(bytes() + at, &word, sizeof word); }
  void store64(size_t at, uint64_t word) { std::memcpy(bytes() + at, &word, sizeof word); }
};
static_assert(sizeof(Item) == 1);  // no members: an item is bytes of a slot, never an object

}  // namespace larder::storage
