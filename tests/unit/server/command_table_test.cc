// Looking up commands: every row is found by its name in any case, and nothing else is found.
#include "server/command_table.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/text/ascii.h"

namespace larder::server {
namespace {

const Command* find(const CommandTable& table, std::vector<std::string_view> request) {
  return table.find(request);
}

}  // namespace

TEST_CASE("every command is found by its name in any case") {
  const CommandTable table(all_families());
  std::set<std::string> names;
  for (size_t i = 0; i < table.size(); ++i) {
    const Command& command = table[i];
    INFO(command.full_name);
    CHECK(command.index == i);
    CHECK(names.insert(command.full_name).second);
    CHECK(table.find_by_name(command.full_name) == &command);
    CHECK(table.find_by_name(text::uppered(command.full_name)) == &command);
    const std::string upper = text::uppered(command.row->name);
    if (command.parent == nullptr) {
      CHECK(find(table, {upper}) == &command);
    } else {
      CHECK(find(table, {text::uppered(command.parent->row->name), upper}) == &command);
      CHECK(table.find_subcommand(*command.parent, upper) == &command);
    }
  }
  CHECK(names.contains("get"));
  CHECK(names.contains("client|kill"));
}

TEST_CASE("what is not a command is not found") {
  const CommandTable table(all_families());
  for (const std::string_view name : {"", "g", "ge", "gett", "g\xe5t", "get ", " get",
                                      "GET|", "client|", "client|nothing", "|", "get|get",
                                      "a name much longer than any command has ever been given"}) {
    INFO(name);
    CHECK(table.find_by_name(name) == nullptr);
  }
  const std::string with_nul("get\0", 4);
  CHECK(find(table, {with_nul}) == nullptr);
  // Every name with one letter more, less or changed is unknown, or a command of that very name.
  for (const Command* command : table.top_level()) {
    const std::string name(command->row->name);
    for (size_t at = 0; at < name.size(); ++at) {
      for (const char letter : {'a', 'q', '_', '@', '\x7f'}) {
        std::string other = name;
        other[at] = letter;
        const Command* found = find(table, {other});
        if (found != nullptr) CHECK(found->row->name == other);
      }
    }
  }
}

TEST_CASE("a container whose second word is no subcommand is found itself") {
  const CommandTable table(all_families());
  const Command* config = table.find_by_name("config");
  REQUIRE(config != nullptr);
  CHECK(find(table, {"CONFIG"}) == config);
  CHECK(find(table, {"CONFIG", "nothing"}) == config);
  CHECK(find(table, {"CONFIG", "get", "x"})->full_name == "config|get");
  CHECK(find(table, {"GET", "get"})->full_name == "get");
}

}  // namespace larder::server
