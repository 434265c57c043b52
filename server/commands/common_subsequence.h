// The longest common subsequence of two strings: what is left of both when bytes are taken out.
//
// Bit-parallel (Hyyrö 2004): a row of the table is a row of bits, a zero where the length grows
// from one column to the next, and one row follows from the one before by an addition. So the table
// has one bit for each pair of bytes, and takes a sixty-fourth of the steps.
//
// Pure functions. With n and m the lengths of `a` and `b`, both take O(n * m / 64) steps and
// n * m / 8 bytes (at least n or m) at most, common_length() no more than 32 * max(n, m). Whoever
// calls them with a client's values bounds n * m before.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace larder::server {

size_t common_length(std::string_view a, std::string_view b);

// Bytes that follow each other in both: `length` of them from these positions on.
struct CommonRange {
  size_t a_first;
  size_t b_first;
  size_t length;

  bool operator==(const CommonRange&) const = default;
};

struct CommonSubsequence {
  std::string text;
  std::vector<CommonRange> ranges;  // the last one first
};

// Of several longest ones, that which Redis finds: followed from the end, the way goes back in `b`
// unless only going back in `a` keeps the length.
CommonSubsequence common_subsequence(std::string_view a, std::string_view b);

}  // namespace larder::server
