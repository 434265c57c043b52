#include "storage/rdb/set.h"

#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

using Members = std::set<std::string>;

constexpr uint64_t kAnyLength = uint64_t{1} << 40;
const KeyHasher kHasher(3);

Members contents(const Set& set) {
  Members members;
  NumberText scratch;
  set.for_each([&](const Set::Member& member) { members.emplace(member.bytes(scratch)); });
  return members;
}

struct Restored {
  Members members;
  SetEncoding encoding;
  bool operator==(const Restored&) const = default;
};

std::optional<Restored> restored_body(std::string_view body, uint64_t max_bytes = kAnyLength) {
  Object* object = read_object_body(body, max_bytes, kHasher);
  if (object == nullptr) return std::nullopt;
  object->verify();
  const Set& set = object->as<Set>();
  const Restored restored{contents(set), set.encoding()};
  Object::release(object);
  return restored;
}

std::string dumped(const Members& members, SetEncoding encoding) {
  Set* set = Set::create();
  for (const std::string& member : members) set->add(member, kHasher);
  set->set_encoding(encoding);
  std::string payload = dump_object(*set);
  Object::release(set);
  return payload;
}

std::string body_of(const std::string& payload) {
  const std::optional<std::string_view> body = verified_body(payload);
  REQUIRE(body);
  return std::string(*body);
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

std::string body_of(ValueType type, std::string_view packed) {
  std::string body(1, static_cast<char>(type));
  append_string(packed, body);
  return body;
}

std::string members_body(const std::vector<std::string>& members) {
  std::string body(1, static_cast<char>(ValueType::set));
  append_length(members.size(), body);
  for (const std::string& member : members) append_string(member, body);
  return body;
}

std::string intset(unsigned width, const std::vector<int64_t>& integers) {
  std::string bytes;
  append_little_endian(width, 4, bytes);
  append_little_endian(integers.size(), 4, bytes);
  for (const int64_t integer : integers) {
    append_little_endian(static_cast<uint64_t>(integer), width, bytes);
  }
  return bytes;
}

}  // namespace

TEST_CASE("a set's payload is the one that redis-server 7.0 writes") {
  const struct {
    Members members;
    SetEncoding encoding;
    const char* payload;
  } cases[] = {
      {{"1", "-2", "300"},
       SetEncoding::intset,
       "0b0e0200000003000000feff01002c010a005b0aa862f794600a"},
      {{"1", "-2", "70000"},
       SetEncoding::intset,
       "0b140400000003000000feffffff01000000701101000a0030527df8cc311f3b"},
      {{"1", "-2", "9999999999"},
       SetEncoding::intset,
       "0b200800000003000000feffffffffffffff0100000000000000ffe30b54020000000a00a924f386e826e17d"},
      {{"abc"}, SetEncoding::hashtable, "0201036162630a00a3cbec4c8c2f31f0"},
  };
  for (const auto& [members, encoding, hex] : cases) {
    const std::string payload = from_hex(hex);
    CHECK(dumped(members, encoding) == payload);
    CHECK(restored_body(body_of(payload)) == Restored{members, encoding});
  }
}

TEST_CASE("sets of every size and form are restored as they were") {
  for (const size_t count : {1u, 2u, 128u, 129u, 512u, 513u, 5'000u}) {
    Members integers;
    Members texts;
    for (size_t i = 0; i < count; ++i) {
      integers.insert(std::to_string(i * i * i * i));
      texts.insert("member " + std::to_string(i));
      texts.insert(std::to_string(i));
    }
    CHECK(restored_body(body_of(dumped(integers, SetEncoding::intset))) ==
          Restored{integers, SetEncoding::intset});
    CHECK(restored_body(body_of(dumped(integers, SetEncoding::hashtable))) ==
          Restored{integers, SetEncoding::hashtable});
    CHECK(restored_body(body_of(dumped(texts, SetEncoding::listpack))) ==
          Restored{texts, SetEncoding::hashtable});
  }
  // What is not all integers is no intset, whatever it is called.
  CHECK(restored_body(body_of(dumped({"a", "1"}, SetEncoding::intset))) ==
        Restored{{"a", "1"}, SetEncoding::hashtable});
}

TEST_CASE("the listpacks of Redis 7.2 are read") {
  const auto restored = [](const char* listpack) {
    return restored_body(body_of(ValueType::set_listpack, from_hex(listpack)));
  };
  CHECK(restored("100000000300816102020182626303ff") ==
        Restored{{"a", "2", "bc"}, SetEncoding::listpack});
  CHECK_FALSE(restored("0d0000000200816102816102ff"));        // a member twice
  CHECK_FALSE(restored("070000000000ff"));                    // none
  CHECK_FALSE(restored("100000000400816102020182626303ff"));  // another number of them
}

TEST_CASE("a set with anything missing, behind it, twice or out of order is malformed") {
  for (const SetEncoding encoding : {SetEncoding::intset, SetEncoding::hashtable}) {
    const std::string body = body_of(dumped({"1", "-2", "300", "70000"}, encoding));
    for (size_t length = 0; length < body.size(); ++length) {
      REQUIRE_FALSE(restored_body(body.substr(0, length)));
    }
    CHECK_FALSE(restored_body(body + '\0'));
  }
  CHECK(restored_body(members_body({"a", "b"})));
  CHECK_FALSE(restored_body(members_body({"a", "b", "a"})));
  CHECK_FALSE(restored_body(members_body({})));
  CHECK_FALSE(restored_body(members_body({"long enough"}), 5));
  const auto ints = [](unsigned width, const std::vector<int64_t>& integers) {
    return restored_body(body_of(ValueType::set_intset, intset(width, integers)));
  };
  CHECK(ints(4, {1, 2, 3}));
  CHECK_FALSE(ints(4, {1, 3, 2}));
  CHECK_FALSE(ints(4, {1, 1}));
  CHECK_FALSE(ints(3, {1, 2}));
  CHECK_FALSE(ints(2, {}));
  std::string longer = intset(2, {1, 2});
  longer[4] = 3;
  CHECK_FALSE(restored_body(body_of(ValueType::set_intset, longer)));
}

}  // namespace larder::storage::rdb
