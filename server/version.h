// What this server says it is: its own version, and the one of Redis whose commands and reply
// shapes it offers (clients choose features by that one).
#pragma once

#include <string_view>

namespace larder::server {

inline constexpr std::string_view kLarderVersion = LARDER_VERSION;
inline constexpr std::string_view kRedisVersion = "7.4.0";
inline constexpr int kRedisVersionNumber = 7 << 16 | 4 << 8 | 0;

}  // namespace larder::server
