#include "storage/rdb/dump.h"

#include "storage/check.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/hash.h"
#include "storage/rdb/list.h"
#include "storage/rdb/reader.h"
#include "storage/rdb/set.h"
#include "storage/rdb/sorted_set.h"
#include "storage/rdb/stream.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

constexpr unsigned kVersionBytes = 2;
constexpr unsigned kChecksumBytes = 8;
static_assert(kVersionBytes + kChecksumBytes == kFooterBytes);

// REQUIRES: at most eight bytes.
uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t at = bytes.size(); at-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at]);
  return value;
}

}  // namespace

std::string dump_string(std::string_view text) {
  std::string payload;
  payload += static_cast<char>(ValueType::string);
  append_string(text, payload);
  append_footer(payload);
  return payload;
}

std::string dump_object(const Object& object) {
  std::string payload;
  payload.reserve(object.bytes() + kFooterBytes);
  uint16_t version = kWrittenVersion;
  switch (object.type()) {
    case Type::list:
      payload += static_cast<char>(ValueType::list_quicklist_2);
      append_list(object.as<List>(), payload);
      break;
    case Type::set:
      append_set(object.as<Set>(), payload);
      break;
    case Type::sorted_set:
      append_sorted_set(object.as<SortedSet>(), payload);
      break;
    case Type::hash:
      version = append_hash(object.as<HashObject>(), payload);
      break;
    case Type::stream:
      payload += static_cast<char>(ValueType::stream_listpacks_2);
      append_stream(object.as<Stream>(), payload);
      break;
    case Type::string:
      fail_check("strings are no objects");
  }
  append_footer(payload, version);
  return payload;
}

void append_footer(std::string& payload, uint16_t version) {
  append_little_endian(version, kVersionBytes, payload);
  append_little_endian(crc64(payload), kChecksumBytes, payload);
}

std::optional<std::string_view> verified_body(std::string_view payload) {
  if (payload.size() < kFooterBytes) return std::nullopt;
  const std::string_view body = payload.substr(0, payload.size() - kFooterBytes);
  const std::string_view summed = payload.substr(0, payload.size() - kChecksumBytes);
  const uint64_t version = little_endian(summed.substr(body.size()));
  if (!is_known_version(static_cast<uint16_t>(version))) return std::nullopt;
  if (crc64(summed) != little_endian(payload.substr(summed.size()))) return std::nullopt;
  return body;
}

uint16_t version_of(std::string_view payload) {
  const std::string_view footer = payload.substr(payload.size() - kFooterBytes);
  return static_cast<uint16_t>(little_endian(footer.substr(0, kVersionBytes)));
}

std::optional<std::string_view> read_string_body(std::string_view body, uint64_t max_bytes,
                                                 std::string& scratch) {
  Reader reader(body);
  const std::optional<uint8_t> type = reader.byte();
  if (!type || ValueType(*type) != ValueType::string) return std::nullopt;
  const std::optional<std::string_view> text = read_string(reader, max_bytes, scratch);
  if (!text || reader.left() != 0) return std::nullopt;
  return text;
}

bool is_string_body(std::string_view body) {
  return !body.empty() && ValueType(static_cast<uint8_t>(body[0])) == ValueType::string;
}

namespace {

Object* read_value(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher) {
  switch (type) {
    case ValueType::list:
    case ValueType::list_ziplist:
    case ValueType::list_quicklist:
    case ValueType::list_quicklist_2:
      return read_list(type, reader, max_bytes);
    case ValueType::set:
    case ValueType::set_intset:
    case ValueType::set_listpack:
      return read_set(type, reader, max_bytes, hasher);
    case ValueType::zset:
    case ValueType::zset_2:
    case ValueType::zset_ziplist:
    case ValueType::zset_listpack:
      return read_sorted_set(type, reader, max_bytes, hasher);
    case ValueType::hash:
    case ValueType::hash_zipmap:
    case ValueType::hash_ziplist:
    case ValueType::hash_listpack:
    case ValueType::hash_early_deadlines:
    case ValueType::hash_early_listpack_ex:
    case ValueType::hash_deadlines:
    case ValueType::hash_listpack_ex:
      return read_hash(type, reader, max_bytes, hasher);
    case ValueType::stream_listpacks:
    case ValueType::stream_listpacks_2:
    case ValueType::stream_listpacks_3:
      return read_stream(type, reader, max_bytes);
    case ValueType::string:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

Object* read_object_body(std::string_view body, uint64_t max_bytes, const KeyHasher& hasher,
                         uint16_t version) {
  Reader reader(body);
  const std::optional<uint8_t> type = reader.byte();
  if (!type) return nullptr;
  Object* object = nullptr;
  if (!is_valkey_version(version) || *type < kValkeyHash) {
    object = read_value(ValueType(*type), reader, max_bytes, hasher);
  } else if (*type == kValkeyHash) {
    object = read_valkey_hash(reader, max_bytes, hasher);
  }
  if (object == nullptr || reader.left() == 0) return object;
  Object::release(object);
  return nullptr;
}

}  // namespace larder::storage::rdb
