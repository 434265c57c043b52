// What commands that wait for a key have in common: their timeout, and how a wait begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/values.h"

namespace larder::server {

// Seconds, to the next millisecond; 0: no end. Answers the error and returns nothing if it is none.
std::optional<int64_t> read_timeout_ms(std::string_view argument, protocol::Reply& reply);

// None of the command's keys holds anything: waits for the first that does, or answers the null
// array where nobody may wait.
void wait_for_any(KeyContext& context, int64_t timeout_ms, protocol::Reply& reply);

}  // namespace larder::server
