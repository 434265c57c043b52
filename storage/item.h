// Item: one key with its value and deadline, in one piece of memory; and ItemRef, which names it.
//
//   header 8 | deadline field 8, if there is room for one | key | value
//
//   header, from the least significant bit:
//     0..29  key length      30..43  length of an inline text    44..47  kind
//     48..54 size class      55      room for a deadline         56..63  wheel owner, low 8 bits
//   deadline field:
//     63     wide: the other bits are a deadline too far away for the wheel to know
//     62     the wheel holds a record that is this item's own
//     61..46 tick of that record, bits 23..8       45..0  deadline in Unix ms, all ones: none
//   value: the text, or 8 bytes of integer, or 8 bytes of pointer to a Blob.
//
// Never decides anything: reading and writing fields is all that happens here.
// Invariants
//   * Items are aligned to 16 bytes and start at most 48 bits deep in memory, which is what ItemRef
//     stores.
//   * The size class says what was allocated; key, value and fields fit into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/blob.h"
#include "storage/equal_bytes.h"
#include "storage/size_class.h"

namespace larder::storage {

constexpr int64_t kNoDeadline = -1;
constexpr size_t kMaxKeyLength = size_t{1} << 29;

enum class Type : uint8_t { string };

// How a value lies in its item. Further types take further kinds.
enum class Kind : uint8_t { text = 0, integer = 1, blob = 2 };

class Item {
 public:
  static constexpr unsigned kOwnerBits = 24;
  static constexpr uint32_t kOwnerMask = (1u << kOwnerBits) - 1;

  // Bytes an item needs; `value_bytes` as it lies in the item (8 for integers and blobs).
  static size_t bytes_needed(size_t key_length, size_t value_bytes, bool deadline_room) {
    return sizeof(Item) + (deadline_room ? sizeof(uint64_t) : 0) + key_length + value_bytes;
  }

  // Writes header, an empty deadline field if there is room for one, and the key. The value
  // follows.
  void format(std::string_view key, Kind kind, size_t text_length, unsigned size_class,
              bool deadline_room) {
    header_ = uint64_t{key.size()} | uint64_t{text_length} << kLengthShift |
              uint64_t{static_cast<uint8_t>(kind)} << kKindShift |
              uint64_t{size_class} << kClassShift | uint64_t{deadline_room} << kRoomShift;
    if (deadline_room) store(deadline_field(), kNoDeadlineField);
    std::memcpy(key_bytes(), key.data(), key.size());
  }

  Kind kind() const { return static_cast<Kind>(bits(kKindShift, 4)); }
  size_t key_length() const { return bits(0, kLengthShift); }
  std::string_view key() const { return {bytes() + key_offset(), key_length()}; }
  bool has_key(std::string_view key) const {
    return key.size() == key_length() && equal_bytes(bytes() + key_offset(), key.data(), key.size());
  }
  unsigned size_class() const { return static_cast<unsigned>(bits(kClassShift, 7)); }
  size_t capacity() const { return size_of_class(size_class()); }
  bool has_deadline_room() const { return bits(kRoomShift, 1) != 0; }

  char* value() { return bytes() + key_offset() + key_length(); }
  const char* value() const { return bytes() + key_offset() + key_length(); }
  // Bytes of an inline text.
  size_t text_length() const { return bits(kLengthShift, kKindShift - kLengthShift); }
  int64_t integer() const { return static_cast<int64_t>(load(value())); }
  Blob* blob() const { return reinterpret_cast<Blob*>(load(value())); }

  // Changes what kind of value follows; the caller then writes the value.
  void set_kind(Kind kind, size_t text_length) {
    constexpr uint64_t kMask =
        ((uint64_t{1} << kClassShift) - 1) & ~((uint64_t{1} << kLengthShift) - 1);
    header_ = (header_ & ~kMask) | uint64_t{text_length} << kLengthShift |
              uint64_t{static_cast<uint8_t>(kind)} << kKindShift;
  }
  void set_integer(int64_t value_to_store) {
    store(value(), static_cast<uint64_t>(value_to_store));
  }
  void set_blob(Blob* blob) { store(value(), reinterpret_cast<uint64_t>(blob)); }

