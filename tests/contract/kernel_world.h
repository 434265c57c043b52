// KernelWorld: a real driver that listens on 127.0.0.1, and clients with real sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/driver/listener.h"
#include "server/driver/options.h"
#include "tests/contract/world.h"

namespace larder::contract {

using DriverMaker = std::unique_ptr<server::Driver> (*)(server::DriverOptions&, std::string&);

// The real drivers by name, for tests of what only they do. Those that this machine lacks are left
// out, as in worlds().
struct KernelDriver {
  const char* name;
  DriverMaker make;
};
const std::vector<KernelDriver>& kernel_drivers();

// A client's socket.
class SocketPeer final : public Peer {
 public:
  explicit SocketPeer(int handle) : handle_(handle) {}
  ~SocketPeer() override { close(); }
  SocketPeer(const SocketPeer&) = delete;
  SocketPeer& operator=(const SocketPeer&) = delete;

  size_t write(std::string_view bytes) override;
  PeerRead read(size_t limit) override;
  void finish() override;
  void close() override;
  void reset() override;

 private:
  int handle_;
};

// Null if nobody listens.
std::unique_ptr<SocketPeer> connect_ipv4(uint16_t port);
std::unique_ptr<SocketPeer> connect_ipv6(uint16_t port);
std::unique_ptr<SocketPeer> connect_unix(const std::string& path);

std::unique_ptr<World> make_uring_world(const WorldOptions& options, std::string& why_not);
std::unique_ptr<World> make_epoll_world(const WorldOptions& options, std::string& why_not);

}  // namespace larder::contract
