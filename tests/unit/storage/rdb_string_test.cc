// Lengths and strings of RDB: the bytes that redis-server writes, every form that may be read, and
// nothing read that is not there.
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rdb/lzf.h"
#include "storage/rdb/reader.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

std::string written(std::string_view text) {
  std::string out;
  append_string(text, out);
  return out;
}

// The text of a string that takes all of `bytes`.
std::optional<std::string> read(std::string_view bytes, uint64_t max_bytes = kNoLimit) {
  Reader reader(bytes);
  std::string scratch;
  const std::optional<std::string_view> text = read_string(reader, max_bytes, scratch);
  if (!text || reader.left() != 0) return std::nullopt;
  return std::string(*text);
}

// A literal with zero bytes in it.
template <size_t N>
std::string bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

}  // namespace

TEST_CASE("lengths take the shortest form and read back") {
  const std::pair<uint64_t, std::string> cases[] = {
      {0, bytes("\x00")},
      {63, bytes("\x3f")},
      {64, bytes("\x40\x40")},
      {16383, bytes("\x7f\xff")},
      {16384, bytes("\x80\x00\x00\x40\x00")},
      {0xffffffff, bytes("\x80\xff\xff\xff\xff")},
      {0x100000000, bytes("\x81\x00\x00\x00\x01\x00\x00\x00\x00")},
      {kNoLimit, bytes("\x81\xff\xff\xff\xff\xff\xff\xff\xff")},
  };
  for (const auto& [length, form] : cases) {
    CAPTURE(length);
    std::string out = "before";
    append_length(length, out);
    CHECK(out == "before" + form);
    const std::string followed = form + "x";
    Reader reader(followed);
    CHECK(reader.plain_length() == length);
    CHECK(reader.left() == 1);
    for (size_t cut = 0; cut < form.size(); ++cut) {
      Reader torn(std::string_view(form).substr(0, cut));
      CHECK_FALSE(torn.length());
      CHECK(torn.left() == cut);
    }
  }
}

TEST_CASE("of the lengths that begin with the bits 10 only two exist") {
  for (unsigned first = 0x82; first < 0xc0; ++first) {
    const std::string form = static_cast<char>(first) + std::string(8, '\0');
    CHECK_FALSE(Reader(form).length());
  }
}

TEST_CASE("an encoding is no length") {
  Reader reader("\xc3");
  CHECK_FALSE(reader.plain_length());
  CHECK(reader.left() == 1);
  const std::optional<Length> length = reader.length();
  REQUIRE(length);
  CHECK(length->is_encoding);
  CHECK(length->value == 3);
}

TEST_CASE("strings are written as redis-server writes them") {
  const std::pair<std::string, std::string> cases[] = {
      {"", bytes("\x00")},
      {"a", bytes("\x01"
                  "a")},
      {"0", bytes("\xc0\x00")},
      {"-1", bytes("\xc0\xff")},
      {"127", bytes("\xc0\x7f")},
      {"-128", bytes("\xc0\x80")},
      {"128", bytes("\xc1\x80\x00")},
      {"-129", bytes("\xc1\x7f\xff")},
      {"32767", bytes("\xc1\xff\x7f")},
      {"-32768", bytes("\xc1\x00\x80")},
      {"32768", bytes("\xc2\x00\x80\x00\x00")},
      {"-32769", bytes("\xc2\xff\x7f\xff\xff")},
      {"2147483647", bytes("\xc2\xff\xff\xff\x7f")},
      {"-2147483648", bytes("\xc2\x00\x00\x00\x80")},
      {"2147483648",
       "\x0a"
       "2147483648"},
      {"-2147483649",
       "\x0b"
       "-2147483649"},
      {"9223372036854775807",
       "\x13"
       "9223372036854775807"},
      {"007",
       "\x03"
       "007"},
      {"-0",
       "\x02"
       "-0"},
      {std::string(20, 'a'), "\x14" + std::string(20, 'a')},
      {std::string(21, 'a'), bytes("\xc3\x06\x15\x01"
                                   "aa\xe0\x0a\x00")},
      {std::string(300, 'x'), bytes("\xc3\x0c\x41\x2c\x01xx\xe0\xff\x00\xe0\x17\x00\x01xx")},
  };
  for (const auto& [text, form] : cases) {
    CAPTURE(text);
    CHECK(written(text) == form);
    CHECK(read(form) == text);
  }
}

TEST_CASE("text that packing does not shorten is written as it is") {
  std::string text;
  for (int byte = 0; byte < 40; ++byte) text += static_cast<char>(byte);
  CHECK(written(text) == "\x28" + text);
}

