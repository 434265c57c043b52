// What the files of families of several files share: their parts of the rows, and small pieces of
// replies. Not for other folders.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "server/command_table.h"

namespace larder::server {

// connection_commands() is connection.cc's own rows, then these.
CommandFamily client_commands();  // client.cc

// key_commands() is keys.cc's own rows, then these.
CommandFamily move_commands();    // move_keys.cc
CommandFamily object_commands();  // object.cc

// server_commands() is server.cc's own rows, then these.
CommandFamily info_commands();           // info.cc
CommandFamily configuration_commands();  // configuration.cc
CommandFamily introspection_commands();  // introspection.cc
CommandFamily memory_commands();         // memory.cc
CommandFamily identity_commands();       // identity.cc
CommandFamily slow_log_commands();       // slowlog.cc
CommandFamily latency_commands();        // latency.cc
CommandFamily monitor_commands();        // monitor.cc
CommandFamily debug_commands();          // debug.cc

// One family of several.
std::vector<CommandRow> joined(std::initializer_list<CommandFamily> parts);

// The answer of a container's HELP: a title line, `lines`, and HELP itself.
void write_help(std::string_view container, std::span<const std::string_view> lines,
                protocol::Reply& reply);

// The error for a subcommand whose arguments no form of it allows.
void write_subcommand_syntax_error(std::string_view container, std::string_view word,
                                   protocol::Reply& reply);

}  // namespace larder::server
