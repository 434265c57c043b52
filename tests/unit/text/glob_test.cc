// The pattern language, each expectation as redis-server 7.0 answers KEYS.
#include "server/text/glob.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace larder::text {
namespace {

bool exact(std::string_view pattern, std::string_view text) {
  return glob_match(pattern, text);
}
bool ignoring_case(std::string_view pattern, std::string_view text) {
  return glob_match(pattern, text, GlobCase::ignore);
}

TEST_CASE("plain bytes match themselves") {
  CHECK(exact("abc", "abc"));
  CHECK_FALSE(exact("abc", "ab"));
  CHECK_FALSE(exact("abc", "abcd"));
  CHECK_FALSE(exact("abc", "abC"));
  CHECK(ignoring_case("aBc", "AbC"));
  CHECK(exact(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  CHECK_FALSE(exact(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST_CASE("a question mark is one byte, a star any number of them") {
  CHECK(exact("h?llo", "hello"));
  CHECK_FALSE(exact("h?llo", "hllo"));
  CHECK(exact("*", "a"));
  CHECK(exact("a*", "a"));
  CHECK(exact("a**", "a"));
  CHECK(exact("*a*b*", "xxaxxbxx"));
  CHECK_FALSE(exact("*a*b*", "xxbxxaxx"));
  CHECK(exact("*aab", "aaaab"));
  CHECK(exact("user:*:name", "user:1:x:name"));
  CHECK_FALSE(exact("user:*:name", "user:1:names"));
}

TEST_CASE("an empty text matches an empty pattern only") {
  CHECK(exact("", ""));
  CHECK_FALSE(exact("*", ""));
  CHECK_FALSE(exact("**", ""));
  CHECK_FALSE(exact("", "a"));
  CHECK(glob_matches_all("*"));
  CHECK_FALSE(glob_matches_all("**"));
}

TEST_CASE("classes") {
  CHECK(exact("h[ae]llo", "hello"));
  CHECK_FALSE(exact("h[ae]llo", "hillo"));
  CHECK(exact("h[^e]llo", "hallo"));
  CHECK_FALSE(exact("h[^e]llo", "hello"));
  CHECK(exact("[a-c]", "b"));
  CHECK(exact("[c-a]", "b"));
  CHECK_FALSE(exact("[a-c]", "d"));
  CHECK(ignoring_case("[A-C]", "b"));
  CHECK_FALSE(exact("[A-C]", "b"));
  CHECK(exact("[a-c0-9_]x", "_x"));
  CHECK(exact("[\\]]", "]"));
  CHECK(exact("[\\-a]", "-"));
  CHECK_FALSE(exact("[]", "a"));
  CHECK(exact("[^]", "a"));
  // A range whose end is the bracket: 'a' down to ']'.
  CHECK(exact("[a-]", "_"));
  // Bytes from 0x80 count as negative.
  CHECK_FALSE(exact("[a-\xff]", "b"));
  CHECK(exact("[a-\xff]", "B"));
}

TEST_CASE("classes that are not closed end with the pattern") {
  CHECK(exact("[b", "b"));
  CHECK(exact("x[ab", "xa"));
  CHECK_FALSE(exact("[", "["));
  CHECK_FALSE(exact("[", "a"));
  CHECK(exact("[^", "b"));
  CHECK(exact("[a-", "-"));
  CHECK(exact("[\\", "\\"));
}

TEST_CASE("a backslash takes the meaning from the next byte") {
  CHECK(exact("\\*", "*"));
  CHECK_FALSE(exact("\\*", "a"));
  CHECK(exact("a\\?b", "a?b"));
  CHECK(exact("\\", "\\"));
  CHECK(exact("a\\", "a\\"));
  CHECK(ignoring_case("\\A", "a"));
  // Inside a class an escaped byte keeps its case, as in Redis.
  CHECK_FALSE(ignoring_case("[\\A]", "a"));
}

TEST_CASE("patterns made to explode are answered at once") {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  pattern += "b";
  const std::string text(20000, 'a');
  CHECK_FALSE(exact(pattern, text));
  CHECK_FALSE(exact("*" + std::string(2000, '[') + "b", text));
}

TEST_CASE("which texts need matching at all") {
  CHECK(has_glob_characters("a*"));
  CHECK(has_glob_characters("a?"));
  CHECK(has_glob_characters("[a"));
  CHECK_FALSE(has_glob_characters("a\\b"));
  CHECK_FALSE(has_glob_characters(""));
}

// Did all of the pattern's matching fit into one command's budget?
bool is_affordable(std::string_view pattern, const std::vector<std::string>& texts) {
  GlobBudget budget;
  for (const std::string& text : texts) {
    const bool matched = glob_match(pattern, text, GlobCase::exact, budget);
    if (!budget.is_spent()) CHECK(matched == glob_match(pattern, text));
  }
  return !budget.is_spent();
}

TEST_CASE("a budget lets through what people write, however many texts there are") {
  std::vector<std::string> texts;
  for (int i = 0; i < 50'000; ++i) texts.push_back("user:" + std::to_string(i * 7919) + ":aaaab");
  for (const char* pattern : {"user:*", "*:aaaab", "*a*a*a*a*", "user:[0-9]*:[a-c]?*x", "*[^x]y",
                              "user:????????", "*aaaaaaaaaaaaac", "\\*"}) {
    CHECK(is_affordable(pattern, texts));
  }
  CHECK(is_affordable("*?b", {std::string(1 << 20, 'a')}));
}

TEST_CASE("a budget ends what would take for ever, and nothing matches afterwards") {
  const std::string many(1 << 20, 'a');
  const std::string half(1 << 19, 'a');
  CHECK_FALSE(is_affordable("*" + half + "b", {many}));
  CHECK_FALSE(is_affordable("*?" + half + "b", {many}));
  CHECK_FALSE(is_affordable("*[" + half + "]b", {many}));
  CHECK_FALSE(is_affordable("[" + half, std::vector<std::string>(1000, "b")));
  CHECK_FALSE(is_affordable(std::string(1 << 19, '*') + "b", std::vector<std::string>(1000, "a")));
  CHECK_FALSE(is_affordable("a" + std::string(1 << 19, '*'), std::vector<std::string>(1000, "a")));
  GlobBudget budget;
  while (budget.spend(1 << 10)) {
  }
  CHECK_FALSE(glob_match("*", "a", GlobCase::exact, budget));
}

}  // namespace
}  // namespace larder::text
