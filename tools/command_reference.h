// The page about all commands, made from their rows: server/commands/REFERENCE.md.
//
// For people who use the server. Nothing on it is written by hand, and a unit test compares it with
// the committed file.
#pragma once

#include <string>

namespace larder::tools {

// The whole page, ends with a line end.
[[nodiscard]] std::string command_reference();

}  // namespace larder::tools