TEST_CASE("every text reads back, and nothing less than all of its bytes does") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text(random() % 400, '\0');
    const auto letters = 1 + random() % 256;
    for (char& letter : text) letter = static_cast<char>(random() % letters);
    const std::string form = written(text);
    CHECK(form.size() <= text.size() + 9);
    CHECK(read(form) == text);
    for (size_t cut = 0; cut < form.size(); ++cut) CHECK_FALSE(read(form.substr(0, cut)));
  }
}

TEST_CASE("integers may stand in a wider form than they need") {
  CHECK(read(bytes("\xc2\x05\x00\x00\x00")) == "5");
  CHECK(read(bytes("\xc1\xff\xff")) == "-1");
}

TEST_CASE("lengths may stand in a longer form than they need") {
  CHECK(read(bytes("\x40\x01z")) == "z");
  CHECK(read(bytes("\x80\x00\x00\x00\x01z")) == "z");
  CHECK(read(bytes("\x81\x00\x00\x00\x00\x00\x00\x00\x01z")) == "z");
}

TEST_CASE("strings that are not what they say are refused") {
  const std::string cases[] = {
      "",
      bytes("\xc4"),  // an unknown encoding
      bytes("\xff"),  //
      bytes("\x02"
            "a"),                                     // shorter than it says
      bytes("\x80\xff\xff\xff\xff"),                  //
      bytes("\x81\xff\xff\xff\xff\xff\xff\xff\xff"),  //
      bytes("\xc0"),                                  // integers cut short
      bytes("\xc1\x01"),                              //
      bytes("\xc2\x01\x02\x03"),                      //
      bytes("\xc3"),                                  // packed, cut short
      bytes("\xc3\x06"),                              //
      bytes("\xc3\x06\x15\x01"
            "aa\xe0\x0a"),  //
      bytes("\xc3\x06\x14\x01"
            "aa\xe0\x0a\x00"),  // unpacks to more than said
      bytes("\xc3\x06\x16\x01"
            "aa\xe0\x0a\x00"),  // to less
      bytes("\xc3\x06\x15\x01"
            "aa\xe0\x0a\x7f"),    // points before its begin
      bytes("\xc3\x01\x00\x00"),  // to nothing
      bytes("\xc3\xc2\x01\x00"
            "a"),  // an encoding as a length
      bytes("\xc3\x02\xc1\x00"
            "a"),  //
  };
  for (const std::string& form : cases) CHECK_FALSE(read(form));
}

TEST_CASE("what is too long is refused before it takes memory") {
  CHECK(read("\x03"
             "abc",
             3) == "abc");
  CHECK_FALSE(
      read("\x03"
           "abc",
           2));
  CHECK(read(bytes("\xc1\x00\x80"), 6) == "-32768");
  CHECK_FALSE(read(bytes("\xc1\x00\x80"), 5));
  const std::string packed = written(std::string(1000, 'a'));
  CHECK(read(packed, 1000));
  CHECK_FALSE(read(packed, 999));

  // Eight bytes that say they are 2 GB or all there is: the capacity of the scratch tells.
  for (const std::string& form : {bytes("\xc3\x02\x80\x7f\xff\xff\xff\x00"
                                        "a"),
                                  bytes("\xc3\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00"
                                        "a")}) {
    Reader reader(form);
    std::string scratch;
    CHECK_FALSE(read_string(reader, kNoLimit, scratch));
    CHECK(scratch.capacity() < 1000);
  }
}

TEST_CASE("the most that packed bytes can make is known") {
  CHECK(lzf_most_unpacked(kNoLimit) == kNoLimit);
  for (const size_t length : {100, 10'000, 3'000'000}) {
    const std::string text(length, 'a');
    const std::optional<std::string> packed = lzf_pack(text);
    REQUIRE(packed);
    CHECK(lzf_most_unpacked(packed->size()) >= length);
    std::string unpacked = "before";
    CHECK(lzf_unpack(*packed, length, unpacked));
    CHECK(unpacked == text);
  }
}

TEST_CASE("packing the same text gives the same bytes, whatever was packed before") {
  std::mt19937 random(11);
  std::vector<std::string> texts;
  std::vector<std::optional<std::string>> first;
  for (int i = 0; i < 200; ++i) {
    std::string text(21 + random() % 2000, '\0');
    const auto letters = 2 + random() % 20;
    for (char& letter : text) letter = static_cast<char>('a' + random() % letters);
    texts.push_back(text);
    first.push_back(lzf_pack(text));
  }
  for (size_t i = texts.size(); i-- > 0;) CHECK(lzf_pack(texts[i]) == first[i]);
}

}  // namespace larder::storage::rdb
