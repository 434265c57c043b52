// Payloads of DUMP: those of redis-server 7.0, byte for byte, and none that was tampered with.
#include <catch2/catch.hpp>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "storage/rdb/crc64.h"
#include "storage/rdb/dump.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t at = 0; at < hex.size(); at += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return out;
}

std::string payload_of(std::string body, uint16_t version) {
  append_little_endian(version, 2, body);
  append_little_endian(crc64(body), 8, body);
  return body;
}

std::optional<std::string> restored(std::string_view payload, uint64_t max_bytes = kNoLimit) {
  const std::optional<std::string_view> body = verified_body(payload);
  if (!body) return std::nullopt;
  std::string scratch;
  const std::optional<std::string_view> text = read_string_body(*body, max_bytes, scratch);
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace

TEST_CASE("the checksum is the one of Jones, in any pieces") {
  CHECK(crc64("") == 0);
  CHECK(crc64("123456789") == 0xe9c6d914c4b8d9ca);
  const std::string text = "This is a test of the emergency broadcast system.";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(crc64(text.substr(cut), crc64(text.substr(0, cut))) == crc64(text));
  }
  // A bit at a time, as the definition says.
  uint64_t sum = 0;
  for (const char byte : text) {
    sum ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      sum = (sum & 1) != 0 ? sum >> 1 ^ 0x95ac9329ac4bc9b5 : sum >> 1;
    }
  }
  CHECK(crc64(text) == sum);
}

TEST_CASE("payloads are those of redis-server 7.0") {
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "00000a005d9b5c400f7fa2da"},
      {"a", "0001610a00bffeef9b8f367db4"},
      {"-129", "00c17fff0a001760822854808480"},
      {"2147483647", "00c2ffffff7f0a002c74e59ee02eada1"},
      {"9223372036854775807", "0013393232333337323033363835343737353830370a003a657e9481e85f22"},
      {std::string(21, 'a'), "00c30615016161e00a000a00fd0cb36807413f68"},
      {std::string(300, 'x'), "00c30c412c017878e0ff00e017000178780a00f033195a8b660d84"},
      {std::string("\0\xff\r\n", 4), "000400ff0d0a0a008d10d19e4216ec65"},
  };
  for (const auto& [text, hex] : cases) {
    CAPTURE(text);
    CHECK(dump_string(text) == from_hex(hex));
    CHECK(restored(from_hex(hex)) == text);
  }
}

TEST_CASE("no byte of a payload may change, and none may be missing or added") {
  const std::string payload = dump_string("some value that is of no use to anybody at all");
  for (size_t at = 0; at < payload.size(); ++at) {
    std::string changed = payload;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    CHECK_FALSE(verified_body(changed));
    CHECK_FALSE(verified_body(payload.substr(0, at)));
  }
  CHECK_FALSE(verified_body(payload + '\0'));
  std::string unchecked = payload;
  unchecked.replace(unchecked.size() - 8, 8, 8, '\0');
  CHECK_FALSE(verified_body(unchecked));
}

TEST_CASE("versions of Redis and Valkey are accepted, others are not") {
  const std::string body("\0\1v", 3);
  for (const uint16_t version :
       std::initializer_list<uint16_t>{1, 6, 9, 10, 11, 12, 13, 14, 15, 80, 81}) {
    CAPTURE(version);
    CHECK(restored(payload_of(body, version)) == "v");
  }
  for (const uint16_t version : std::initializer_list<uint16_t>{0, 16, 79, 82, 0x0a00, 0xffff}) {
    CAPTURE(version);
    CHECK_FALSE(verified_body(payload_of(body, version)));
  }
}

TEST_CASE("a body is one string and nothing else") {
  const std::string string("\0\1v", 3);
  CHECK(restored(payload_of(string, 10), 1) == "v");
  CHECK_FALSE(restored(payload_of(string, 10), 0));
  CHECK_FALSE(restored(payload_of(string + 'v', 10)));
  CHECK_FALSE(restored(payload_of({}, 10)));
  CHECK_FALSE(restored(payload_of(std::string(1, '\0'), 10)));
  for (int type = 1; type < 256; ++type) {
    std::string other = string;
    other[0] = static_cast<char>(type);
    REQUIRE(verified_body(payload_of(other, 10)));
    CHECK_FALSE(restored(payload_of(other, 10)));
  }
  // A length that would reach into the footer.
  CHECK_FALSE(restored(payload_of(std::string("\0\5v", 3), 10)));
}

}  // namespace larder::storage::rdb
