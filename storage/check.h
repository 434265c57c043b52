// check: stops the program with a message when something that must hold does not. Always on.
#pragma once

namespace larder::storage {

[[noreturn]] void fail_check(const char* message);

inline void check(bool holds, const char* message) {
  if (!holds) [[unlikely]]
    fail_check(message);
}

}  // namespace larder::storage
