// --help and the reference page, from the table.
#include <algorithm>

#include "server/config/settings.h"
#include "server/config/table.h"
#include "server/text/memory_size.h"

namespace larder::config {
namespace {

constexpr size_t kHelpColumns = 80;
constexpr std::array<Group, 6> kGroups{Group::network, Group::security, Group::clients,
                                       Group::memory,  Group::general,  Group::later};

std::string_view title(Group group) {
  switch (group) {
    case Group::network:
      return "Network";
    case Group::security:
      return "Security";
    case Group::clients:
      return "Clients";
    case Group::memory:
      return "Memory";
    case Group::general:
      return "General";
    case Group::later:
      return "Parts that later versions bring (accepted where they ask for what is true)";
  }
  return "";
}

std::string shown_default(const Setting& setting) {
  const Config defaults;
  if (const Memory* memory = std::get_if<Memory>(&setting.field)) {
    return text::format_memory_size(defaults.*(memory->member));
  }
  const std::string value = value_text(defaults, setting);
  return value.empty() ? "\"\"" : value;
}

// Appends `text` wrapped to kHelpColumns, each line indented.
void append_wrapped(std::string& out, std::string_view text, size_t indent) {
  while (!text.empty()) {
    size_t length = std::min(text.size(), kHelpColumns - indent);
    if (length < text.size()) {
      const size_t space = text.rfind(' ', length);
      if (space != std::string_view::npos && space != 0) length = space;
    }
    out.append(indent, ' ').append(text.substr(0, length)).append("\n");
    text.remove_prefix(std::min(length + 1, text.size()));
  }
}

constexpr std::string_view kUsage =
    R"(Usage: larder-server [CONFIG-FILE | -] [--NAME VALUE ...] ...
       larder-server --help | -h
       larder-server --version | -v

A cache server for Redis clients. CONFIG-FILE has the syntax of redis.conf:
lines of a name and values, # for comments, "..." around values with spaces,
`include PATH` for another file. "-" reads it from standard input. Arguments
--NAME VALUE (also --NAME=VALUE) take the same names and win over the file.
An unknown or bad setting stops the start.

Sizes take a unit: k, m, g (1000-based), kb, mb, gb (1024-based).
Settings with * can be changed while the server runs, by CONFIG SET; CONFIG
REWRITE then writes them to CONFIG-FILE.
)";

constexpr std::string_view kSignalsAndExamples = R"(
Signals:
  SIGTERM, SIGINT   finish what was begun, send the replies, close and exit;
                    a second one exits at once
  SIGPIPE           ignored

Exit status: 0 after a shutdown, 1 if the start failed (standard error says why
in one line).

Examples:
  larder-server
  larder-server --port 7000 --bind 127.0.0.1 ::1 --threads 4
  larder-server /etc/larder.conf --loglevel verbose
  larder-server --port 0 --unixsocket /run/larder.sock --unixsocketperm 700
  larder-server --requirepass "a long secret" --protected-mode yes
  larder-server --client-output-buffer-limit pubsub 32mb 8mb 60
)";

// For a cell of a table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char byte : text) {
    if (byte == '|' || byte == '*' || byte == '_') result.push_back('\\');
    result.push_back(byte);
  }
  return result;
}

void append_reference(std::string& out, Group group) {
  out.append("\n## ").append(title(group)).append("\n\n");
  out += "| Setting | Default | Accepted | Changes | What it does |\n|---|---|---|---|---|\n";
  for (const Setting* setting : table()) {
    if (setting->group != group) continue;
    out += "| `" + std::string(setting->name) + "` | `" + shown_default(*setting) + "` | " +
           cell(accepted_values(*setting)) + " | " +
           (setting->change == Change::at_run_time ? "at run time" : "at start") + " | " +
           cell(setting->documentation);
    if (!setting->only_default_because.empty()) {
      out += " Other values are refused: " + cell(setting->only_default_because) + ".";
    }
    out += " |\n";
  }
}

}  // namespace

std::string help_text() {
  std::string out(kUsage);
  for (const Group group : kGroups) {
    out.append("\n").append(title(group)).append(":\n");
    for (const Setting* setting : table()) {
      if (setting->group != group) continue;
      out.append("  --").append(setting->name);
      if (setting->change == Change::at_run_time) out.append(" *");
      out.append("\n");
      append_wrapped(out, setting->documentation, 6);
      append_wrapped(
          out,
          "Default: " + shown_default(*setting) + ". Accepted: " + accepted_values(*setting) + ".",
          6);
    }
  }
  return out.append(kSignalsAndExamples);
}

std::string reference_markdown() {
  std::string out =
      "# Settings\n\n"
      "Generated from the table in `table.cc`; a unit test compares the two and says how to renew "
      "this page.\n\n"
      "Settings stand in a file in the syntax of `redis.conf` (`name value ...`), on the command "
      "line (`--name value ...`), and, where they change at run time, in `CONFIG SET`. Sizes take "
      "a unit: `k`, `m`, `g` (1000-based), `kb`, `mb`, `gb` (1024-based). `include path` in a file "
      "reads another file in its place.\n";
  for (const Group group : kGroups) append_reference(out, group);
  return out;
}

}  // namespace larder::config
