// Glob patterns of KEYS, SCAN MATCH, CONFIG GET and PSUBSCRIBE: Redis's language, byte for byte.
//
//   pattern := { '*' | '?' | class | '\' byte | byte }
//   class   := '[' ['^'] { '\' byte | byte '-' byte | byte } ']'
//
// Oddities kept because clients may rely on them, all checked against redis-server 7.0:
// - An empty text matches only an empty pattern; not even '*'. (Commands for which '*' means
//   "everything" ask glob_matches_all first, as Redis does.)
// - A class that is not closed ends with the pattern: "[ab" is "[ab]", "[^" is "any byte"; a lone
//   "[" matches nothing.
// - "[a-]" is a range from 'a' to ']'. Ranges compare bytes as signed and may be written backwards.
// - An escaped byte inside a class is compared with its case even when case is ignored.
//
// Never recursive: at most O(pattern * text) steps and no memory, whatever a client sends. That is
// still hours for megabytes of both, so what clients send is matched within a budget.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::text {

enum class GlobCase : bool { exact, ignore };

[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text,
                              GlobCase letters = GlobCase::exact);

inline constexpr std::string_view kGlobTooDear = "ERR the pattern takes too long to match";

// How many steps one command may take for all that it matches: some at once, and some more for each
// byte of text. Patterns that people write take a few per byte. Once it is spent, nothing matches.
class GlobBudget {
 public:
  GlobBudget() = default;
  // So many instead.
  GlobBudget(uint64_t steps, uint64_t per_byte) : per_byte_(per_byte), steps_(steps) {}

  bool is_spent() const { return steps_ == 0; }
  void grant(size_t text_bytes) {
    if (!is_spent()) steps_ += per_byte_ * text_bytes;
  }
  // False if there were not so many left.
  [[nodiscard]] bool spend(size_t steps) {
    steps_ -= std::min<uint64_t>(steps, steps_);
    return !is_spent();
  }

 private:
  uint64_t per_byte_ = 256;
  uint64_t steps_ = 16 << 20;
};

[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text, GlobCase letters,
                              GlobBudget& budget);

// True for the one pattern that stands for every key, the empty key included.
[[nodiscard]] constexpr bool glob_matches_all(std::string_view pattern) {
  return pattern == "*";
}

// Whether `text` can match anything but itself. As in Redis, a backslash alone does not count.
[[nodiscard]] constexpr bool has_glob_characters(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

}  // namespace larder::text
