// Where a bit stands, as clients say it: what SETBIT, GETBIT and BITFIELD share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/number.h"
#include "protocol/reply.h"
#include "server/key_context.h"

namespace larder::server {

// A bit within the longest value there may be (proto-max-bulk-len). `field_width`, if not 0, allows
// "#n": the n-th field of that width. Answers the error and returns nothing if it is none of these.
inline std::optional<uint64_t> read_bit_offset(std::string_view argument, KeyContext& context,
                                               protocol::Reply& reply, unsigned field_width = 0) {
  int64_t unit = 1;
  if (field_width != 0 && argument.starts_with('#')) {
    unit = field_width;
    argument.remove_prefix(1);
  }
  const std::optional<int64_t> number = protocol::parse_int64(argument);
  int64_t offset = -1;
  const bool fits = number && !__builtin_mul_overflow(*number, unit, &offset) && offset >= 0 &&
                    static_cast<uint64_t>(offset) / 8 < context.max_string_bytes();
  if (fits) return static_cast<uint64_t>(offset);
  reply.error("ERR bit offset is not an integer or out of range");
  return std::nullopt;
}

}  // namespace larder::server
