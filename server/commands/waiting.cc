#include "server/commands/waiting.h"

#include <cmath>

#include "protocol/number.h"

namespace larder::server {

using protocol::Reply;

std::optional<int64_t> read_timeout_ms(std::string_view argument, Reply& reply) {
  const std::optional<long double> seconds = protocol::parse_long_double(argument);
  if (!seconds || std::isnan(*seconds)) {
    reply.error("ERR timeout is not a float or out of range");
    return std::nullopt;
  }
  if (*seconds < 0) {
    reply.error("ERR timeout is negative");
    return std::nullopt;
  }
  const long double ms = std::ceil(*seconds * 1000);
  if (ms >= 0x1p63L) {
    reply.error("ERR timeout is out of range");
    return std::nullopt;
  }
  return static_cast<int64_t>(ms);
}

void wait_for_any(KeyContext& context, int64_t timeout_ms, Reply& reply) {
  if (!context.may_wait()) return reply.null_array();
  context.wait({.awaited = context.keys().size(), .timeout_ms = timeout_ms});
}

}  // namespace larder::server
