#include "server/text/quoting.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace larder::text {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("words between spaces") {
  CHECK(split_words("") == Words{});
  CHECK(split_words("  \t ") == Words{});
  CHECK(split_words("a") == Words{"a"});
  CHECK(split_words("  port   6379\t") == Words{"port", "6379"});
  CHECK(split_words("a\\n") == Words{"a\\n"});
}

TEST_CASE("double quotes with escapes") {
  CHECK(split_words(R"(requirepass "a b")") == Words{"requirepass", "a b"});
  CHECK(split_words(R"(save "")") == Words{"save", ""});
  CHECK(split_words(R"("\n\r\t\b\a\"\\\q\x41\x0g")") == Words{"\n\r\t\b\a\"\\qAx0g"});
  CHECK(split_words(R"(a"b c")") == Words{"ab c"});
}

TEST_CASE("single quotes know only their own escape") {
  CHECK(split_words(R"('a\'b\n"')") == Words{R"(a'b\n")"});
}

TEST_CASE("quotes that do not balance") {
  for (const char* line : {R"(")", R"(')", R"("a)", R"('a)", R"("a"b)", R"('a'b)", R"(a ")",
                           R"("\)", R"("\x4)", R"("a\")"}) {
    INFO(line);
    CHECK_FALSE(split_words(line));
  }
}

TEST_CASE("quoted bytes read back as themselves") {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<char>(i));
  CHECK(split_words(quoted(every_byte)) == Words{every_byte});
  CHECK(split_words(quoted("")) == Words{""});
  CHECK(quoted("a\x01 \"") == R"("a\x01 \"")");
}

TEST_CASE("an echo is printable and short") {
  CHECK(echo("abc") == "abc");
  CHECK(echo("a\r\n\"") == "a\\r\\n\"");
  CHECK(echo(std::string(kEchoBytes, 'a')) == std::string(kEchoBytes, 'a'));
  CHECK(echo(std::string(1000000, 'a')) == std::string(kEchoBytes, 'a') + "...");
  CHECK(shortened("a\r\n\xff") == "a\r\n\xff");
  CHECK(shortened(std::string(kEchoBytes, 'a')) == std::string(kEchoBytes, 'a'));
  CHECK(shortened(std::string(1000000, '\1')) == std::string(kEchoBytes, '\1') + "...");
}

}  // namespace
}  // namespace larder::text
