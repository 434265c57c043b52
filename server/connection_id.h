// ConnectionId: a worker's name for one connection.
#pragma once

#include <cstdint>

namespace larder::server {

// Slots are reused, generations are not (modulo 2^24).
struct ConnectionId {
  uint32_t slot = 0;
  uint32_t generation = 0;
  bool operator==(const ConnectionId&) const = default;
};

}  // namespace larder::server
