// Field: a field of a large hash with its value, in one block of memory.
//
//   length of the field * 2 + has deadline (varint) | length of the value (varint)
//   | deadline 8, if it has one | field | value
//
// A field and a value of 10 bytes each take 32. Who creates one releases it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/collection/varint.h"
#include "storage/item.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage::hash {

class Field {
 public:
  Field() = delete;

  // `deadline_ms` may be kNoDeadline.
  static Field* create(std::string_view name, std::string_view value, int64_t deadline_ms) {
    auto* field = static_cast<Field*>(take_memory(needed_bytes(name, value, deadline_ms)));
    field->write(name, value, deadline_ms);
    return field;
  }
  static void release(Field* field) { free_memory(field); }

  std::string_view name() const {
    const Parts parts = this->parts();
    return {parts.name, parts.name_length};
  }
  std::string_view value() const {
    const Parts parts = this->parts();
    return {parts.name + parts.name_length, parts.value_length};
  }
  int64_t deadline_ms() const {
    const Parts parts = this->parts();
    if (!parts.has_deadline) return kNoDeadline;
    int64_t deadline;
    std::memcpy(&deadline, parts.name - sizeof deadline, sizeof deadline);
    return deadline;
  }
  // As the allocator rounds it.
  size_t bytes() const { return needed_bytes(name(), value(), deadline_ms()); }

  // Gives it this value and deadline where it is; false if it takes memory of another size. The
  // value must not lie in it.
  bool overwrite(std::string_view value, int64_t deadline_ms) {
    const std::string_view name = this->name();
    if (needed_bytes(name, value, deadline_ms) != bytes()) return false;
    char* to = header_end(name.size(), value.size(), deadline_ms);
    std::memmove(to, name.data(), name.size());
    write({to, name.size()}, value, deadline_ms);
    return true;
  }

 private:
  struct Parts {
    const char* name;
    size_t name_length;
    size_t value_length;
    bool has_deadline;
  };

  Parts parts() const {
    const char* at = reinterpret_cast<const char*>(this);
    const uint64_t first = read_varint(at);
    const uint64_t value_length = read_varint(at);
    const bool has_deadline = (first & 1) != 0;
    return {at + (has_deadline ? sizeof(int64_t) : 0), first >> 1, value_length, has_deadline};
  }
  static size_t header_bytes(size_t name, size_t value, int64_t deadline_ms) {
    return varint_bytes(uint64_t{name} << 1) + varint_bytes(value) +
           (deadline_ms == kNoDeadline ? 0 : sizeof deadline_ms);
  }
  static size_t needed_bytes(std::string_view name, std::string_view value, int64_t deadline_ms) {
    return round_to_class(header_bytes(name.size(), value.size(), deadline_ms) + name.size() +
                          value.size());
  }
  char* header_end(size_t name, size_t value, int64_t deadline_ms) {
    return reinterpret_cast<char*>(this) + header_bytes(name, value, deadline_ms);
  }
  // The name may be where it will be already.
  void write(std::string_view name, std::string_view value, int64_t deadline_ms) {
    const bool has_deadline = deadline_ms != kNoDeadline;
    char* at = reinterpret_cast<char*>(this);
    at = write_varint(uint64_t{name.size()} << 1 | uint64_t{has_deadline}, at);
    at = write_varint(value.size(), at);
    if (has_deadline) {
      std::memcpy(at, &deadline_ms, sizeof deadline_ms);
      at += sizeof deadline_ms;
    }
    if (!name.empty() && name.data() != at) std::memcpy(at, name.data(), name.size());
    if (!value.empty()) std::memcpy(at + name.size(), value.data(), value.size());
  }
};
static_assert(sizeof(Field) == 1);  // no members: it is bytes of a block, never an object

struct FieldTrait {
  using Element = Field;
  static std::string_view text(const Field* field) { return field->name(); }
};

// Fields with deadlines, the earliest first.
struct FieldDeadline {
  int64_t deadline_ms;
  Field* field;
};
struct EarlierField {
  bool operator()(const FieldDeadline& one, const FieldDeadline& other) const {
    if (one.deadline_ms != other.deadline_ms) return one.deadline_ms < other.deadline_ms;
    return reinterpret_cast<uintptr_t>(one.field) < reinterpret_cast<uintptr_t>(other.field);
  }
};

}  // namespace larder::storage::hash
