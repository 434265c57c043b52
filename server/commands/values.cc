#include "server/commands/values.h"

#include <limits>
#include <string>

namespace larder::server {

std::optional<int64_t> deadline_from(int64_t number, TimeUnit unit, TimeBase base, int64_t now_ms) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (unit == TimeUnit::seconds) {
    if (number > kMax / 1000 || number < -kMax / 1000) return std::nullopt;
    number *= 1000;
  }
  if (base == TimeBase::from_now) {
    if (number > kMax - now_ms) return std::nullopt;
    number += now_ms;
  }
  return number;
}

void reply_invalid_expire_time(protocol::Reply& reply, std::string_view command) {
  reply.error("ERR invalid expire time in '" + std::string(command) + "' command");
}

std::optional<int64_t> read_deadline(std::string_view argument, TimeUnit unit, TimeBase base,
                                     std::string_view command, KeyContext& context,
                                     protocol::Reply& reply) {
  const std::optional<int64_t> number = read_integer(argument, reply);
  if (!number) return std::nullopt;
  std::optional<int64_t> deadline;
  if (*number > 0) deadline = deadline_from(*number, unit, base, context.now_ms());
  if (!deadline) reply_invalid_expire_time(reply, command);
  return deadline;
}

}  // namespace larder::server
