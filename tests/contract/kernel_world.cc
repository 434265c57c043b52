#include "tests/contract/kernel_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace larder::contract {

namespace {

class KernelWorld final : public World {
 public:
  KernelWorld(std::unique_ptr<server::Driver> driver, uint16_t port)
      : driver_(std::move(driver)), port_(port) {}
  server::Driver& driver() override { return *driver_; }
  std::unique_ptr<Peer> connect() override { return connect_ipv4(port_); }

 private:
  std::unique_ptr<server::Driver> driver_;
  uint16_t port_;
};

std::unique_ptr<World> make_world(DriverMaker make, const WorldOptions& options,
                                  std::string& why_not) {
  server::TcpListenOptions listen;
  listen.addresses = {"127.0.0.1"};
  server::Listening listening = server::listen_tcp(listen);
  if (listening.failure) {
    why_not = listening.failure->cause;
    return nullptr;
  }
  server::DriverOptions driver_options;
  driver_options.listeners = std::move(listening.sockets);
  driver_options.receive_buffer_count = options.receive_buffer_count;
  driver_options.receive_buffer_bytes = options.receive_buffer_bytes;
  std::unique_ptr<server::Driver> driver = make(driver_options, why_not);
  if (driver == nullptr) return nullptr;
  return std::make_unique<KernelWorld>(std::move(driver), listening.port);
}

std::unique_ptr<SocketPeer> connect_to(int family, const void* address, socklen_t size) {
  const int handle = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return nullptr;
  auto peer = std::make_unique<SocketPeer>(handle);
  if (connect(handle, static_cast<const sockaddr*>(address), size) != 0) return nullptr;
  return peer;
}

}  // namespace

const std::vector<KernelDriver>& kernel_drivers() {
  static const std::vector<KernelDriver> existing = [] {
    std::vector<KernelDriver> found;
    for (const KernelDriver driver : {KernelDriver{"uring", server::make_uring_driver},
                                      KernelDriver{"epoll", server::make_epoll_driver}}) {
      server::DriverOptions options;
      std::string why_not;
      if (driver.make(options, why_not) != nullptr) found.push_back(driver);
    }
    return found;
  }();
  return existing;
}

size_t SocketPeer::write(std::string_view bytes) {
  const ssize_t written = send(handle_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return written < 0 ? 0 : static_cast<size_t>(written);
}

PeerRead SocketPeer::read(size_t limit) {
  PeerRead result;
  result.bytes.resize(std::min<size_t>(limit, 1 << 20));
  const ssize_t received = recv(handle_, result.bytes.data(), result.bytes.size(), MSG_DONTWAIT);
  result.ended = received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR);
  result.bytes.resize(received < 0 ? 0 : static_cast<size_t>(received));
  return result;
}

void SocketPeer::finish() {
  shutdown(handle_, SHUT_WR);
}

void SocketPeer::close() {
  if (handle_ >= 0) ::close(std::exchange(handle_, -1));
}

void SocketPeer::reset() {
  const linger at_once{1, 0};
  setsockopt(handle_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

std::unique_ptr<SocketPeer> connect_ipv4(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_to(AF_INET, &address, sizeof address);
}

std::unique_ptr<SocketPeer> connect_ipv6(uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return connect_to(AF_INET6, &address, sizeof address);
}

std::unique_ptr<SocketPeer> connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return nullptr;
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_to(AF_UNIX, &address, sizeof address);
}

std::unique_ptr<World> make_uring_world(const WorldOptions& options, std::string& why_not) {
  return make_world(server::make_uring_driver, options, why_not);
}

std::unique_ptr<World> make_epoll_world(const WorldOptions& options, std::string& why_not) {
  return make_world(server::make_epoll_driver, options, why_not);
}

}  // namespace larder::contract
