// The syntax line of every row: it follows the grammar and agrees with the row's arity and keys.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>

#include "server/command_table.h"
#include "server/commands/syntax.h"

namespace larder::server {
namespace {

size_t fewest_words(const std::vector<ArgumentSyntax>& arguments);

// Of an argument that is there.
size_t fewest_words(const ArgumentSyntax& argument) {
  const size_t token = argument.token.empty() ? 0 : 1;
  if (argument.type == ArgumentType::pure_token) return 1;
  if (argument.type == ArgumentType::block) return token + fewest_words(argument.arguments);
  if (argument.type != ArgumentType::one_of) return token + 1;
  size_t fewest = SIZE_MAX;
  for (const ArgumentSyntax& choice : argument.arguments) {
    fewest = std::min(fewest, fewest_words(choice));
  }
  return token + fewest;
}

size_t fewest_words(const std::vector<ArgumentSyntax>& arguments) {
  size_t words = 0;
  for (const ArgumentSyntax& argument : arguments) {
    if (!argument.optional) words += fewest_words(argument);
  }
  return words;
}

bool takes_any_more(const std::vector<ArgumentSyntax>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const ArgumentSyntax& argument) {
    return argument.optional || argument.multiple || takes_any_more(argument.arguments);
  });
}

bool has_key(const std::vector<ArgumentSyntax>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const ArgumentSyntax& argument) {
    return argument.type == ArgumentType::key || has_key(argument.arguments);
  });
}

TEST_CASE("every row says in its syntax what its arity and keys say") {
  const CommandTable commands(all_families());
  REQUIRE(commands.size() > 0);
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandRow& row = *commands[i].row;
    INFO(commands[i].full_name << ": " << row.docs.syntax);
    const auto arguments = parse_syntax(row.docs.syntax, commands[i].full_name);
    REQUIRE(arguments);
    if (!row.subcommands.empty()) continue;
    // As in Redis, a few commands accept words that they do not document (QUIT).
    if (row.docs.syntax.empty() && row.arity < 0) continue;
    const size_t own_words = commands[i].parent == nullptr ? 1 : 2;
    CHECK(own_words + fewest_words(*arguments) == static_cast<size_t>(std::abs(row.arity)));
    CHECK(takes_any_more(*arguments) == (row.arity < 0));
    const bool has_keys = row.keys.first != 0 && (row.keys.flags & kKeyNotKey) == 0;
    CHECK(has_key(*arguments) == has_keys);
  }
}

}  // namespace
}  // namespace larder::server
