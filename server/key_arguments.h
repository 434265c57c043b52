// Which arguments of a request are keys: the one place that says so. Locking, COMMAND GETKEYS and
// whoever else must know ask here.
#pragma once

#include <cstddef>

#include "server/command.h"

namespace larder::server {

// Arguments first, first + step, ... : `count` of them, and perhaps one before and one behind.
struct KeyArguments {
  size_t first = 0;
  size_t step = 1;
  size_t count = 0;
  size_t before = 0;  // 0: none
  size_t behind = 0;  // 0: none

  size_t total() const { return count + (before != 0 ? 1 : 0) + (behind != 0 ? 1 : 0); }
  // The argument that is the key with this index. REQUIRES: index < total().
  size_t at(size_t index) const {
    if (before != 0 && index-- == 0) return before;
    return index < count ? first + index * step : behind;
  }
};

// No keys at all if the request says how many it has and that cannot be: not a number, none, or
// more than follow. (The command then answers an error.)
// REQUIRES: the row accepts the number of arguments, and has keys.
KeyArguments key_arguments(const CommandRow& row, protocol::Arguments arguments);

// Does a command of this row work with keys that its arguments name, and change no others?
inline bool locks_named_keys(const CommandRow& row) {
  return row.locks == LockPlan::keys || row.locks == LockPlan::patterns;
}

// What this request of the row's command has to lock: the row's plan, or, in place of
// LockPlan::patterns, what it comes to.
LockPlan lock_plan(const CommandRow& row, protocol::Arguments arguments);

}  // namespace larder::server
