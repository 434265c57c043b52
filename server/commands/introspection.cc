// COMMAND: what this server's commands are. Everything it says comes from the rows.
#include <optional>
#include <vector>

#include "server/commands/command_reply.h"
#include "server/commands/parts.h"
#include "server/contexts.h"
#include "server/key_arguments.h"
#include "server/text/ascii.h"
#include "server/text/glob.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

void command(SessionContext& context, Arguments, Reply& reply) {
  const CommandTable& commands = context.commands();
  reply.array(commands.top_level().size());
  for (const Command* each : commands.top_level()) write_command_info(commands, *each, reply);
}

void count(SessionContext& context, Arguments, Reply& reply) {
  reply.integer(static_cast<int64_t>(context.commands().top_level().size()));
}

void info(SessionContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() == 2) return command(context, arguments, reply);
  const CommandTable& commands = context.commands();
  reply.array(arguments.size() - 2);
  for (std::string_view name : arguments.subspan(2)) {
    const Command* found = commands.find_by_name(name);
    if (found == nullptr) {
      reply.null();
    } else {
      write_command_info(commands, *found, reply);
    }
  }
}

// Unknown names are left out.
void docs(SessionContext& context, Arguments arguments, Reply& reply) {
  const CommandTable& commands = context.commands();
  std::vector<const Command*> shown;
  if (arguments.size() == 2) {
    shown.assign(commands.top_level().begin(), commands.top_level().end());
  }
  for (std::string_view name : arguments.subspan(2)) {
    if (const Command* found = commands.find_by_name(name)) shown.push_back(found);
  }
  reply.map(shown.size());
  for (const Command* each : shown) {
    reply.bulk(each->full_name);
    write_command_docs(commands, *each, reply);
  }
}

// ---- COMMAND LIST -------------------------------------------------------------------------------

void list(SessionContext& context, Arguments arguments, Reply& reply) {
  enum class Filter : uint8_t { none, module, category, pattern };
  Filter filter = Filter::none;
  std::string_view wanted;
  if (arguments.size() == 5 && equals_ignoring_case(arguments[2], "filterby")) {
    wanted = arguments[4];
    if (equals_ignoring_case(arguments[3], "module")) {
      filter = Filter::module;
    } else if (equals_ignoring_case(arguments[3], "aclcat")) {
      filter = Filter::category;
    } else if (equals_ignoring_case(arguments[3], "pattern")) {
      filter = Filter::pattern;
    }
  }
  if (arguments.size() != 2 && filter == Filter::none) return reply.error("ERR syntax error");

  const CommandTable& commands = context.commands();
  std::vector<std::string_view> names;
  text::GlobBudget budget;
  for (size_t i = 0; i < commands.size(); ++i) {
    const Command& each = commands[i];
    const bool shown = filter == Filter::none ||
                       (filter == Filter::category && is_in_category(*each.row, wanted)) ||
                       (filter == Filter::pattern &&
                        text::glob_match(wanted, each.full_name, text::GlobCase::ignore, budget));
    if (shown) names.push_back(each.full_name);
  }
  if (budget.is_spent()) return reply.error(text::kGlobTooDear);
  reply.array(names.size());
  for (std::string_view name : names) reply.bulk(name);
}

// ---- COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS ---------------------------------------------------

struct KeysOfRequest {
  uint32_t flags;          // KeyFlag, of the first
  uint32_t further_flags;  // of the others
  std::vector<std::string_view> keys;
};

// BITFIELD reads only if it is all GET; what cannot be read is taken for a write.
bool bitfield_writes(Arguments request) {
  for (size_t i = 2; i < request.size();) {
    const size_t further = request.size() - i - 1;
    if (equals_ignoring_case(request[i], "get") && further >= 2) {
      i += 3;
    } else if (equals_ignoring_case(request[i], "overflow") && further >= 1) {
      i += 2;
    } else {
      return true;
    }
  }
  return false;
}

// Some commands do to their keys what their arguments say: BITFIELD, and SET, which reads the old
// value if it is to answer it.
uint32_t key_flags_of(const CommandRow& row, Arguments request) {
  if ((row.keys.flags & kKeyVariable) == 0) return row.keys.flags;
  if (row.name == "bitfield") {
    return bitfield_writes(request) ? kKeyReadWrite | kKeyAccess | kKeyUpdate
                                    : kKeyReadOnly | kKeyAccess;
  }
  for (size_t i = 3; i < request.size(); ++i) {
    if (equals_ignoring_case(request[i], "get")) return kKeyReadWrite | kKeyAccess | kKeyUpdate;
  }
  return kKeyOverwrite | kKeyUpdate;
}

