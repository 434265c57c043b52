#include "storage/rdb/reader.h"

namespace larder::storage::rdb {
namespace {

constexpr uint8_t kLength32 = 0x80;
constexpr uint8_t kLength64 = 0x81;

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

}  // namespace

std::optional<uint8_t> Reader::byte() {
  if (rest_.empty()) return std::nullopt;
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

std::optional<std::string_view> Reader::take(uint64_t count) {
  if (count > rest_.size()) return std::nullopt;
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::optional<Length> Reader::length() {
  if (rest_.empty()) return std::nullopt;
  const auto first = static_cast<uint8_t>(rest_.front());
  const uint8_t low_bits = first & 0x3f;
  size_t more = 0;     // bytes that belong to it
  uint64_t above = 0;  // what stands above their bits
  switch (first >> 6) {
    case 0:
    case 3:
      rest_.remove_prefix(1);
      return Length{.is_encoding = first >> 6 == 3, .value = low_bits};
    case 1:
      more = 1;
      above = uint64_t{low_bits} << 8;
      break;
    default:
      if (first != kLength32 && first != kLength64) return std::nullopt;
      more = first == kLength32 ? 4 : 8;
  }
  if (rest_.size() <= more) return std::nullopt;
  const uint64_t value = above | big_endian(rest_.substr(1, more));
  rest_.remove_prefix(1 + more);
  return Length{.is_encoding = false, .value = value};
}

std::optional<uint64_t> Reader::plain_length() {
  const Reader before = *this;
  const std::optional<Length> found = length();
  if (found && !found->is_encoding) return found->value;
  *this = before;
  return std::nullopt;
}

std::optional<int64_t> Reader::signed_integer(unsigned width) {
  const std::optional<std::string_view> bytes = take(width);
  if (!bytes) return std::nullopt;
  uint64_t value = 0;
  for (size_t at = width; at-- > 0;) value = value << 8 | static_cast<uint8_t>((*bytes)[at]);
  const unsigned unused = 64 - 8 * width;
  return static_cast<int64_t>(value << unused) >> unused;  // the highest bit is the sign
}

}  // namespace larder::storage::rdb
