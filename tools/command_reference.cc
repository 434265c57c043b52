#include "tools/command_reference.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/command_table.h"
#include "server/commands/command_reply.h"
#include "server/text/ascii.h"

namespace larder::tools {
namespace {

using server::Command;
using server::CommandRow;
using server::CommandTable;

struct Group {
  std::string_view name;  // CommandDocs::group
  std::string_view title;
};

// In the order of the page; a row of another group is on the page too, at its end.
constexpr Group kGroups[] = {
    {"string", "Strings"},
    {"hyperloglog", "HyperLogLog"},
    {"bitmap", "Bitmaps"},
    {"list", "Lists"},
    {"set", "Sets"},
    {"hash", "Hashes"},
    {"sorted-set", "Sorted sets"},
    {"geo", "Places"},
    {"stream", "Streams"},
    {"generic", "Keys"},
    {"transactions", "Transactions"},
    {"pubsub", "Messages"},
    {"scripting", "Scripts"},
    {"connection", "Connections"},
    {"server", "Server"},
};

bool is_known(std::string_view group) {
  return std::any_of(std::begin(kGroups), std::end(kGroups),
                     [&](const Group& known) { return known.name == group; });
}

// "CLIENT KILL"
std::string spoken_name(const Command& command) {
  std::string name = text::uppered(command.full_name);
  std::replace(name.begin(), name.end(), '|', ' ');
  return name;
}

// Which arguments are keys; the command's name is argument 0.
std::string key_text(const server::KeyPositions& keys) {
  if (keys.first == 0 || (keys.flags & server::kKeyNotKey) != 0) return {};
  std::string words = "argument " + std::to_string(keys.first);
  if (keys.has_patterns) {
    if (keys.stored_from != 0) words += ", what follows STORE";
    return words + ", and what BY and GET name";
  }
  if (keys.last == keys.first) return words;
  if (keys.stored_from != 0) return words + ", and what follows STORE or STOREDIST";
  const std::string count = "argument " + std::to_string(keys.count_at);
  words = keys.step == 1 ? "every argument" : "one argument in " + std::to_string(keys.step);
  words += " from " + std::to_string(keys.first) + " on";
  if (keys.count_at != 0) words += ", as many keys as " + count + " says";
  if (keys.destination_at != 0) {
    words = "argument " + std::to_string(keys.destination_at) + ", and " + words;
  }
  return words;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

// "1.0.0: one.|2.0.0: two." -> "1.0.0: one. 2.0.0: two."
std::string history_text(std::string_view history) {
  std::string text(history);
  for (size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar)) {
    text[bar] = ' ';
  }
  return text;
}

void add_line(std::string& page, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  page += "- ";
  page += label;
  page += ": ";
  page += text;
  page += '\n';
}

void add_command(std::string& page, const Command& command) {
  const CommandRow& row = *command.row;
  const server::CommandDocs& docs = row.docs;
  page += "### " + spoken_name(command) + "\n\n    " + spoken_name(command);
  if (!docs.syntax.empty()) page += " " + std::string(docs.syntax);
  page += "\n\n" + std::string(docs.summary) + "\n\n";
  add_line(page, "Since", docs.since);
  add_line(page, "History", history_text(docs.history));
  if (!docs.deprecated_since.empty()) {
    std::string instead(docs.deprecated_since);
    if (!docs.replaced_by.empty()) instead += ", instead of it: " + std::string(docs.replaced_by);
    add_line(page, "Deprecated since", instead);
  }
  add_line(page, "Takes", docs.complexity);
  add_line(page, "Keys", key_text(row.keys));
  add_line(page, "Flags", joined(server::flag_names(row)));
  page += '\n';
}

void add_with_subcommands(std::string& page, const CommandTable& commands, const Command& command) {
  const bool is_only_container = command.row->handler.reach() == server::Handler::Reach::none;
  if (!is_only_container) add_command(page, command);
  for (const CommandRow& sub : command.row->subcommands) {
    add_command(page, *commands.find_subcommand(command, sub.name));
  }
}

void add_group(std::string& page, const CommandTable& commands, std::string_view title,
               const std::vector<const Command*>& members) {
  if (members.empty()) return;
  page += "## " + std::string(title) + "\n\n";
  for (const Command* command : members) add_with_subcommands(page, commands, *command);
}

}  // namespace

std::string command_reference() {
  const CommandTable commands(server::all_families());
  std::string page =
      "# Commands\n\n"
      "Generated from the commands' rows; a unit test compares the two and says how to renew this "
      "page. Versions are those of Redis in which a command or option appeared.\n\n";
  const auto members = [&commands](auto&& belongs) {
    std::vector<const Command*> chosen;
    for (const Command* command : commands.top_level()) {
      if (belongs(command->row->docs.group)) chosen.push_back(command);
    }
    return chosen;
  };
  for (const Group& group : kGroups) {
    add_group(page, commands, group.title,
              members([&](std::string_view name) { return name == group.name; }));
  }
  add_group(page, commands, "Others",
            members([](std::string_view name) { return !is_known(name); }));
  page.pop_back();  // the last blank line
  return page;
}

}  // namespace larder::tools
