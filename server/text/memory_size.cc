#include "server/text/memory_size.h"

#include <array>
#include <limits>

#include "server/text/ascii.h"

namespace larder::text {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

struct Unit {
  std::string_view name;
  uint64_t bytes;
};

constexpr std::array<Unit, 8> kUnits{{{"", 1},
                                      {"b", 1},
                                      {"k", 1000},
                                      {"kb", 1ULL << 10},
                                      {"m", 1000 * 1000},
                                      {"mb", 1ULL << 20},
                                      {"g", 1000ULL * 1000 * 1000},
                                      {"gb", 1ULL << 30}}};

constexpr uint64_t multiply(uint64_t a, uint64_t b) {
  return b != 0 && a > kMost / b ? kMost : a * b;
}

}  // namespace

std::optional<uint64_t> parse_memory_size(std::string_view text) {
  size_t digits = 0;
  uint64_t number = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    const auto digit = static_cast<uint64_t>(text[digits] - '0');
    number = multiply(number, 10);
    number = number > kMost - digit ? kMost : number + digit;
  }
  if (digits == 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (equals_ignoring_case(text.substr(digits), unit.name)) return multiply(number, unit.bytes);
  }
  return std::nullopt;
}

std::string format_memory_size(uint64_t bytes) {
  constexpr std::array<Unit, 3> kWritten{
      {{"gb", 1ULL << 30}, {"mb", 1ULL << 20}, {"kb", 1ULL << 10}}};
  for (const Unit& unit : kWritten) {
    if (bytes != 0 && bytes % unit.bytes == 0) {
      return std::to_string(bytes / unit.bytes).append(unit.name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace larder::text
