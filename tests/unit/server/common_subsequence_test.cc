// Common subsequences against the table of the textbook, gone back through as Redis does.
#include "server/commands/common_subsequence.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace larder::server {
namespace {

CommonSubsequence by_table(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> length(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      length[i][j] = a[i - 1] == b[j - 1] ? length[i - 1][j - 1] + 1
                                          : std::max(length[i - 1][j], length[i][j - 1]);
    }
  }
  CommonSubsequence found;
  size_t i = a.size();
  size_t j = b.size();
  size_t run = 0;
  const auto end_run = [&] {
    if (run > 0) found.ranges.push_back({i, j, run});
    run = 0;
  };
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      found.text += a[i - 1];
      --i;
      --j;
      ++run;
    } else {
      end_run();
      if (length[i - 1][j] > length[i][j - 1]) {
        --i;
      } else {
        --j;
      }
    }
  }
  end_run();
  std::reverse(found.text.begin(), found.text.end());
  return found;
}

std::string random_text(std::mt19937_64& random, size_t longest, unsigned letters) {
  std::string text(random() % (longest + 1), ' ');
  for (char& byte : text) byte = static_cast<char>(random() % letters + 200);
  return text;
}

TEST_CASE("the common subsequence, its ranges and its length are those of the table") {
  std::mt19937_64 random(1984);
  for (int round = 0; round < 2500; ++round) {
    // Short ones, and such as cross the words of 64 columns.
    const size_t longest = round % 5 == 0 ? 300 : 20;
    const unsigned letters = round % 3 == 0 ? 2 : (round % 3 == 1 ? 4 : 56);
    const std::string a = random_text(random, longest, letters);
    const std::string b = random_text(random, round % 2 == 0 ? longest : 70, letters);
    INFO("round " << round);
    const CommonSubsequence expected = by_table(a, b);
    const CommonSubsequence found = common_subsequence(a, b);
    REQUIRE(found.text == expected.text);
    REQUIRE(found.ranges == expected.ranges);
    REQUIRE(common_length(a, b) == expected.text.size());
  }
}

TEST_CASE("equal, empty and disjoint texts") {
  const std::string long_text(1000, 'x');
  CHECK(common_length(long_text, long_text) == 1000);
  CHECK(common_subsequence(long_text, long_text).ranges == std::vector<CommonRange>{{0, 0, 1000}});
  CHECK(common_subsequence(long_text, "").text.empty());
  CHECK(common_subsequence("", "").ranges.empty());
  CHECK(common_length("", long_text) == 0);
  CHECK(common_subsequence("abc", "xyz").text.empty());
}

}  // namespace
}  // namespace larder::server