// The keys of the request that follows `COMMAND GETKEYS`; answers the error if it has none.
std::optional<KeysOfRequest> keys_of(SessionContext& context, Arguments request, Reply& reply) {
  const Command* found = context.commands().find(request);
  const bool names_subcommand = request.size() > 1;
  if (found == nullptr || (names_subcommand && !found->row->subcommands.empty())) {
    reply.error("ERR Invalid command specified");
    return std::nullopt;
  }
  const CommandRow& row = *found->row;
  if (row.keys.first == 0 || (row.keys.flags & kKeyNotKey) != 0) {
    reply.error("ERR The command has no key arguments");
    return std::nullopt;
  }
  if (!row.accepts(request.size())) {
    reply.error("ERR Invalid number of arguments specified for command");
    return std::nullopt;
  }
  KeysOfRequest result{key_flags_of(row, request), row.keys.further_flags, {}};
  if (result.further_flags == 0) result.further_flags = result.flags;
  const KeyArguments places = key_arguments(row, request);
  if (places.count == 0 && !row.has_flag(kNoMandatoryKeys)) {
    reply.error("ERR Invalid arguments specified for command");
    return std::nullopt;
  }
  for (size_t i = 0; i < places.total(); ++i) {
    result.keys.push_back(request[places.at(i)]);
  }
  return result;
}

void get_keys(SessionContext& context, Arguments arguments, Reply& reply) {
  const auto found = keys_of(context, arguments.subspan(2), reply);
  if (!found) return;
  reply.array(found->keys.size());
  for (std::string_view key : found->keys) reply.bulk(key);
}

void get_keys_and_flags(SessionContext& context, Arguments arguments, Reply& reply) {
  const auto found = keys_of(context, arguments.subspan(2), reply);
  if (!found) return;
  reply.array(found->keys.size());
  for (size_t i = 0; i < found->keys.size(); ++i) {
    reply.array(2);
    reply.bulk(found->keys[i]);
    write_key_flags(i == 0 ? found->flags : found->further_flags, reply);
  }
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "(no subcommand)",
      "    Describes all commands.",
      "COUNT",
      "    How many commands there are.",
      "LIST",
      "    The names of all commands.",
      "INFO [<command-name> ...]",
      "    Describes the named commands, or all: arity, flags, keys.",
      "DOCS [<command-name> ...]",
      "    Documents the named commands, or all.",
      "GETKEYS <full-command>",
      "    The keys of a command.",
      "GETKEYSANDFLAGS <full-command>",
      "    The keys of a command and what it would do to each.",
  };
  write_help("command", kLines, reply);
}

constexpr uint32_t kPlain = kLoading | kStale;
constexpr std::string_view kAnyOrder = "nondeterministic_output_order";

constexpr auto kSubcommands = checked({
    {"count",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     count,
     {.summary = "Counts the commands.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
    {"info",
     -2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     info,
     {.summary = "Describes the named commands as clients need it, or all.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(N) where N is the number of commands to look up",
      .syntax = "[command-name [command-name ...]]",
      .history = "7.0.0: Without names describes all.",
      .tips = kAnyOrder}},
    {"docs",
     -2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     docs,
     {.summary = "Documents the named commands, or all.",
      .since = "7.0.0",
      .group = "server",
      .complexity = "O(N) where N is the number of commands to look up",
      .syntax = "[command-name [command-name ...]]",
      .tips = kAnyOrder}},
    {"list",
     -2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     list,
     {.summary = "Names the commands, those that a filter lets through.",
      .since = "7.0.0",
      .group = "server",
      .complexity = "O(N) where N is the total number of Redis commands",
      .syntax = "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
      .tips = kAnyOrder}},
    {"getkeys",
     -4,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     get_keys,
     {.summary = "Answers which arguments of a command are keys.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(N) where N is the number of arguments to the command",
      .syntax = ""}},
    {"getkeysandflags",
     -4,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     get_keys_and_flags,
     {.summary = "Answers the keys of a command and what it would do to each.",
      .since = "7.0.0",
      .group = "server",
      .complexity = "O(N) where N is the number of arguments to the command",
      .syntax = ""}},
    {"help",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of COMMAND.",
      .since = "5.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"command",
     -1,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     command,
     {.summary = "Describes all commands as clients need it.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(N) where N is the total number of Redis commands",
      .syntax = "",
      .tips = kAnyOrder},
     kSubcommands},
});

}  // namespace

CommandFamily introspection_commands() {
  return kRows;
}

}  // namespace larder::server
