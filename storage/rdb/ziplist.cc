#include "storage/rdb/ziplist.h"

#include <optional>

#include "storage/rdb/reader.h"

namespace larder::storage::rdb {
namespace {

using listpack::Value;

constexpr size_t kHeaderBytes = 10;
constexpr uint64_t kUnknownCount = 0xffff;
constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kLongBefore = 254;

std::optional<uint64_t> unsigned_integer(Reader& reader, unsigned width) {
  const std::optional<std::string_view> bytes = reader.take(width);
  if (!bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t at = width; at-- > 0;) value = value << 8 | static_cast<uint8_t>((*bytes)[at]);
  return value;
}

std::optional<Value> read_text(Reader& reader, uint64_t length) {
  const std::optional<std::string_view> text = reader.take(length);
  if (!text) return std::nullopt;
  return Value{.text = *text};
}

std::optional<Value> read_integer(Reader& reader, unsigned width) {
  const std::optional<std::string_view> bytes = reader.take(width);
  if (!bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t at = width; at-- > 0;) value = value << 8 | static_cast<uint8_t>((*bytes)[at]);
  const unsigned unused = 64 - 8 * width;
  return Value{.is_integer = true,
               .integer = static_cast<int64_t>(value << unused) >> unused,
               .text = {}};
}

std::optional<Value> read_value(Reader& reader) {
  const std::optional<uint8_t> first = reader.byte();
  if (!first) return std::nullopt;
  switch (*first >> 6) {
    case 0:
      return read_text(reader, *first);
    case 1: {
      const std::optional<uint8_t> low = reader.byte();
      if (!low) return std::nullopt;
      return read_text(reader, (*first & 0x3fu) << 8 | *low);
    }
    case 2: {
      if (*first != 0x80) return std::nullopt;
      const std::optional<std::string_view> bytes = reader.take(4);
      if (!bytes) return std::nullopt;
      uint64_t length = 0;
      for (const char byte : *bytes) length = length << 8 | static_cast<uint8_t>(byte);
      return read_text(reader, length);
    }
    default:
      break;
  }
  switch (*first) {
    case 0xc0:
      return read_integer(reader, 2);
    case 0xd0:
      return read_integer(reader, 4);
    case 0xe0:
      return read_integer(reader, 8);
    case 0xf0:
      return read_integer(reader, 3);
    case 0xfe:
      return read_integer(reader, 1);
    default:
      if (*first < 0xf1 || *first > 0xfd) return std::nullopt;
      return Value{.is_integer = true, .integer = *first - 0xf1, .text = {}};
  }
}

}  // namespace

bool read_ziplist(std::string_view ziplist, FunctionRef<void(const Value&)> visitor) {
  Reader reader(ziplist);
  const std::optional<uint64_t> bytes = unsigned_integer(reader, 4);
  const std::optional<uint64_t> last_offset = unsigned_integer(reader, 4);
  const std::optional<uint64_t> said = unsigned_integer(reader, 2);
  if (!bytes || !last_offset || !said || *bytes != ziplist.size()) return false;
  if (ziplist.size() <= kHeaderBytes || static_cast<uint8_t>(ziplist.back()) != kEnd) return false;
  reader = Reader(ziplist.substr(kHeaderBytes, ziplist.size() - kHeaderBytes - 1));
  uint64_t count = 0;
  uint64_t before = 0;
  uint64_t begin = 0;
  for (; reader.left() > 0; ++count) {
    begin = ziplist.size() - 1 - reader.left();
    const std::optional<uint8_t> first = reader.byte();
    if (*first == kEnd) return false;
    // Entries that became shorter leave the long form behind them.
    std::optional<uint64_t> said_before = *first;
    if (*first == kLongBefore) said_before = unsigned_integer(reader, 4);
    if (!said_before || *said_before != before) return false;
    const std::optional<Value> value = read_value(reader);
    if (!value) return false;
    visitor(*value);
    before = ziplist.size() - 1 - reader.left() - begin;
  }
  if (*last_offset != (count == 0 ? kHeaderBytes : begin)) return false;
  return *said == kUnknownCount || *said == count;
}

}  // namespace larder::storage::rdb
