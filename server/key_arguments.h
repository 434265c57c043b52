// Which arguments of a request are keys: the one place that says so. Locking, COMMAND GETKEYS and
// whoever else must know ask here.
#pragma once

#include <cstddef>

#include "server/command.h"

namespace larder::server {

// Arguments first, first + step, ... : `count` of them.
struct KeyArguments {
  size_t first = 0;
  size_t step = 1;
  size_t count = 0;
};

// No keys at all if the request says how many it has and that cannot be: not a number, none, or
// more than follow. (The command then answers an error.)
// REQUIRES: the row accepts the number of arguments, and has keys.
KeyArguments key_arguments(const CommandRow& row, protocol::Arguments arguments);

}  // namespace larder::server
