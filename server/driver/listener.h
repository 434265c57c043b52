// Listening sockets: opened here once at start, before any worker runs, then given to one driver.
//
// Owns the descriptor and, for a Unix socket, the name in the file system. Never accepts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/driver/event.h"

namespace larder::server {

// One listening socket. Closing it removes the Unix socket's name as well.
class ListenSocket {
 public:
  ListenSocket(int handle, Transport transport, std::string name)
      : handle_(handle), transport_(transport), name_(std::move(name)) {}
  ListenSocket(ListenSocket&& other) noexcept
      : handle_(other.handle_), transport_(other.transport_), name_(std::move(other.name_)) {
    other.handle_ = -1;
  }
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket() { close(); }

  void close();

  int handle() const { return handle_; }
  Transport transport() const { return transport_; }
  // "127.0.0.1:6379", "[::1]:6379" or the path of a Unix socket.
  const std::string& name() const { return name_; }

 private:
  int handle_;
  Transport transport_;
  std::string name_;
};

struct ListenFailure {
  std::string cause;   // what was tried and what the system said
  std::string remedy;  // what the operator can do about it
};

// Either `failure`, or at least one socket.
struct Listening {
  std::vector<ListenSocket> sockets;
  uint16_t port = 0;
  std::optional<ListenFailure> failure;
};

struct TcpListenOptions {
  // As `bind` in redis.conf: IPv4, IPv6 or a host name; "*" is every IPv4 address and "::*" every
  // IPv6 one. After a leading '-' an address that no interface has is passed over.
  std::vector<std::string> addresses;
  uint16_t port = 0;  // 0: choose a free one, the same on all addresses
  int backlog = 511;
  int keepalive_s = 300;  // 0: none. Accepted connections inherit it.
  // How long a busy port is tried again: the kernel ends an io_uring server's sockets some
  // milliseconds after the process.
  int64_t busy_retry_ms = 500;
};

// Opens all addresses or none. Blocks for name resolution and while a port is busy. As Redis does,
// passes over an address whose protocol this machine does not speak.
[[nodiscard]] Listening listen_tcp(const TcpListenOptions& options);

struct UnixListenOptions {
  std::string path;
  // Permission bits, set before anybody can connect; none: whatever the umask leaves.
  std::optional<uint32_t> permissions;
  int backlog = 511;
};

// Takes the place of a socket file that nobody answers on; never of anything else.
[[nodiscard]] Listening listen_unix(const UnixListenOptions& options);

}  // namespace larder::server
