// Endpoint: where the server listens, and plain blocking talk to it before and after the load.
//
// Descriptors are the caller's to close. Errors come back as text for the operator.
#pragma once

#include <cstdint>
#include <string>

#include "bench/load/reply_scanner.h"

namespace larder::bench {

struct Endpoint {
  std::string host = "127.0.0.1";
  uint16_t port = 6379;
  std::string unix_path;  // used instead of host and port when not empty

  std::string to_string() const;
};

// A connected stream socket (TCP_NODELAY), or -1 and `error`.
[[nodiscard]] int connect_to(const Endpoint& endpoint, std::string& error);

// Sends one request and waits up to `timeout_ms` for its one reply, whose bytes go to `reply`.
// False with `error` when it did not come, or is an error.
[[nodiscard]] bool exchange(int fd, WireProtocol protocol, const std::string& request,
                            int timeout_ms, std::string& reply, std::string& error);

// How many keys the server holds (DBSIZE; memcached: curr_items), or -1 and `error`.
[[nodiscard]] int64_t count_keys(int fd, WireProtocol protocol, int timeout_ms, std::string& error);

}  // namespace larder::bench
