// Settings that redis.conf has and this version has not: what to tell who asks for them.
#pragma once

#include <optional>
#include <string_view>

namespace larder::config {

// What a setting of Redis 7 would need that is missing here ("TLS"), or what to use instead;
// nothing if `name` (in any case) is not a setting of Redis, or one that Larder has.
[[nodiscard]] std::optional<std::string_view> missing_part(std::string_view name);

}  // namespace larder::config
