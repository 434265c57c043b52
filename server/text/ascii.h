// Comparing and folding ASCII letters, as Redis compares names of commands, settings and options.
//
// Only A-Z and a-z are letters here, in every locale; other bytes are compared as they are.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace larder::text {

constexpr char to_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

constexpr char to_upper(char byte) {
  return byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - ('a' - 'A')) : byte;
}

constexpr bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

// What C's isspace calls space in the "C" locale.
constexpr bool is_space(char byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

inline std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

inline std::string uppered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), to_upper);
  return result;
}

// `text` without the bytes of `unwanted` at either end.
constexpr std::string_view trimmed(std::string_view text, std::string_view unwanted = " \t\r\n") {
  const size_t first = text.find_first_not_of(unwanted);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(unwanted) - first + 1);
}

}  // namespace larder::text
