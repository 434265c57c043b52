// How one command's row reads as COMMAND INFO and COMMAND DOCS answer it.
#pragma once

#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "server/command_table.h"

namespace larder::server {

// An array of ten: name, arity, flags, first key, last key, step, ACL categories, tips, key
// specifications, subcommands.
void write_command_info(const CommandTable& commands, const Command& command,
                        protocol::Reply& reply);

// A map, after its key: the command's full name.
void write_command_docs(const CommandTable& commands, const Command& command,
                        protocol::Reply& reply);

// Flags of a key ("RW", "access", ...), as a set. `flags`: KeyFlag.
void write_key_flags(uint32_t flags, protocol::Reply& reply);

// What COMMAND INFO calls the row's flags, in its order.
std::vector<std::string_view> flag_names(const CommandRow& row);

// Is the command in the ACL category of that name, without '@', in any case?
bool is_in_category(const CommandRow& row, std::string_view category);

}  // namespace larder::server
