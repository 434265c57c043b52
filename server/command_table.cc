#include "server/command_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "server/text/ascii.h"

namespace larder::server {
namespace {

// Lower-cases eight bytes at a time, well enough to hash: letters map to lower case and whatever
// else collides is told apart by the comparison afterwards.
uint64_t name_hash(std::string_view name) {
  uint64_t head = 0;
  if (name.size() >= 8) {
    std::memcpy(&head, name.data(), 8);
  } else {
    for (size_t i = name.size(); i-- > 0;) head = head << 8 | static_cast<unsigned char>(name[i]);
  }
  head |= 0x2020202020202020ULL;
  uint64_t tail = name.empty() ? 0 : (static_cast<unsigned char>(name.back()) | 0x20u);
  return (head ^ (tail << 40) ^ name.size()) * 0x9E3779B97F4A7C15ULL >> 32;
}

}  // namespace

CommandTable::CommandTable(std::span<const CommandFamily> families) {
  for (CommandFamily family : families) {
    for (const CommandRow& row : family) {
      const Command& command = add(row, nullptr);
      top_level_.push_back(&command);
      for (const CommandRow& sub : row.subcommands) add(sub, &command);
    }
  }
  slots_.resize(std::bit_ceil(top_level_.size() * 4));
  for (const Command* command : top_level_) {
    size_t at = name_hash(command->row->name) & (slots_.size() - 1);
    while (slots_[at] != nullptr) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = command;
  }
}

const Command& CommandTable::add(const CommandRow& row, const Command* parent) {
  std::string name =
      parent == nullptr ? std::string(row.name) : parent->full_name + "|" + std::string(row.name);
  commands_.push_back({&row, parent, static_cast<unsigned>(commands_.size()), std::move(name)});
  return commands_.back();
}

const Command* CommandTable::find_top_level(std::string_view name) const {
  size_t at = name_hash(name) & (slots_.size() - 1);
  while (slots_[at] != nullptr) {
    if (text::equals_ignoring_case(name, slots_[at]->row->name)) return slots_[at];
    at = (at + 1) & (slots_.size() - 1);
  }
  return nullptr;
}

const Command* CommandTable::find_subcommand(const Command& container,
                                             std::string_view word) const {
  // A container's subcommands follow it directly.
  for (size_t i = 1; i <= container.row->subcommands.size(); ++i) {
    const Command& sub = commands_[container.index + i];
    if (text::equals_ignoring_case(word, sub.row->name)) return &sub;
  }
  return nullptr;
}

const Command* CommandTable::find(protocol::Arguments request) const {
  const Command* command = find_top_level(request[0]);
  if (command == nullptr || command->row->subcommands.empty() || request.size() < 2) return command;
  const Command* sub = find_subcommand(*command, request[1]);
  return sub != nullptr ? sub : command;
}

const Command* CommandTable::find_by_name(std::string_view name) const {
  size_t bar = name.find('|');
  const Command* command = find_top_level(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_subcommand(*command, name.substr(bar + 1));
}

}  // namespace larder::server
