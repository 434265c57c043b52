// CommandTable: finds the row a request asks for.
//
// Built once at start from the families' rows, then constant and shared by all threads.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/command.h"

namespace larder::server {

// A row in its place: a top-level command or a subcommand.
struct Command {
  const CommandRow* row;
  const Command* parent;  // the container, for a subcommand
  unsigned index;         // dense, for per-command counters
  std::string full_name;  // "get", "client|kill"
};

using CommandFamily = std::span<const CommandRow>;

class CommandTable {
 public:
  explicit CommandTable(std::span<const CommandFamily> families);

  // The command of a request; a subcommand if the first two words name one. Null if the first word
  // is unknown. A container whose second word is unknown is returned itself. O(length of the name).
  const Command* find(protocol::Arguments request) const;
  // By full name in any case: "get", "client|kill".
  const Command* find_by_name(std::string_view name) const;
  // Subcommand of a container; null if there is none of that name.
  const Command* find_subcommand(const Command& container, std::string_view word) const;

  size_t size() const { return commands_.size(); }
  const Command& operator[](size_t index) const { return commands_[index]; }
  // Top-level commands, in family order.
  std::span<const Command* const> top_level() const { return top_level_; }

 private:
  const Command& add(const CommandRow& row, const Command* parent);
  const Command* find_top_level(std::string_view name) const;

  std::deque<Command> commands_;
  std::vector<const Command*> top_level_;
  std::vector<const Command*> slots_;  // open addressing by name, a power of two
};

// All families of this server (commands/families.cc).
std::span<const CommandFamily> all_families();

}  // namespace larder::server
