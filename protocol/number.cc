#include "protocol/number.h"

#include <cassert>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace larder::protocol {
namespace {

// Doubles whose integral values are all exact lie within this; Redis prints those as integers.
constexpr double kExactIntegerBound = 4503599627370496.0;  // 2^52

// The decimal digits of a positive, finite double and the power of ten of the last one:
// value == digits * 10^exponent.
struct Decimal {
  char digits[kMaxRealChars];
  int count;
  int exponent;
};

Decimal shortest_decimal(double value) {
  char text[kMaxRealChars];
  const auto written =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  assert(written.ec == std::errc());
  // "d.ddde[+-]dd": gather the digits, then read the exponent of the first one.
  Decimal decimal{};
  const char* p = text;
  for (; *p != 'e'; ++p) {
    if (*p != '.') decimal.digits[decimal.count++] = *p;
  }
  ++p;
  if (*p == '+') ++p;
  int exponent_of_first = 0;
  const auto read = std::from_chars(p, written.ptr, exponent_of_first);
  assert(read.ec == std::errc());
  decimal.exponent = exponent_of_first - (decimal.count - 1);
  return decimal;
}

char* put(char* out, const char* bytes, int count) {
  std::memcpy(out, bytes, static_cast<size_t>(count));
  return out + count;
}

char* put_zeros(char* out, int count) {
  std::memset(out, '0', static_cast<size_t>(count));
  return out + count;
}

// "d.ddde+x", the exponent without leading zeros.
char* write_scientific(const Decimal& decimal, int exponent_of_first, char* out) {
  *out++ = decimal.digits[0];
  if (decimal.count > 1) {
    *out++ = '.';
    out = put(out, decimal.digits + 1, decimal.count - 1);
  }
  *out++ = 'e';
  if (exponent_of_first >= 0) *out++ = '+';
  return write_int64(exponent_of_first, out);
}

// The choice between plain and scientific is that of fpconv, which Redis prints doubles with.
char* write_decimal(const Decimal& decimal, char* out) {
  const int exponent_of_first = decimal.exponent + decimal.count - 1;
  const int magnitude = exponent_of_first < 0 ? -exponent_of_first : exponent_of_first;
  if (decimal.exponent >= 0 && magnitude < decimal.count + 7) {
    out = put(out, decimal.digits, decimal.count);
    return put_zeros(out, decimal.exponent);
  }
  if (decimal.exponent >= 0 || (decimal.exponent <= -7 && magnitude >= 4)) {
    return write_scientific(decimal, exponent_of_first, out);
  }
  const int integral_digits = decimal.count + decimal.exponent;
  if (integral_digits > 0) {
    out = put(out, decimal.digits, integral_digits);
    *out++ = '.';
    return put(out, decimal.digits + integral_digits, decimal.count - integral_digits);
  }
  *out++ = '0';
  *out++ = '.';
  out = put_zeros(out, -integral_digits);
  return put(out, decimal.digits, decimal.count);
}

// A copy that C functions can read. REQUIRES: less than kMaxLongDoubleChars.
class TerminatedText {
 public:
  explicit TerminatedText(std::string_view text) : size_(text.size()) {
    if (!text.empty()) std::memcpy(bytes_, text.data(), text.size());
    bytes_[text.size()] = '\0';
  }
  const char* begin() const { return bytes_; }
  const char* end() const { return bytes_ + size_; }

 private:
  size_t size_;
  char bytes_[kMaxLongDoubleChars];
};

template <typename Real>
std::optional<Real> parse_strictly(std::string_view text, Real (*convert)(const char*, char**)) {
  if (text.empty() || text.size() >= kMaxLongDoubleChars) return std::nullopt;
  // strtold skips leading spaces; they are no part of a number here.
  if (std::strchr(" \t\n\v\f\r", text.front()) != nullptr) return std::nullopt;
  const TerminatedText terminated(text);
  char* end = nullptr;
  errno = 0;
  const Real value = convert(terminated.begin(), &end);
  if (end != terminated.end() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> parse_int64(std::string_view text) {
  if (text.empty() || text.size() > kMaxInt64Chars) return std::nullopt;
  const bool negative = text.front() == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 19) return std::nullopt;
  if (digits.front() == '0') {
    if (text.size() == 1) return 0;
    return std::nullopt;
  }
  uint64_t magnitude = 0;  // 19 digits always fit
  for (const char c : digits) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    magnitude = magnitude * 10 + digit;
  }
  const uint64_t bound =
      static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  if (magnitude > bound) return std::nullopt;
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

char* write_real(double value, char* out) {
  if (std::isnan(value)) return put(out, "nan", 3);
  if (std::signbit(value)) {
    *out++ = '-';
    value = -value;
  }
  if (std::isinf(value)) return put(out, "inf", 3);
  if (value < kExactIntegerBound && value == std::floor(value)) {
    return write_uint64(static_cast<uint64_t>(value), out);
  }
  return write_decimal(shortest_decimal(value), out);
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_strictly(text, std::strtold);
}

std::optional<double> parse_double(std::string_view text) {
  // Digits that a double holds exactly, which most scores are.
  constexpr size_t kExactDigits = 15;
  if (!text.empty() && text.size() <= kExactDigits) {
    uint64_t value = 0;
    size_t at = 0;
    for (; at < text.size(); ++at) {
      const unsigned digit = static_cast<unsigned char>(text[at]) - unsigned{'0'};
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    if (at == text.size()) return static_cast<double>(value);
  }
  return parse_strictly(text, std::strtod);
}

std::optional<double> parse_lenient_double(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  if (text.size() >= kMaxLongDoubleChars) return std::nullopt;
  const TerminatedText terminated(text);
  char* end = nullptr;
  const double value = std::strtod(terminated.begin(), &end);
  if (end != terminated.end() || std::isnan(value)) return std::nullopt;
  return value;
}

char* write_long_double(long double value, char* out) {
  assert(std::isfinite(value));
  const int length = std::snprintf(out, kMaxLongDoubleChars, "%.17Lf", value);
  assert(length > 0 && static_cast<size_t>(length) < kMaxLongDoubleChars);
  char* end = out + length;
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  if (end - out == 2 && out[0] == '-' && out[1] == '0') {
    out[0] = '0';
    --end;
  }
  return end;
}

}  // namespace larder::protocol
