#include "storage/rdb/hash.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"
#include "storage/rdb/ziplist.h"
#include "storage/value.h"

namespace larder::storage::rdb {
namespace {

using listpack::NewEntry;
using listpack::Value;
using Field = HashObject::Field;

// ---- writing ------------------------------------------------------------------------------------

void append_entry(const Value& value, std::string& entries) {
  NumberText scratch;
  const NewEntry entry(value.bytes(scratch));
  entries.resize(entries.size() + entry.size());
  entry.write(entries.data() + entries.size() - entry.size());
}

void append_number(int64_t number, std::string& entries) {
  append_entry({.is_integer = true, .integer = number, .text = {}}, entries);
}

void append_listpack_string(std::string_view entries, size_t count, std::string& out) {
  std::string listpack;
  listpack::append_listpack(entries, count, listpack);
  append_string(listpack, out);
}

void append_type(ValueType type, std::string& out) {
  out += static_cast<char>(type);
}

void append_fields(const HashObject& hash, std::string& out) {
  append_type(ValueType::hash, out);
  append_length(hash.size(), out);
  NumberText scratch;
  hash.for_each([&](const Field& field) {
    append_string(field.name.bytes(scratch), out);
    append_string(field.value.bytes(scratch), out);
  });
}

void append_packed_fields(const HashObject& hash, std::string& out) {
  std::string entries;
  hash.for_each([&](const Field& field) {
    append_entry(field.name, entries);
    append_entry(field.value, entries);
  });
  append_type(ValueType::hash_listpack, out);
  append_listpack_string(entries, 2 * hash.size(), out);
}

void append_fields_with_deadlines(const HashObject& hash, std::string& out) {
  const int64_t earliest = hash.earliest_deadline_ms();
  append_type(ValueType::hash_deadlines, out);
  append_little_endian(static_cast<uint64_t>(earliest), 8, out);
  append_length(hash.size(), out);
  NumberText scratch;
  hash.for_each([&](const Field& field) {
    const bool has_deadline = field.deadline_ms != kNoDeadline;
    append_length(has_deadline ? static_cast<uint64_t>(field.deadline_ms - earliest) + 1 : 0, out);
    append_string(field.name.bytes(scratch), out);
    append_string(field.value.bytes(scratch), out);
  });
}

void append_packed_fields_with_deadlines(const HashObject& hash, std::string& out) {
  std::vector<Field> fields;
  fields.reserve(hash.size());
  hash.for_each([&](const Field& field) { fields.push_back(field); });
  const auto is_earlier = [](const Field& one, const Field& other) {
    // None is -1, which becomes the latest of all.
    return static_cast<uint64_t>(one.deadline_ms) < static_cast<uint64_t>(other.deadline_ms);
  };
  std::stable_sort(fields.begin(), fields.end(), is_earlier);
  std::string entries;
  for (const Field& field : fields) {
    append_entry(field.name, entries);
    append_entry(field.value, entries);
    append_number(field.deadline_ms == kNoDeadline ? 0 : field.deadline_ms, entries);
  }
  append_type(ValueType::hash_listpack_ex, out);
  append_little_endian(static_cast<uint64_t>(hash.earliest_deadline_ms()), 8, out);
  append_listpack_string(entries, 3 * fields.size(), out);
}

// Does every text fit into a listpack, and all into one?
bool fits_listpack(const HashObject& hash) {
  constexpr size_t kMostBytes = size_t{1} << 30;
  constexpr size_t kMostAround = 40;
  size_t bytes = 0;
  NumberText scratch;
  return hash.visit([&](const Field& field) {
    bytes += field.name.bytes(scratch).size() + kMostAround;
    bytes += field.value.bytes(scratch).size();
    return bytes <= kMostBytes;
  });
}

// ---- reading ------------------------------------------------------------------------------------

// What is read, and what must be true of it.
class Reading {
 public:
  Reading(HashObject& hash, const KeyHasher& hasher) : hash_(hash), hasher_(hasher) {}

