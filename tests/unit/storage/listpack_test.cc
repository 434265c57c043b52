#include "storage/listpack.h"

#include <catch2/catch.hpp>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace larder::storage::listpack {
namespace {

std::string written(std::string_view element) {
  const NewEntry entry(element);
  std::string bytes(entry.size(), '\x55');
  entry.write(bytes.data());
  return bytes;
}

std::string text_of(const Value& value) {
  NumberText scratch;
  return std::string(value.bytes(scratch));
}

// All elements, or nothing if it is malformed.
std::optional<std::vector<std::string>> elements_of(const std::string& listpack) {
  std::vector<std::string> elements;
  if (!read(listpack, [&](const Value& value) { elements.push_back(text_of(value)); })) {
    return std::nullopt;
  }
  return elements;
}

std::string listpack_of(const std::vector<std::string>& elements) {
  std::string entries;
  for (const std::string& element : elements) entries += written(element);
  std::string listpack;
  append_listpack(entries, elements.size(), listpack);
  return listpack;
}

// Elements of every form, and next to the borders between forms.
std::vector<std::string> some_elements() {
  std::vector<std::string> elements{"", "a", "-", "-0", "01", "+1", "9223372036854775808", " 1"};
  for (const int bits : {0, 6, 7, 11, 12, 13, 15, 16, 23, 24, 31, 32, 62}) {
    for (const int64_t near : {-1, 0, 1}) {
      elements.push_back(std::to_string((int64_t{1} << bits) + near));
      elements.push_back(std::to_string(-(int64_t{1} << bits) + near));
    }
  }
  elements.push_back(std::to_string(std::numeric_limits<int64_t>::min()));
  elements.push_back(std::to_string(std::numeric_limits<int64_t>::max()));
  for (const size_t length : {62u, 63u, 64u, 125u, 126u, 127u, 4094u, 4095u, 4096u, 16'376u,
                              16'377u, 16'378u, 16'379u, 70'000u}) {
    elements.emplace_back(length, 'x');
  }
  return elements;
}

}  // namespace

TEST_CASE("entries look as Redis writes them") {
  CHECK(written("0") == std::string("\x00\x01", 2));
  CHECK(written("127") == "\x7f\x01");
  CHECK(written("128") == std::string("\xc0\x80\x02", 3));
  CHECK(written("-1") == "\xdf\xff\x02");
  CHECK(written("4096") == std::string("\xf1\x00\x10\x03", 4));
  CHECK(written("-8388608") == std::string("\xf2\x00\x00\x80\x04", 5));
  CHECK(written("hello") == "\x85hello\x06");
  CHECK(written(std::string(100, 'x')) == "\xe0\x64" + std::string(100, 'x') + "\x66");
  CHECK(written(std::string(200, 'x')) == "\xe0\xc8" + std::string(200, 'x') + "\x01\xca");
  CHECK(listpack_of({"a"}) == std::string("\x0a\x00\x00\x00\x01\x00\x81"
                                          "a\x02\xff",
                                          10));
}

TEST_CASE("every element is read as it was written, in both directions") {
  const std::vector<std::string> elements = some_elements();
  std::string entries;
  for (const std::string& element : elements) {
    const std::string entry = written(element);
    CHECK(text_of(value_of(entry.data())) == element);
    CHECK(next(entry.data()) == entry.data() + entry.size());
    CHECK(previous(entry.data() + entry.size()) == entry.data());
    for (const std::string& other : elements) {
      CHECK(NewEntry(other).is_at(entry.data()) == (other == element));
    }
    entries += entry;
  }
  CHECK(elements_of(listpack_of(elements)) == elements);
  const char* at = entries.data() + entries.size();
  for (size_t i = elements.size(); i-- > 0;) {
    at = previous(at);
    CHECK(text_of(value_of(at)) == elements[i]);
  }
  CHECK(at == entries.data());
}

TEST_CASE("a listpack of more elements than its header can say is read all the same") {
  const std::vector<std::string> elements(70'000, "7");
  CHECK(elements_of(listpack_of(elements)) == elements);
}

TEST_CASE("a listpack with any byte missing or behind it is malformed") {
  const std::string whole = listpack_of({"a", "12345", std::string(70, 'x'), "-7"});
  for (size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(elements_of(whole.substr(0, length)));
    std::string relabelled = whole.substr(0, length);
    for (size_t i = 0; i < 4 && i < length; ++i) {
      relabelled[i] = static_cast<char>(length >> 8 * i & 0xff);
    }
    CHECK_FALSE(elements_of(relabelled));
  }
  CHECK_FALSE(elements_of(whole + '\xff'));
}

TEST_CASE("malformed listpacks are refused and nothing outside them is read") {
  // Wrong length behind an entry, a text longer than what is left, forms that do not exist.
  CHECK_FALSE(elements_of(std::string("\x0a\x00\x00\x00\x01\x00\x81"
                                      "a\x03\xff",
                                      10)));
  CHECK_FALSE(elements_of(std::string("\x0a\x00\x00\x00\x01\x00\x82"
                                      "a\x02\xff",
                                      10)));
  CHECK_FALSE(elements_of(std::string("\x0c\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\xff", 12)));
  CHECK_FALSE(elements_of(std::string("\x09\x00\x00\x00\x01\x00\xf5\x01\xff", 9)));
  CHECK_FALSE(elements_of(std::string("\x07\x00\x00\x00\x01\x00\xff", 7)));
  CHECK(elements_of(std::string("\x07\x00\x00\x00\x00\x00\xff", 7)) == std::vector<std::string>{});
  CHECK(elements_of(std::string("\x07\x00\x00\x00\xff\xff\xff", 7)) == std::vector<std::string>{});
  std::mt19937_64 random(7);
  const std::string whole = listpack_of(some_elements());
  for (int i = 0; i < 5'000; ++i) {
    std::string spoilt = whole;
    for (int changes = 0; changes < 1 + i % 3; ++changes) {
      spoilt[random() % spoilt.size()] = static_cast<char>(random());
    }
    static_cast<void>(elements_of(spoilt));
  }
}

TEST_CASE("integers in longer forms than needed are read") {
  const std::string seven(
      "\x10\x00\x00\x00\x01\x00\xf4\x07\x00\x00\x00\x00\x00\x00\x00\x09\xff", 17);
  std::string sized = seven;
  sized[0] = 17;
  CHECK(elements_of(sized) == std::vector<std::string>{"7"});
  CHECK_FALSE(elements_of(seven));
}

}  // namespace larder::storage::listpack
