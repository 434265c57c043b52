#include "server/text/glob.h"

#include <cstddef>
#include <utility>

#include "server/text/ascii.h"

namespace larder::text {
namespace {

bool same_byte(char a, char b, GlobCase letters) {
  return letters == GlobCase::ignore ? to_lower(a) == to_lower(b) : a == b;
}

bool in_range(char first, char last, char byte, GlobCase letters) {
  if (static_cast<signed char>(first) > static_cast<signed char>(last)) std::swap(first, last);
  if (letters == GlobCase::ignore) {
    first = to_lower(first);
    last = to_lower(last);
    byte = to_lower(byte);
  }
  const auto value = static_cast<signed char>(byte);
  return value >= static_cast<signed char>(first) && value <= static_cast<signed char>(last);
}

// One step of a pattern against one byte of text: whether it fits, and where the pattern goes on.
struct Step {
  bool fits;
  size_t next;
};

// `at` is the position after '['.
Step match_class(std::string_view pattern, size_t at, char byte, GlobCase letters) {
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size()) {
    const size_t left = pattern.size() - at;
    if (left >= 2 && pattern[at] == '\\') {
      found |= pattern[at + 1] == byte;
      at += 2;
    } else if (pattern[at] == ']') {
      ++at;
      break;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      found |= in_range(pattern[at], pattern[at + 2], byte, letters);
      at += 3;
    } else {
      found |= same_byte(pattern[at], byte, letters);
      ++at;
    }
  }
  return {found != negated, at};
}

// `at` is the position of anything but '*'.
Step match_one(std::string_view pattern, size_t at, char byte, GlobCase letters) {
  switch (pattern[at]) {
    case '?':
      return {true, at + 1};
    case '[':
      return match_class(pattern, at + 1, byte, letters);
    case '\\':
      if (pattern.size() - at >= 2) ++at;
      [[fallthrough]];
    default:
      return {same_byte(pattern[at], byte, letters), at + 1};
  }
}

// For patterns of our own.
struct Unlimited {
  static bool spend(size_t) { return true; }
};

template <typename Budget>
bool match(std::string_view pattern, std::string_view text, GlobCase letters, Budget& budget) {
  if (text.empty()) return pattern.empty();
  constexpr size_t kNone = std::string_view::npos;
  size_t in_pattern = 0;
  size_t in_text = 0;
  // Where to go on if what follows the last '*' does not fit: that '*' takes one byte more. Earlier
  // stars need no second try, since the last one can take whatever they would have.
  size_t after_star = kNone;
  size_t star_text = 0;
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_text = in_text;
      if (in_pattern == pattern.size()) return true;
      if (!budget.spend(1)) return false;
      continue;
    }
    if (in_pattern < pattern.size()) {
      const Step step = match_one(pattern, in_pattern, text[in_text], letters);
      if (!budget.spend(step.next - in_pattern)) return false;
      if (step.fits) {
        in_pattern = step.next;
        ++in_text;
        continue;
      }
    }
    if (after_star == kNone) return false;
    in_pattern = after_star;
    in_text = ++star_text;
  }
  const std::string_view rest = pattern.substr(in_pattern);
  return budget.spend(rest.size()) && rest.find_first_not_of('*') == kNone;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, GlobCase letters) {
  Unlimited budget;
  return match(pattern, text, letters, budget);
}

bool glob_match(std::string_view pattern, std::string_view text, GlobCase letters,
                GlobBudget& budget) {
  budget.grant(text.size());
  return !budget.is_spent() && match(pattern, text, letters, budget);
}

}  // namespace larder::text