  // False if the field is there already, or the deadline is none.
  [[nodiscard]] bool add(std::string_view name, std::string_view value,
                         int64_t deadline_ms = kNoDeadline) {
    const bool has_deadline = deadline_ms != kNoDeadline;
    if (has_deadline && (deadline_ms < 1 || deadline_ms > HashObject::kLastDeadline)) return false;
    if (hash_.find(name)) return false;
    hash_.set(name, value, deadline_ms, hasher_);
    return true;
  }

  // Takes what a listpack or ziplist has, `stride` values for each field.
  class Packed {
   public:
    Packed(Reading& reading, size_t stride) : reading_(reading), stride_(stride) {}
    void take(const Value& value) {
      if (!is_sound_) return;
      NumberText scratch;
      if (filled_ < 2) {
        texts_[filled_++] = value.bytes(scratch);
        if (filled_ < stride_) return;
        is_sound_ = reading_.add(texts_[0], texts_[1]);
      } else {
        int64_t deadline = 0;
        is_sound_ = parse_canonical_integer(value.bytes(scratch), &deadline) && deadline >= 0 &&
                    reading_.add(texts_[0], texts_[1], deadline == 0 ? kNoDeadline : deadline);
      }
      filled_ = 0;
    }
    bool is_complete() const { return is_sound_ && filled_ == 0; }

   private:
    Reading& reading_;
    size_t stride_;
    size_t filled_ = 0;
    std::string texts_[2];
    bool is_sound_ = true;
  };