  // Unix ms or kNoDeadline.
  int64_t deadline_ms() const {
    if (!has_deadline_room()) return kNoDeadline;
    const uint64_t field = load(deadline_field());
    if ((field & kWideBit) != 0) return static_cast<int64_t>(field & ~kWideBit);
    const uint64_t deadline = field & kNearMask;
    return deadline == kNearMask ? kNoDeadline : static_cast<int64_t>(deadline);
  }
  // REQUIRES: has_deadline_room(), deadline_ms >= 0 or kNoDeadline. A wide deadline forgets the
  // owner.
  void set_deadline_ms(int64_t deadline_ms) {
    const uint64_t field = load(deadline_field());
    const uint64_t owner = (field & kWideBit) != 0 ? 0 : field & ~kNearMask;
    if (deadline_ms == kNoDeadline) {
      store(deadline_field(), owner | kNearMask);
    } else if (is_wide(deadline_ms)) {
      store(deadline_field(), kWideBit | static_cast<uint64_t>(deadline_ms));
    } else {
      store(deadline_field(), owner | static_cast<uint64_t>(deadline_ms));
    }
  }
  static bool is_wide(int64_t deadline_ms) {
    return static_cast<uint64_t>(deadline_ms) >= kNearMask;
  }

  // The wheel's record for this item, as the low 24 bits of its tick.
  bool has_owner() const {
    return has_deadline_room() && (load(deadline_field()) & (kWideBit | kOwnerBit)) == kOwnerBit;
  }
  // REQUIRES: has_owner().
  uint32_t owner() const {
    const uint64_t middle = (load(deadline_field()) >> kOwnerShift) & 0xffff;
    return static_cast<uint32_t>(middle << 8 | header_ >> kTagShift);
  }
  // REQUIRES: has_deadline_room(), the deadline is not wide.
  void set_owner(uint32_t owner) {
    const uint64_t field = load(deadline_field()) & kNearMask;
    store(deadline_field(), field | kOwnerBit | uint64_t{owner >> 8} << kOwnerShift);
    header_ = (header_ & ~(uint64_t{0xff} << kTagShift)) | uint64_t{owner & 0xff} << kTagShift;
  }
  // REQUIRES: has_owner().
  void clear_owner() { store(deadline_field(), load(deadline_field()) & kNearMask); }

  // Deadline and owner of another item, both with room.
  void copy_deadline_from(const Item& other) {
    store(deadline_field(), load(other.deadline_field()));
    header_ =
        (header_ & ~(uint64_t{0xff} << kTagShift)) | (other.header_ & uint64_t{0xff} << kTagShift);
  }

 private:
  static constexpr unsigned kLengthShift = 30;
  static constexpr unsigned kKindShift = 44;
  static constexpr unsigned kClassShift = 48;
  static constexpr unsigned kRoomShift = 55;
  static constexpr unsigned kTagShift = 56;
  static constexpr unsigned kOwnerShift = 46;
  static constexpr uint64_t kWideBit = uint64_t{1} << 63;
  static constexpr uint64_t kOwnerBit = uint64_t{1} << 62;
  static constexpr uint64_t kNearMask = (uint64_t{1} << kOwnerShift) - 1;
  static constexpr uint64_t kNoDeadlineField = kNearMask;
  static_assert(kLargeValue <= size_t{1} << (kKindShift - kLengthShift));

  uint64_t bits(unsigned shift, unsigned count) const {
    return (header_ >> shift) & ((uint64_t{1} << count) - 1);
  }
  static uint64_t load(const char* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  static void store(char* to, uint64_t word) { std::memcpy(to, &word, sizeof word); }

  char* bytes() { return reinterpret_cast<char*>(this); }
  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  size_t key_offset() const { return sizeof(Item) + bits(kRoomShift, 1) * sizeof(uint64_t); }
  char* key_bytes() { return bytes() + key_offset(); }
  char* deadline_field() { return bytes() + sizeof(Item); }
  const char* deadline_field() const { return bytes() + sizeof(Item); }

  uint64_t header_;
};
static_assert(sizeof(Item) == 8);

}  // namespace larder::storage
