#include "storage/rdb/hash.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

// By name: value and deadline.
using Fields = std::map<std::string, std::pair<std::string, int64_t>>;

constexpr uint64_t kAnyLength = uint64_t{1} << 40;
const KeyHasher kHasher(3);

Fields contents(const HashObject& hash) {
  Fields fields;
  hash.for_each([&](const HashObject::Field& field) {
    NumberText name;
    NumberText value;
    fields[std::string(field.name.bytes(name))] = {std::string(field.value.bytes(value)),
                                                   field.deadline_ms};
  });
  return fields;
}

struct Restored {
  Fields fields;
  HashEncoding encoding;
  bool operator==(const Restored&) const = default;
};

std::optional<Restored> restored_body(std::string_view body, uint64_t max_bytes = kAnyLength,
                                      uint16_t version = kWrittenVersion) {
  Object* object = read_object_body(body, max_bytes, kHasher, version);
  if (object == nullptr) return std::nullopt;
  object->verify();
  const HashObject& hash = object->as<HashObject>();
  const Restored restored{contents(hash), hash.encoding()};
  Object::release(object);
  return restored;
}

std::string dumped(const std::vector<std::pair<std::string, std::string>>& fields,
                   HashEncoding encoding) {
  HashObject* hash = HashObject::create();
  for (const auto& [name, value] : fields) hash->set(name, value, kNoDeadline, kHasher);
  hash->set_encoding(encoding);
  std::string payload = dump_object(*hash);
  Object::release(hash);
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

std::string packed_body(ValueType type, std::string_view packed, std::string before = {}) {
  std::string body(1, static_cast<char>(type));
  body += before;
  append_string(packed, body);
  return body;
}

std::string listpack_of(const std::vector<std::string>& texts) {
  std::string entries;
  for (const std::string& text : texts) {
    const listpack::NewEntry entry(text);
    entries.resize(entries.size() + entry.size());
    entry.write(entries.data() + entries.size() - entry.size());
  }
  std::string bytes;
  listpack::append_listpack(entries, texts.size(), bytes);
  return bytes;
}

std::string little_endian(uint64_t value) {
  std::string bytes;
  append_little_endian(value, 8, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("a hash's payload is the one that redis-server 7.0 writes") {
  const std::string packed =
      from_hex("10151500000004008161020101826263038378797a04ff0a003f72979406685b98");
  CHECK(dumped({{"a", "1"}, {"bc", "xyz"}}, HashEncoding::listpack) == packed);
  CHECK(
      restored_body(body_of(packed)) ==
      Restored{{{"a", {"1", kNoDeadline}}, {"bc", {"xyz", kNoDeadline}}}, HashEncoding::listpack});
  const std::string ones(70, '1');
  const std::string plain = from_hex("04010161c3094046013131e039000131310a00111e0a16572758b5");
  CHECK(dumped({{"a", ones}}, HashEncoding::hashtable) == plain);
  CHECK(restored_body(body_of(plain)) ==
        Restored{{{"a", {ones, kNoDeadline}}}, HashEncoding::hashtable});
}

TEST_CASE("hashes with deadlines are written and read as by Redis 7.4") {
  for (const HashEncoding encoding : {HashEncoding::listpackex, HashEncoding::hashtable}) {
    for (const size_t count : {3u, 600u}) {
      HashObject* hash = HashObject::create();
      for (size_t i = 0; i < count; ++i) {
        const int64_t deadline =
            i % 3 == 0 ? kNoDeadline : 1'800'000'000'000 - static_cast<int64_t>(i);
        hash->set("f" + std::to_string(i), std::to_string(i), deadline, kHasher);
      }
      hash->set_encoding(encoding);
      const std::string payload = dump_object(*hash);
      CHECK(payload[payload.size() - kFooterBytes] == 12);  // no Redis before 7.4 takes it
      CHECK(payload[0] == (encoding == HashEncoding::hashtable ? 24 : 25));
      CHECK(restored_body(body_of(payload)) == Restored{contents(*hash), encoding});
      Object::release(hash);
    }
  }
}

TEST_CASE("the order of a listpack with deadlines is theirs") {
  HashObject* hash = HashObject::create();
  hash->set("none", "a", kNoDeadline, kHasher);
  hash->set("late", "b", 2'000, kHasher);
  hash->set("soon", "c", 1'000, kHasher);
  hash->set_encoding(HashEncoding::listpackex);
  CHECK(body_of(dump_object(*hash)) ==
        packed_body(ValueType::hash_listpack_ex,
                    listpack_of({"soon", "c", "1000", "late", "b", "2000", "none", "a", "0"}),
                    little_endian(1'000)));
  Object::release(hash);
}

TEST_CASE("hashes in all other types are read") {
  const Fields fields{{"a", {"1", kNoDeadline}}, {"bb", {"xy", kNoDeadline}}};
  const std::string zipmap = std::string(
                                 "\x02\x01"
                                 "a"
                                 "\x01\x00"
                                 "1"
                                 "\x02"
                                 "bb"
                                 "\x02\x01"
                                 "xy"
                                 "z",
                                 14) +
                             '\xff';
  CHECK(restored_body(packed_body(ValueType::hash_zipmap, zipmap)) ==
        Restored{fields, HashEncoding::hashtable});
  const std::string ziplist = from_hex("1800000013000000040000016103f20202626204027879ff");
  CHECK(restored_body(packed_body(ValueType::hash_ziplist, ziplist)) ==
        Restored{fields, HashEncoding::listpack});
  const Fields timed{{"a", {"1", 5'000}}, {"bb", {"xy", kNoDeadline}}};
  CHECK(restored_body(packed_body(ValueType::hash_early_listpack_ex,
                                  listpack_of({"a", "1", "5000", "bb", "xy", "0"}))) ==
        Restored{timed, HashEncoding::listpackex});
  std::string early(1, static_cast<char>(ValueType::hash_early_deadlines));
  append_length(2, early);
  append_length(5'000, early);
  append_string("a", early);
  append_string("1", early);
  append_length(0, early);
  append_string("bb", early);
  append_string("xy", early);
  CHECK(restored_body(early) == Restored{timed, HashEncoding::hashtable});
}

TEST_CASE("hashes with deadlines are read from Valkey, whose types are others") {
  std::string body(1, static_cast<char>(kValkeyHash));
  append_length(2, body);
  append_string("a", body);
  append_string("1", body);
  body += little_endian(5'000);
  append_string("bb", body);
  append_string("xy", body);
  body += little_endian(UINT64_MAX);
  const Fields timed{{"a", {"1", 5'000}}, {"bb", {"xy", kNoDeadline}}};
  CHECK(restored_body(body, kAnyLength, 80) == Restored{timed, HashEncoding::hashtable});
  CHECK(restored_body(body, kAnyLength, 81) == Restored{timed, HashEncoding::hashtable});
  CHECK_FALSE(restored_body(body, kAnyLength, 12));
  CHECK_FALSE(restored_body(body, 1, 80));
  for (size_t length = 0; length < body.size(); ++length) {
    REQUIRE_FALSE(restored_body(body.substr(0, length), kAnyLength, 80));
  }
  CHECK_FALSE(restored_body(body + '\0', kAnyLength, 80));
  const size_t second = body.size() - 8;
  for (const int64_t wrong : {int64_t{0}, int64_t{-2}, HashObject::kLastDeadline + 1}) {
    body.replace(second, 8, little_endian(static_cast<uint64_t>(wrong)));
    CHECK_FALSE(restored_body(body, kAnyLength, 80));
  }
  // What Redis calls so is unknown there.
  const std::string redis = packed_body(ValueType::hash_listpack_ex,
                                        listpack_of({"a", "1", "1000"}), little_endian(1'000));
  CHECK(restored_body(redis, kAnyLength, 12));
  CHECK_FALSE(restored_body(redis, kAnyLength, 80));
  std::string payload = redis;
  append_footer(payload, 80);
  CHECK(version_of(payload) == 80);
}

TEST_CASE("a hash with anything missing, behind it or twice is malformed") {
  for (const HashEncoding encoding : {HashEncoding::listpack, HashEncoding::hashtable}) {
    const std::string body = body_of(dumped({{"a", "1"}, {"b", std::string(30, 'x')}}, encoding));
    REQUIRE(restored_body(body));
    for (size_t length = 0; length < body.size(); ++length) {
      REQUIRE_FALSE(restored_body(body.substr(0, length)));
    }
    CHECK_FALSE(restored_body(body + '\0'));
  }
  const auto packed = [](const std::vector<std::string>& texts) {
    return restored_body(packed_body(ValueType::hash_listpack, listpack_of(texts)));
  };
  CHECK(packed({"a", "1", "b", "1"}));
  CHECK_FALSE(packed({"a", "1", "a", "1"}));
  CHECK_FALSE(packed({"a", "1", "b"}));
  CHECK_FALSE(packed({}));
  const auto timed = [](const std::vector<std::string>& texts) {
    return restored_body(
        packed_body(ValueType::hash_listpack_ex, listpack_of(texts), little_endian(1'000)));
  };
  CHECK(timed({"a", "1", "1000"}));
  CHECK_FALSE(timed({"a", "1"}));
  CHECK_FALSE(timed({"a", "1", "x"}));
  CHECK_FALSE(timed({"a", "1", "-5"}));
}

}  // namespace larder::storage::rdb
