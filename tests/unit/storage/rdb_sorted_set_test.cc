#include "storage/rdb/sorted_set.h"

#include <bit>
#include <catch2/catch.hpp>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

using Members = std::vector<std::pair<std::string, double>>;

constexpr uint64_t kAnyLength = uint64_t{1} << 40;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const KeyHasher& hasher() {
  static const KeyHasher hasher(17);
  return hasher;
}

std::optional<Members> restored_body(std::string_view body, uint64_t max_bytes = kAnyLength) {
  Object* object = read_object_body(body, max_bytes, hasher());
  if (object == nullptr) return std::nullopt;
  object->verify();
  Members members;
  NumberText scratch;
  for (auto at = object->as<SortedSet>().at(0); at; at.next()) {
    members.emplace_back(at.member().bytes(scratch), at.member().score);
  }
  Object::release(object);
  return members;
}

std::string dumped(const Members& members, SortedSetEncoding encoding) {
  SortedSet* set = SortedSet::create();
  for (const auto& [text, score] : members) set->add(text, score, hasher());
  set->set_encoding(encoding);
  std::string payload = dump_object(*set);
  Object::release(set);
  return payload;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

const Members kMembers{{"-7", -7},   {"a", 1},           {"b", 1.5},
                       {"12345", 2}, {"hello", 100'000}, {"c", kInfinity}};

std::string scored(const Members& members) {
  std::string body(1, static_cast<char>(ValueType::zset_2));
  append_length(members.size(), body);
  for (const auto& [text, score] : members) {
    append_string(text, body);
    append_little_endian(std::bit_cast<uint64_t>(score), 8, body);
  }
  return body;
}

std::string packed(const std::vector<std::string>& parts) {
  std::string entries;
  for (const std::string& part : parts) {
    const listpack::NewEntry entry(part);
    std::string bytes(entry.size(), '\0');
    entry.write(bytes.data());
    entries += bytes;
  }
  std::string listpack;
  listpack::append_listpack(entries, parts.size(), listpack);
  std::string body(1, static_cast<char>(ValueType::zset_listpack));
  append_string(listpack, body);
  return body;
}

}  // namespace

TEST_CASE("a sorted set's payloads are those that redis-server 7.0 writes") {
  const std::string listpack = from_hex(
      "1134340000000c00dff902dff902816102010181620283312e3504f139300302018568656c6c6f06f2a086010481"
      "630283696e6604ff0a000c62ec8b10bf9c4f");
  const std::string skiplist = from_hex(
      "05060163000000000000f07f0568656c6c6f00000000006af840c1393000000000000000400162000000000000f8"
      "3f0161000000000000f03fc0f90000000000001cc00a000f98f42975c9a2d1");
  CHECK(dumped(kMembers, SortedSetEncoding::listpack) == listpack);
  CHECK(dumped(kMembers, SortedSetEncoding::skiplist) == skiplist);
  CHECK(restored_body(*verified_body(listpack)) == kMembers);
  CHECK(restored_body(*verified_body(skiplist)) == kMembers);
}

TEST_CASE("sorted sets of all sizes survive a round trip") {
  for (const size_t size : {1u, 128u, 129u, 3'000u}) {
    for (const auto encoding : {SortedSetEncoding::listpack, SortedSetEncoding::skiplist}) {
      Members members;
      for (size_t i = 0; i < size; ++i) {
        members.emplace_back("member " + std::to_string(i), static_cast<double>(i) / 7);
      }
      const std::string payload = dumped(members, encoding);
      CHECK(restored_body(*verified_body(payload)) == members);
    }
  }
}

TEST_CASE("older types of sorted sets are read") {
  SECTION("scores as text") {
    const std::string body = std::string(
        "\x03\x04\x01"
        "a\x03"
        "1.5\x01"
        "b\xfe\x01"
        "c\xff\x01"
        "d\x01"
        "2",
        18);
    CHECK(restored_body(body) ==
          Members{{"c", -kInfinity}, {"a", 1.5}, {"d", 2}, {"b", kInfinity}});
  }
  SECTION("a ziplist") {
    // "a" 1.5, "12345" 2
    const std::string ziplist = from_hex("190000001600000004000001610303312e3505c0393004f3ff");
    std::string body(1, static_cast<char>(ValueType::zset_ziplist));
    append_string(ziplist, body);
    CHECK(restored_body(body) == Members{{"a", 1.5}, {"12345", 2}});
  }
}

TEST_CASE("what is no sorted set is refused") {
  CHECK(restored_body(scored({{"a", 1}, {"b", 0}})).has_value());
  CHECK_FALSE(restored_body(scored({})));
  CHECK_FALSE(restored_body(scored({{"a", 1}, {"a", 2}})));
  CHECK_FALSE(restored_body(scored({{"a", std::numeric_limits<double>::quiet_NaN()}})));
  CHECK_FALSE(restored_body(scored({{"a", 1}}) + "x"));
  CHECK_FALSE(restored_body(scored({{std::string(100, 'x'), 1}}), 99));
  std::string cut = scored({{"a", 1}});
  cut.pop_back();
  CHECK_FALSE(restored_body(cut));

  CHECK(restored_body(packed({"a", "2", "b", "1"})) == Members{{"b", 1}, {"a", 2}});
  CHECK_FALSE(restored_body(packed({})));
  CHECK_FALSE(restored_body(packed({"a", "1", "b"})));
  CHECK_FALSE(restored_body(packed({"a", "1", "a", "1"})));
  CHECK_FALSE(restored_body(packed({"a", "x"})));
  CHECK_FALSE(restored_body(packed({"a", ""})));
  CHECK_FALSE(restored_body(packed({"a", "1 "})));
  CHECK_FALSE(restored_body(packed({"a", "nan"})));

  CHECK_FALSE(
      restored_body(std::string("\x03\x01\x01"
                                "a\xfd",
                                5)));
  CHECK_FALSE(
      restored_body(std::string("\x03\x01\x01"
                                "a\x02"
                                "1",
                                6)));
  CHECK_FALSE(
      restored_body(std::string("\x03\x01\x01"
                                "a\x00",
                                5)));
}

}  // namespace larder::storage::rdb
