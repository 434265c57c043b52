// Which texts are integers, and what sizes round to.
#include "storage/value.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

#include "storage/size_class.h"

namespace larder::storage {

TEST_CASE("canonical integers are recognised") {
  const int64_t numbers[] = {0,
                             1,
                             -1,
                             9,
                             10,
                             -10,
                             1234567890123,
                             std::numeric_limits<int64_t>::max(),
                             std::numeric_limits<int64_t>::min()};
  for (const int64_t number : numbers) {
    int64_t parsed = 77;
    CHECK(parse_canonical_integer(std::to_string(number), &parsed));
    CHECK(parsed == number);
  }
}

TEST_CASE("what an integer is not written as stays a text") {
  const char* texts[] = {"",
                         "-",
                         "+1",
                         " 1",
                         "1 ",
                         "01",
                         "-0",
                         "-01",
                         "00",
                         "1.0",
                         "1e3",
                         "0x10",
                         "--1",
                         "a",
                         "1a",
                         "-a",
                         "9223372036854775808",
                         "-9223372036854775809",
                         "99999999999999999999",
                         "111111111111111111111"};
  for (const char* text : texts) {
    int64_t parsed = 0;
    CAPTURE(text);
    CHECK_FALSE(parse_canonical_integer(text, &parsed));
  }
  int64_t parsed = 0;
  CHECK_FALSE(parse_canonical_integer(std::string_view("1\0", 2), &parsed));
}

TEST_CASE("size classes hold what they are asked for and waste at most a quarter") {
  for (size_t bytes = 1; bytes < 100'000; ++bytes) {
    const size_t rounded = round_to_class(bytes);
    REQUIRE(rounded >= bytes);
    REQUIRE(rounded - bytes <= (bytes <= 128 ? 15 : bytes / 4));
    REQUIRE(round_to_class(rounded) == rounded);
    REQUIRE(size_class_of(bytes) <= size_class_of(bytes + 1));
  }
  for (unsigned size_class = 0; size_class < 110; ++size_class) {
    REQUIRE(size_class_of(size_of_class(size_class)) == size_class);
    REQUIRE(size_class_of(size_of_class(size_class) + 1) == size_class + 1);
  }
}

}  // namespace larder::storage