 private:
  HashObject& hash_;
  const KeyHasher& hasher_;
};

// `base_ms`: what the numbers before the fields count from; nothing if there are none.
bool read_fields(Reader& reader, uint64_t max_bytes, Reading& reading,
                 std::optional<int64_t> base_ms) {
  const std::optional<uint64_t> count = reader.plain_length();
  if (!count) return false;
  std::string name_scratch;
  std::string value_scratch;
  for (uint64_t left = *count; left > 0; --left) {
    int64_t deadline = kNoDeadline;
    if (base_ms) {
      const std::optional<uint64_t> ttl = reader.plain_length();
      if (!ttl || *ttl > static_cast<uint64_t>(INT64_MAX)) return false;
      if (*ttl != 0 && (__builtin_add_overflow(*base_ms, static_cast<int64_t>(*ttl), &deadline) ||
                        deadline < 1)) {
        return false;
      }
    }
    const std::optional<std::string_view> name = read_string(reader, max_bytes, name_scratch);
    if (!name) return false;
    const std::optional<std::string_view> value = read_string(reader, max_bytes, value_scratch);
    if (!value || !reading.add(*name, *value, deadline)) return false;
  }
  return true;
}

bool read_valkey_fields(Reader& reader, uint64_t max_bytes, Reading& reading) {
  const std::optional<uint64_t> count = reader.plain_length();
  if (!count) return false;
  std::string name_scratch;
  std::string value_scratch;
  for (uint64_t left = *count; left > 0; --left) {
    const std::optional<std::string_view> name = read_string(reader, max_bytes, name_scratch);
    if (!name) return false;
    const std::optional<std::string_view> value = read_string(reader, max_bytes, value_scratch);
    if (!value) return false;
    const std::optional<int64_t> deadline = reader.signed_integer(8);
    if (!deadline || !reading.add(*name, *value, *deadline)) return false;
  }
  return true;
}

std::optional<uint64_t> zipmap_length(Reader& reader) {
  constexpr uint8_t kLong = 254;
  const std::optional<uint8_t> first = reader.byte();
  if (!first || *first > kLong) return std::nullopt;
  if (*first < kLong) return *first;
  const std::optional<std::string_view> bytes = reader.take(4);
  if (!bytes) return std::nullopt;
  uint64_t length = 0;
  for (size_t at = 4; at-- > 0;) length = length << 8 | static_cast<uint8_t>((*bytes)[at]);
  return length;
}

bool read_zipmap(std::string_view bytes, Reading& reading) {
  constexpr uint8_t kEnd = 0xff;
  constexpr uint8_t kUnknownCount = 254;
  if (bytes.size() < 2 || static_cast<uint8_t>(bytes.back()) != kEnd) return false;
  Reader reader(bytes.substr(0, bytes.size() - 1));
  const std::optional<uint8_t> said = reader.byte();
  uint64_t count = 0;
  for (; reader.left() > 0; ++count) {
    const std::optional<uint64_t> name_length = zipmap_length(reader);
    if (!name_length) return false;
    const std::optional<std::string_view> name = reader.take(*name_length);
    if (!name) return false;
    const std::optional<uint64_t> value_length = zipmap_length(reader);
    const std::optional<uint8_t> free = reader.byte();
    if (!value_length || !free) return false;
    const std::optional<std::string_view> value = reader.take(*value_length);
    if (!value || !reader.take(*free) || !reading.add(*name, *value)) return false;
  }
  return *said >= kUnknownCount || *said == count;
}

bool read_packed(ValueType type, Reader& reader, uint64_t max_bytes, Reading& reading) {
  std::string scratch;
  const std::optional<std::string_view> bytes = read_string(reader, max_bytes, scratch);
  if (!bytes) return false;
  if (type == ValueType::hash_zipmap) return read_zipmap(*bytes, reading);
  const bool has_deadlines =
      type == ValueType::hash_listpack_ex || type == ValueType::hash_early_listpack_ex;
  Reading::Packed packed(reading, has_deadlines ? 3 : 2);
  const auto take = [&packed](const Value& value) { packed.take(value); };
  const bool is_sound =
      type == ValueType::hash_ziplist ? read_ziplist(*bytes, take) : listpack::read(*bytes, take);
  return is_sound && packed.is_complete();
}

bool read_into(ValueType type, Reader& reader, uint64_t max_bytes, Reading& reading) {
  std::optional<int64_t> earliest = 0;
  if (type == ValueType::hash_deadlines || type == ValueType::hash_listpack_ex) {
    earliest = reader.signed_integer(8);
    if (!earliest || *earliest < 0) return false;
  }
  switch (type) {
    case ValueType::hash:
      return read_fields(reader, max_bytes, reading, std::nullopt);
    case ValueType::hash_deadlines:
      return read_fields(reader, max_bytes, reading, *earliest - 1);
    case ValueType::hash_early_deadlines:
      return read_fields(reader, max_bytes, reading, 0);
    default:
      return read_packed(type, reader, max_bytes, reading);
  }
}

HashEncoding encoding_of(ValueType type) {
  switch (type) {
    case ValueType::hash_listpack:
    case ValueType::hash_ziplist:
      return HashEncoding::listpack;
    case ValueType::hash_listpack_ex:
    case ValueType::hash_early_listpack_ex:
      return HashEncoding::listpackex;
    default:
      return HashEncoding::hashtable;
  }
}

// A hash that `read(reading)` has read, unless that says that it is not sound.
template <typename Read>
HashObject* read_with(const KeyHasher& hasher, HashEncoding encoding, Read read) {
  HashObject* hash = HashObject::create();
  Reading reading(*hash, hasher);
  const bool is_sound = read(reading);
  hash->set_encoding(encoding);
  if (is_sound && !hash->is_empty()) return hash;
  Object::release(hash);
  return nullptr;
}

}  // namespace

uint16_t append_hash(const HashObject& hash, std::string& out) {
  const bool is_packed = hash.encoding() != HashEncoding::hashtable && fits_listpack(hash);
  if (!hash.has_deadlines()) {
    is_packed ? append_packed_fields(hash, out) : append_fields(hash, out);
    return kWrittenVersion;
  }
  is_packed ? append_packed_fields_with_deadlines(hash, out)
            : append_fields_with_deadlines(hash, out);
  return kFieldDeadlinesVersion;
}

HashObject* read_hash(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher) {
  return read_with(hasher, encoding_of(type),
                   [&](Reading& reading) { return read_into(type, reader, max_bytes, reading); });
}

HashObject* read_valkey_hash(Reader& reader, uint64_t max_bytes, const KeyHasher& hasher) {
  return read_with(hasher, HashEncoding::hashtable, [&](Reading& reading) {
    return read_valkey_fields(reader, max_bytes, reading);
  });
}

}  // namespace larder::storage::rdb
