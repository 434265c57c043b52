// Numbers as text, in exactly the spellings Redis reads and writes.
//
// Strict readers: what they accept is what a client could have been sent, and nothing else. They
// never allocate and never throw. Writers put their text at `out` and return its end; the caller
// gives the room named beside each.
//
// Not here: memory sizes ("100mb") and the like, which are the configuration's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::protocol {

// Longest text of an int64_t: "-9223372036854775808".
inline constexpr size_t kMaxInt64Chars = 20;
// Longest text written by write_real: sign, 17 digits, point, leading zeros or exponent.
inline constexpr size_t kMaxRealChars = 32;
// Longest text that parse_long_double reads and write_long_double writes; Redis's own bound.
inline constexpr size_t kMaxLongDoubleChars = 5 * 1024;

namespace number_detail {
// "00" "01" ... "99", so that two digits cost one division.
inline constexpr auto kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();
}  // namespace number_detail

// How many decimal digits `value` has; 1 for zero.
constexpr size_t digit_count(uint64_t value) {
  size_t count = 1;
  for (;;) {
    if (value < 10) return count;
    if (value < 100) return count + 1;
    if (value < 1000) return count + 2;
    if (value < 10000) return count + 3;
    value /= 10000;
    count += 4;
  }
}

// Writes `value` in decimal and returns the end of the text. REQUIRES: kMaxInt64Chars of room.
inline char* write_uint64(uint64_t value, char* out) {
  if (value < 10) {
    *out = static_cast<char>('0' + value);
    return out + 1;
  }
  char* const end = out + digit_count(value);
  char* p = end;
  while (value >= 100) {
    const size_t pair = static_cast<size_t>(value % 100) * 2;
    value /= 100;
    *--p = number_detail::kDigitPairs[pair + 1];
    *--p = number_detail::kDigitPairs[pair];
  }
  if (value >= 10) {
    *--p = number_detail::kDigitPairs[static_cast<size_t>(value) * 2 + 1];
    *--p = number_detail::kDigitPairs[static_cast<size_t>(value) * 2];
  } else {
    *--p = static_cast<char>('0' + value);
  }
  return end;
}

// Writes `value` in decimal and returns the end of the text. REQUIRES: kMaxInt64Chars of room.
inline char* write_int64(int64_t value, char* out) {
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    magnitude = 0 - magnitude;
  }
  return write_uint64(magnitude, out);
}

// Reads what write_int64 writes and nothing else: no spaces, plus sign, leading zeros or "-0";
// nothing for a number that does not fit. (Redis's string2ll.)
[[nodiscard]] std::optional<int64_t> parse_int64(std::string_view text);

// Writes the shortest decimal text that reads back as the same double, laid out as Redis 7.2 and
// later do ("3", "0.1", "1e+20", "1e-7", "-0", "inf", "-inf", "nan"); returns the end of the text.
// REQUIRES: kMaxRealChars of room.
char* write_real(double value, char* out);

// Reads what C's strtold reads, as the whole of `text`: decimal, hexadecimal, exponents, "inf".
// Nothing for empty or overlong text, spaces, nan, and values too large or too small to represent.
// (Redis's string2ld, behind INCRBYFLOAT. REQUIRES: the C locale.)
[[nodiscard]] std::optional<long double> parse_long_double(std::string_view text);

// The same for a double: what strtod reads. (Redis's getDoubleFromObject, behind scores.)
[[nodiscard]] std::optional<double> parse_double(std::string_view text);

// What strtod reads of a C string: a NUL ends it, spaces may stand before it, nothing at all is 0,
// too large a number infinite, too small a one 0. Nothing if anything else stands behind the
// number, for nan, and for overlong text. (Behind the bounds of ranges of scores.)
[[nodiscard]] std::optional<double> parse_lenient_double(std::string_view text);

// Writes `value` as INCRBYFLOAT answers it: up to 17 decimals, no exponent, no trailing zeros, no
// "-0"; returns the end of the text. REQUIRES: kMaxLongDoubleChars of room; `value` is finite.
char* write_long_double(long double value, char* out);

}  // namespace larder::protocol
