#include "storage/rdb/dump.h"

#include "storage/rdb/crc64.h"
#include "storage/rdb/reader.h"
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

void append_footer(std::string& payload) {
  append_little_endian(kWrittenVersion, kVersionBytes, payload);
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

std::optional<std::string_view> read_string_body(std::string_view body, uint64_t max_bytes,
                                                 std::string& scratch) {
  Reader reader(body);
  const std::optional<uint8_t> type = reader.byte();
  if (!type || ValueType(*type) != ValueType::string) return std::nullopt;
  const std::optional<std::string_view> text = read_string(reader, max_bytes, scratch);
  if (!text || reader.left() != 0) return std::nullopt;
  return text;
}

}  // namespace larder::storage::rdb
