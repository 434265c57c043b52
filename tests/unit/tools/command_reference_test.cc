// The page about commands names all of them and is the one that the rows make.
#include "tools/command_reference.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "server/command_table.h"
#include "server/text/ascii.h"

namespace larder::tools {
namespace {

TEST_CASE("the page has every command that can be called, with its summary") {
  const std::string page = command_reference();
  const server::CommandTable commands(server::all_families());
  for (size_t i = 0; i < commands.size(); ++i) {
    const server::Command& command = commands[i];
    if (command.row->handler.reach() == server::Handler::Reach::none) continue;
    std::string name = text::uppered(command.full_name);
    std::replace(name.begin(), name.end(), '|', ' ');
    INFO(name);
    const size_t title = page.find("\n### " + name + "\n");
    REQUIRE(title != std::string::npos);
    const size_t end = std::min(page.find("\n### ", title + 1), page.size());
    CHECK(page.substr(title, end - title).find(command.row->docs.summary) != std::string::npos);
  }
}

TEST_CASE("every summary is a sentence") {
  const server::CommandTable commands(server::all_families());
  for (size_t i = 0; i < commands.size(); ++i) {
    INFO(commands[i].full_name);
    CHECK(commands[i].row->docs.summary.ends_with('.'));
  }
}

TEST_CASE("the committed page is the one that the rows make") {
  std::ifstream file(LARDER_COMMAND_REFERENCE);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string made = command_reference();
  if (page != made) {
    std::ofstream("REFERENCE.md") << made;
    WARN(
        "the new page is REFERENCE.md in the working directory; copy it "
        "to " LARDER_COMMAND_REFERENCE);
  }
  CHECK(page == made);
}

}  // namespace
}  // namespace larder::tools
