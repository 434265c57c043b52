#include "storage/rdb/list.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"
#include "storage/rdb/ziplist.h"

namespace larder::storage::rdb {
namespace {

using Elements = std::vector<std::string>;

constexpr uint64_t kAnyLength = uint64_t{1} << 40;
const KeyHasher kHasher(3);

Elements contents(const List& list) {
  Elements elements;
  NumberText scratch;
  for (List::Cursor at = list.first(End::front); at; at.next()) {
    elements.emplace_back(at.element().bytes(scratch));
  }
  return elements;
}

std::optional<Elements> restored_body(std::string_view body, uint64_t max_bytes = kAnyLength) {
  Object* object = read_object_body(body, max_bytes, kHasher);
  if (object == nullptr) return std::nullopt;
  object->verify();
  Elements elements;
  if (object->type() == Type::list) elements = contents(object->as<List>());
  const bool is_list = object->type() == Type::list;
  Object::release(object);
  return is_list ? std::optional(elements) : std::nullopt;
}

std::optional<Elements> restored(const std::string& payload) {
  const std::optional<std::string_view> body = verified_body(payload);
  if (!body) return std::nullopt;
  return restored_body(*body);
}

std::string dumped(const Elements& elements) {
  List* list = List::create();
  for (const std::string& element : elements) list->push(End::back, element);
  std::string payload = dump_object(*list);
  Object::release(list);
  return payload;
}

std::string body_of(ValueType type, const std::vector<std::string>& parts, bool counted = true) {
  std::string body(1, static_cast<char>(type));
  if (counted) append_length(parts.size(), body);
  for (const std::string& part : parts) append_string(part, body);
  return body;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

// "a", 5, 300, -7, "hello"
const std::string kZiplist = from_hex(
    "1e00000016000000050000016103f602c02c0104fef9030568656c6c6fff");
const Elements kZiplistElements{"a", "5", "300", "-7", "hello"};

}  // namespace

TEST_CASE("a list's payload is the one that redis-server 7.0 writes") {
  const Elements elements{"a", "12345", "-7", "hello" + std::string(70, 'x'), "300", "70000",
                          "9999999999"};
  const std::string payload = from_hex(
      "120102c331407117710000000700816102f1393003dff902e04b68656c6c6f78e03c000e4dc12c02f270110104f4"
      "ffe30b5402206a0109ff0a0065a4444e3f80b6b0");
  CHECK(dumped(elements) == payload);
  CHECK(restored(payload) == elements);
}

TEST_CASE("lists of every size are restored as they were") {
  for (const size_t length : {0u, 1u, 63u, 64u, 4096u, 8170u, 8190u, 100'000u}) {
    for (const size_t count : {1u, 2u, 700u}) {
      if (length * count > 1'000'000) continue;
      Elements elements;
      for (size_t i = 0; i < count; ++i) {
        elements.emplace_back(length, static_cast<char>('a' + i % 26));
        elements.push_back(std::to_string(i * i * i));
      }
      CHECK(restored(dumped(elements)) == elements);
    }
  }
}

TEST_CASE("lists in the types of older Redis are read") {
  const Elements elements{"a", "5", std::string(100, 'x')};
  CHECK(restored_body(body_of(ValueType::list, elements)) == elements);
  CHECK(restored_body(body_of(ValueType::list_ziplist, {kZiplist}, false)) == kZiplistElements);
  Elements twice = kZiplistElements;
  twice.insert(twice.end(), kZiplistElements.begin(), kZiplistElements.end());
  CHECK(restored_body(body_of(ValueType::list_quicklist, {kZiplist, kZiplist})) == twice);
}

TEST_CASE("an element of a container of its own is read") {
  std::string body(1, static_cast<char>(ValueType::list_quicklist_2));
  append_length(2, body);
  append_length(1, body);
  append_string("alone", body);
  append_length(2, body);
  append_string(from_hex("0a0000000100816102ff"), body);
  CHECK(restored_body(body) == Elements{"alone", "a"});
  CHECK_FALSE(restored_body(body, 9));  // the listpack has 10 bytes
  body[2] = 3;
  CHECK_FALSE(restored_body(body));
}

TEST_CASE("a list with anything missing, behind it or without elements is malformed") {
  const std::string payload = dumped({"a", "b", std::string(20'000, 'x'), "1"});
  const std::string body = payload.substr(0, payload.size() - kFooterBytes);
  REQUIRE(restored_body(body));
  for (size_t length = 0; length < body.size(); ++length) {
    REQUIRE_FALSE(restored_body(body.substr(0, length)));
  }
  CHECK_FALSE(restored_body(body + '\0'));
  CHECK_FALSE(restored_body(body_of(ValueType::list, {})));
  CHECK_FALSE(restored_body(body_of(ValueType::list_quicklist, {})));
  CHECK_FALSE(restored_body(body_of(ValueType::list_quicklist_2, {})));
  const std::string empty_ziplist = from_hex("0b0000000a0000000000ff");
  CHECK_FALSE(restored_body(body_of(ValueType::list_quicklist, {empty_ziplist})));
  CHECK(restored_body(body_of(ValueType::list_quicklist, {empty_ziplist, kZiplist})) ==
        kZiplistElements);
  // More of them than there are bytes.
  std::string many(1, static_cast<char>(ValueType::list));
  append_length(UINT64_MAX, many);
  append_string("a", many);
  CHECK_FALSE(restored_body(many));
  for (int type = 2; type < 256; ++type) {
    if (type == 10 || type == 14 || type == 18) continue;
    std::string other = body_of(ValueType::list, {"a"});
    other[0] = static_cast<char>(type);
    CHECK_FALSE(restored_body(other));
  }
}

TEST_CASE("a ziplist with any byte missing or changed is refused or read within its bounds") {
  const auto is_sound = [](const std::string& ziplist) {
    size_t bytes = 0;
    return read_ziplist(ziplist, [&](const listpack::Value& value) { bytes += value.text.size(); });
  };
  CHECK(is_sound(kZiplist));
  CHECK_FALSE(is_sound(kZiplist + '\xff'));
  for (size_t at = 0; at < kZiplist.size(); ++at) {
    CHECK_FALSE(is_sound(kZiplist.substr(0, at)));
    for (int value = 0; value < 256; ++value) {
      std::string changed = kZiplist;
      changed[at] = static_cast<char>(value);
      // Of header, lengths and encodings only the count may be unknown.
      const bool is_header = at < 8;
      const bool is_sound_now = is_sound(changed);
      if (is_header) REQUIRE(is_sound_now == (changed == kZiplist));
    }
  }
}

}  // namespace larder::storage::rdb
