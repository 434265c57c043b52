#include "storage/value.h"

#include <charconv>

namespace larder::storage {
namespace {

constexpr size_t kMaxIntegerDigits = 20;  // "-9223372036854775808"

}  // namespace

bool parse_canonical_integer(std::string_view text, int64_t* integer) {
  if (text.empty() || text.size() > kMaxIntegerDigits) return false;
  const size_t sign = text[0] == '-' ? 1 : 0;
  if (text.size() == sign) return false;
  const char first = text[sign];
  if (first < '0' || first > '9') return false;
  if (first == '0' && text.size() > 1) return false;  // "-0" and leading zeros
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, *integer);
  return error == std::errc() && stopped == end;
}

NewValue NewValue::of_text(std::string_view text) {
  int64_t number = 0;
  if (parse_canonical_integer(text, &number)) return of_integer(number);
  return {text.size() < kLargeValue ? Kind::text : Kind::blob, text};
}

}  // namespace larder::storage
