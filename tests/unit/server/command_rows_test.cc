// Rows agree with each other, with themselves, and with what is said about them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "server/command_table.h"
#include "server/commands/command_reply.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

const CommandTable& all_commands() {
  static const CommandTable commands(all_families());
  return commands;
}

std::set<std::string> names_of_rows_with(CommandFlag flag) {
  std::set<std::string> names;
  for (size_t i = 0; i < all_commands().size(); ++i) {
    if (all_commands()[i].row->has_flag(flag)) names.insert(all_commands()[i].full_name);
  }
  return names;
}

// "7.0.0"
bool is_version(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 2 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '.' || text::is_digit(c); });
}

TEST_CASE("every name is there once and is found in any case") {
  const CommandTable& commands = all_commands();
  std::set<std::string> names;
  for (size_t i = 0; i < commands.size(); ++i) {
    const Command& command = commands[i];
    INFO(command.full_name);
    CHECK(command.index == i);
    CHECK(names.insert(command.full_name).second);
    CHECK(commands.find_by_name(command.full_name) == &command);
    CHECK(commands.find_by_name(text::uppered(command.full_name)) == &command);
    CHECK(commands.find_by_name(command.full_name + "?") == nullptr);

    std::vector<std::string_view> request;
    if (command.parent != nullptr) request.push_back(command.parent->row->name);
    request.push_back(command.row->name);
    CHECK(commands.find(request) == &command);
  }
  CHECK(commands.find_by_name("get|x") == nullptr);
  CHECK(commands.find_by_name("") == nullptr);
}

TEST_CASE("the fewest arguments that a row accepts reach all its keys") {
  for (size_t i = 0; i < all_commands().size(); ++i) {
    const CommandRow& row = *all_commands()[i].row;
    if (row.keys.first == 0 || (row.keys.flags & kKeyNotKey) != 0) continue;
    INFO(all_commands()[i].full_name);
    const int fewest = row.arity >= 0 ? row.arity : -row.arity;
    const int last = row.keys.last >= 0 ? row.keys.last : fewest + row.keys.last;
    CHECK(row.keys.first >= 1);
    if (row.has_flag(kNoMandatoryKeys)) {
      CHECK(row.keys.count_at < fewest);
      CHECK(row.keys.first <= fewest);
    } else {
      CHECK(row.keys.first < fewest);
      CHECK(last >= row.keys.first);
    }
    CHECK(last < fewest);
    CHECK(row.keys.flags != 0);
    // Whoever reads only says so for all its keys, and the other way round.
    const uint32_t further = row.keys.further_flags != 0 ? row.keys.further_flags : row.keys.flags;
    const bool only_reads = (row.keys.flags & further & kKeyReadOnly) != 0;
    // A script writes by the commands that it calls.
    bool may_write =
        row.locks == LockPlan::script ? !row.has_flag(kReadonly) : row.has_flag(kWrite);
    // It reads, but keeps the estimate in the value.
    if (row.name == "pfcount") may_write = true;
    // As Redis has it: reading in a group leaves the entries as they are.
    if (row.name == "xreadgroup") continue;
    CHECK(only_reads == !may_write);
  }
}

TEST_CASE("who writes holds shards, and needs memory only if it writes") {
  for (size_t i = 0; i < all_commands().size(); ++i) {
    const CommandRow& row = *all_commands()[i].row;
    INFO(all_commands()[i].full_name);
    if (row.has_flag(kWrite)) CHECK(row.locks != LockPlan::nothing);
    if (row.has_flag(kDenyOom)) CHECK(row.has_flag(kWrite));
    if (row.has_flag(kWrite)) CHECK_FALSE(row.has_flag(kNoAuth));
  }
}

TEST_CASE("only the way in is open before authentication") {
  CHECK(names_of_rows_with(kNoAuth) == std::set<std::string>{"auth", "hello", "quit", "reset"});
}

TEST_CASE("what MULTI does not queue") {
  CHECK(names_of_rows_with(kTransactionControl) ==
        std::set<std::string>{"discard", "exec", "multi", "quit", "reset", "watch"});
}

TEST_CASE("containers have HELP and otherwise leave work to their subcommands") {
  size_t containers = 0;
  for (const Command* command : all_commands().top_level()) {
    const CommandRow& row = *command->row;
    if (row.subcommands.empty()) continue;
    ++containers;
    INFO(command->full_name);
    const Command* help = all_commands().find_subcommand(*command, "HELP");
    REQUIRE(help != nullptr);
    CHECK(help->parent == command);
    CHECK(help->row->arity == 2);
    for (const CommandRow& sub : row.subcommands) {
      CHECK(sub.subcommands.empty());
      CHECK(sub.docs.group == row.docs.group);
      CHECK((sub.arity >= 2 || sub.arity <= -2));
    }
  }
  CHECK(containers >= 3);
}

TEST_CASE("documentation is complete and well-formed") {
  const std::set<std::string_view> groups{
      "string",  "bitmap",     "hyperloglog", "list",         "set",    "hash",     "sorted-set",
      "geo",     "stream",     "generic",     "connection",   "server", "transactions",
      "pubsub",  "scripting"};
  for (size_t i = 0; i < all_commands().size(); ++i) {
    const CommandDocs& docs = all_commands()[i].row->docs;
    INFO(all_commands()[i].full_name);
    CHECK(is_version(docs.since));
    CHECK(groups.contains(docs.group));
    CHECK_FALSE(docs.complexity.empty());
    CHECK(docs.deprecated_since.empty() == docs.replaced_by.empty());
    if (!docs.deprecated_since.empty()) CHECK(is_version(docs.deprecated_since));
    std::string_view history = docs.history;
    while (!history.empty()) {
      const std::string_view entry = history.substr(0, history.find('|'));
      const size_t colon = entry.find(": ");
      REQUIRE(colon != std::string_view::npos);
      CHECK(is_version(entry.substr(0, colon)));
      CHECK(entry.size() > colon + 2);
      history.remove_prefix(std::min(history.size(), entry.size() + 1));
    }
  }
}

TEST_CASE("ACL categories follow from flags and rows") {
  const auto row_of = [](std::string_view name) -> const CommandRow& {
    const Command* command = all_commands().find_by_name(name);
    REQUIRE(command != nullptr);
    return *command->row;
  };
  CHECK(is_in_category(row_of("get"), "read"));
  CHECK(is_in_category(row_of("get"), "STRING"));
  CHECK(is_in_category(row_of("get"), "fast"));
  CHECK_FALSE(is_in_category(row_of("get"), "slow"));
  CHECK_FALSE(is_in_category(row_of("get"), "@read"));
  CHECK_FALSE(is_in_category(row_of("get"), ""));
  CHECK(is_in_category(row_of("set"), "write"));
  CHECK(is_in_category(row_of("keys"), "dangerous"));
  CHECK_FALSE(is_in_category(row_of("keys"), "admin"));
  CHECK(is_in_category(row_of("config|set"), "admin"));
  CHECK(is_in_category(row_of("config|set"), "dangerous"));
  CHECK(is_in_category(row_of("exec"), "transaction"));
  CHECK(is_in_category(row_of("ping"), "connection"));
}

}  // namespace
}  // namespace larder::server
