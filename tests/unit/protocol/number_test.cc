#include "protocol/number.h"

#include <catch2/catch.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

namespace larder::protocol {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::string text_of(int64_t value) {
  char text[kMaxInt64Chars];
  return {text, write_int64(value, text)};
}

std::string text_of_real(double value) {
  char text[kMaxRealChars];
  return {text, write_real(value, text)};
}

std::string text_of_long_double(long double value) {
  static char text[kMaxLongDoubleChars];
  return {text, write_long_double(value, text)};
}

TEST_CASE("integers are written as std::to_string writes them") {
  for (const int64_t value : {int64_t{0}, int64_t{9}, int64_t{-1}, int64_t{-10}, kMin, kMax}) {
    CHECK(text_of(value) == std::to_string(value));
  }
  // Around every power of ten, where the number of digits changes.
  int64_t power = 1;
  for (int digits = 1; digits <= 18; ++digits, power *= 10) {
    for (const int64_t value : {power - 1, power, power + 1, -power, 1 - power}) {
      CHECK(text_of(value) == std::to_string(value));
    }
  }
}

TEST_CASE("what is written as an integer is read as the same integer") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const auto value = static_cast<int64_t>(random() >> (random() % 64)) * (i % 2 == 0 ? 1 : -1);
    CHECK(parse_int64(text_of(value)) == value);
  }
  CHECK(parse_int64(text_of(kMin)) == kMin);
  CHECK(parse_int64(text_of(kMax)) == kMax);
}

TEST_CASE("integers are read strictly") {
  for (const char* text : {"",
                           "-",
                           "+1",
                           " 1",
                           "1 ",
                           "01",
                           "-01",
                           "00",
                           "-0",
                           "0x10",
                           "1.0",
                           "1e3",
                           "--1",
                           "1-",
                           "a",
                           "9223372036854775808",
                           "-9223372036854775809",
                           "18446744073709551616",
                           "99999999999999999999",
                           "-99999999999999999999",
                           "123456789012345678901234567890"}) {
    INFO(text);
    CHECK_FALSE(parse_int64(text).has_value());
  }
  CHECK_FALSE(parse_int64(std::string(5000, '9')).has_value());
  CHECK_FALSE(parse_int64(std::string_view("1\0", 2)).has_value());
}

TEST_CASE("doubles are laid out as Redis prints them") {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {1.0, "1"},
      {-3.0, "-3"},
      {10.5, "10.5"},
      {0.1, "0.1"},
      {3.14159, "3.14159"},
      {0.0001, "0.0001"},
      {0.000001, "0.000001"},
      {0.0000001, "1e-7"},
      {1.5e-9, "1.5e-9"},
      // From seven decimals on it is the exponent that decides.
      {1234.5678901234567, "1234.5678901234567"},
      {12345.678901234567, "1.2345678901234567e+4"},
      {0.0012345678, "0.0012345678"},
      {0.00012345678, "1.2345678e-4"},
      {4503599627370496.0, "4503599627370496"},
      {1e15, "1000000000000000"},
      {1e16, "1e+16"},
      {1e20, "1e+20"},
      {1.2e21, "1.2e+21"},
      {12345678901234567890.0, "12345678901234567000"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {-2.5, "-2.5"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) CHECK(text_of_real(value) == text);
}

TEST_CASE("any double reads back as itself") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (i % 2 == 0) value = static_cast<double>(static_cast<int64_t>(bits >> (i % 60))) / 1000;
    if (!std::isfinite(value)) continue;
    const std::string text = text_of_real(value);
    double back = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), back);
    INFO(text);
    CHECK(read.ec == std::errc());
    CHECK(read.ptr == text.data() + text.size());
    CHECK(std::memcmp(&back, &value, sizeof(value)) == 0);
  }
}

TEST_CASE("long doubles are read as strtold reads the whole text") {
  CHECK(parse_long_double("3.0e3") == 3000.0L);
  CHECK(parse_long_double("-5.25") == -5.25L);
  CHECK(parse_long_double("+5") == 5.0L);
  CHECK(parse_long_double("0x10") == 16.0L);
  CHECK(parse_long_double(".5") == 0.5L);
  CHECK(parse_long_double("010") == 10.0L);
  CHECK(parse_long_double("inf") == std::numeric_limits<long double>::infinity());
  CHECK(parse_long_double("-infinity") == -std::numeric_limits<long double>::infinity());
  CHECK(parse_long_double("1" + std::string(5000, '0')).has_value() ==
        (std::numeric_limits<long double>::max_exponent10 >= 5000));
  for (const char* text : {"", " 1", "1 ", "\t1", "nan", "-nan", "abc", "1.5abc", "1..5", "e5",
                           "1e5000", "-1e5000", "1e-5000", "0x", "--1", "1\n"}) {
    INFO(text);
    CHECK_FALSE(parse_long_double(text).has_value());
  }
  CHECK_FALSE(parse_long_double(std::string_view("1\0", 2)).has_value());
  CHECK_FALSE(parse_long_double(std::string_view("\0", 1)).has_value());
  CHECK_FALSE(parse_long_double(std::string(kMaxLongDoubleChars, '0')).has_value());
  CHECK(parse_long_double(std::string(kMaxLongDoubleChars - 1, '0')) == 0.0L);
}

TEST_CASE("long doubles are written for people") {
  CHECK(text_of_long_double(10.6L) == "10.6");
  CHECK(text_of_long_double(3000.0L) == "3000");
  CHECK(text_of_long_double(0.0L) == "0");
  CHECK(text_of_long_double(-0.0L) == "0");
  CHECK(text_of_long_double(-1e-30L) == "0");
  CHECK(text_of_long_double(-0.5L) == "-0.5");
  CHECK(text_of_long_double(100.0L) == "100");
  CHECK(text_of_long_double(1e20L) == "100000000000000000000");
  const std::string largest = text_of_long_double(std::numeric_limits<long double>::max());
  CHECK(parse_long_double(largest) == std::numeric_limits<long double>::max());
}

TEST_CASE("doubles are read as scores are") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(parse_double("0") == 0.0);
  CHECK(parse_double("007") == 7.0);
  CHECK(parse_double("123456789012345") == 123456789012345.0);
  CHECK(parse_double("9007199254740993") == 9007199254740992.0);
  CHECK(parse_double("-1.5e3") == -1500.0);
  CHECK(parse_double("0.1") == 0.1);
  CHECK(parse_double("0x10") == 16.0);
  CHECK(parse_double("+inf") == infinity);
  CHECK(std::signbit(*parse_double("-0")));
  for (const char* text : {"", " 1", "1 ", "1x", "nan", "1e400", "1e-400", "1,5", "--1"}) {
    INFO(text);
    CHECK_FALSE(parse_double(text));
  }
  CHECK_FALSE(parse_double(std::string_view("1\0", 2)));
}

TEST_CASE("doubles at the ends of ranges are read as C strings are") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(parse_lenient_double("") == 0.0);
  CHECK(parse_lenient_double(" 2") == 2.0);
  CHECK(parse_lenient_double("1e400") == infinity);
  CHECK(parse_lenient_double("1e-400") == 0.0);
  CHECK(parse_lenient_double(std::string_view("3\0x", 3)) == 3.0);
  for (const char* text : {"2 ", "x", "1x", "nan"}) {
    INFO(text);
    CHECK_FALSE(parse_lenient_double(text));
  }
  CHECK_FALSE(parse_lenient_double(std::string(kMaxLongDoubleChars, '1')));
}

}  // namespace
}  // namespace larder::protocol
