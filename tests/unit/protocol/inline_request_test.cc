#include "protocol/inline_request.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/reference_parser.h"

namespace larder::protocol {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view line) {
  ArgumentList arguments;
  REQUIRE(split_inline(line, arguments));
  return {arguments.views.begin(), arguments.views.end()};
}

TEST_CASE("words are separated by any run of spaces") {
  CHECK(words_of("") == Words{});
  CHECK(words_of(" \t ") == Words{});
  CHECK(words_of("PING") == Words{"PING"});
  CHECK(words_of("  SET  key\tvalue ") == Words{"SET", "key", "value"});
  CHECK(words_of("a\rb") == Words{"a", "b"});
  CHECK(words_of("a\vb") == Words{"a\vb"});
  CHECK(words_of("\va") == Words{"a"});
  CHECK(words_of("back\\slash") == Words{"back\\slash"});
  CHECK(words_of(std::string_view("a\0b", 3)) == Words{std::string("a\0b", 3)});
}

TEST_CASE("quotes keep spaces and allow escapes") {
  CHECK(words_of("SET k \"a b\"") == Words{"SET", "k", "a b"});
  CHECK(words_of("SET k 'a b'") == Words{"SET", "k", "a b"});
  CHECK(words_of("SET k \"\" ''") == Words{"SET", "k", "", ""});
  CHECK(words_of(R"("\n\r\t\b\a\\\"\q")") == Words{"\n\r\t\b\a\\\"q"});
  CHECK(words_of(R"("\x41\xff\x0A")") == Words{"A\xff\n"});
  CHECK(words_of(R"("\x4" "\xzz")") == Words{"x4", "xzz"});
  CHECK(words_of(R"('\n \x41 it\'s')") == Words{R"(\n \x41 it's)"});
  CHECK(words_of("pre\"fix ed\"") == Words{"prefix ed"});
}

TEST_CASE("unbalanced quotes are refused and leave the list as it was") {
  for (const char* line : {"\"", "'", "GET \"foo", "GET 'foo", "\"foo\"bar", "'foo'bar",
                           "a b \"c\" \"", "\"foo\\\"", "'foo\\'", "\"a\"\"b\""}) {
    INFO(line);
    ArgumentList arguments;
    arguments.decoded.push_back("earlier");
    arguments.views.push_back(arguments.decoded.back());
    CHECK_FALSE(split_inline(line, arguments));
    CHECK(arguments.views.size() == 1);
    CHECK(arguments.decoded.size() == 1);
  }
}

TEST_CASE("words without quotes are not copied") {
  const std::string line = "GET some-key-longer-than-a-short-string \"quoted\"";
  ArgumentList arguments;
  REQUIRE(split_inline(line, arguments));
  CHECK(arguments.views[1].data() == line.data() + 4);
  CHECK(arguments.decoded.size() == 1);
}

TEST_CASE("decoded words stay valid while others are added") {
  ArgumentList arguments;
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "\"w" + std::to_string(i) + "\" ";
  REQUIRE(split_inline(line, arguments));
  REQUIRE(arguments.views.size() == 1000);
  for (size_t i = 0; i < 1000; ++i) CHECK(arguments.views[i] == "w" + std::to_string(i));
}

// Every line of a few of the characters that mean something, against the reference.
TEST_CASE("all short lines split as the reference splits them") {
  const std::string alphabet = "a \"'\\xn4\r";
  size_t lines = 1;
  for (int length = 0; length <= 6; ++length, lines *= alphabet.size()) {
    for (size_t number = 0; number < lines; ++number) {
      std::string line;
      for (size_t rest = number; line.size() < static_cast<size_t>(length);
           rest /= alphabet.size()) {
        line += alphabet[rest % alphabet.size()];
      }
      ArgumentList arguments;
      const bool balanced = split_inline(line, arguments);
      const auto expected = reference::split_words(line);
      const Words words(arguments.views.begin(), arguments.views.end());
      if (balanced != expected.has_value() || (balanced && words != *expected)) {
        FAIL_CHECK("differs on: " << line);
      }
    }
  }
}

}  // namespace
}  // namespace larder::protocol
