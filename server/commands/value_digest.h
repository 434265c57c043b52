// The digest that conditional writes compare: XXH3 64-bit of the value, as 16 hexadecimal digits
// (Redis 8.4's DIGEST).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::server {

uint64_t value_digest(std::string_view value);

// Reads a client's digest; nothing unless it is 16 hexadecimal digits, in any case.
std::optional<uint64_t> parse_digest(std::string_view text);

}  // namespace larder::server
