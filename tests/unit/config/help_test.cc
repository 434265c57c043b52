// --help and REFERENCE.md name every setting.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "server/config/table.h"
#include "tests/unit/config/support.h"

namespace larder::config {
namespace {

TEST_CASE("help names every setting with its default, in lines of 80 columns") {
  const std::string help = help_text();
  for (const Setting* setting : table()) {
    INFO(setting->name);
    CHECK(help.find("\n  --" + std::string(setting->name)) != std::string::npos);
  }
  CHECK(help.find("Default: 6379. Accepted: a number from 0 to 65535.") != std::string::npos);
  CHECK(help.find("SIGTERM") != std::string::npos);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line.size() <= 80);
  }
}

TEST_CASE("every setting is documented in a sentence and says what it accepts") {
  for (const Setting* setting : table()) {
    INFO(setting->name);
    CHECK(setting->documentation.ends_with('.'));
    CHECK_FALSE(accepted_values(*setting).empty());
  }
}

TEST_CASE("every default is a value that its own setting accepts") {
  for (const Setting* setting : table()) {
    INFO(setting->name);
    Config config;
    const std::string value = value_text(config, *setting);
    const std::string_view word = value;
    CHECK(assign_words(config, *setting, {&word, 1}).value_or("") == "");
    CHECK(config == Config{});
  }
}

TEST_CASE("the reference page is the one that the table makes") {
  std::ifstream file(LARDER_REFERENCE_PAGE);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string made = reference_markdown();
  if (page != made) {
    std::ofstream("REFERENCE.md") << made;
    WARN(
        "the new page is REFERENCE.md in the working directory; copy it to " LARDER_REFERENCE_PAGE);
  }
  CHECK(page == made);
}

}  // namespace
}  // namespace larder::config
