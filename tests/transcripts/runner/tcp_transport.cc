#include "tests/transcripts/runner/tcp_transport.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace larder::transcripts {
namespace {

constexpr int kSendTimeoutMs = 10'000;

int connect_v4(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return -1;
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return -1;
  if (::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(handle);
    return -1;
  }
  const int on = 1;
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::fcntl(handle, F_SETFL, ::fcntl(handle, F_GETFL) | O_NONBLOCK);
  return handle;
}

}  // namespace

TcpTransport::~TcpTransport() {
  for (const auto& [name, socket] : sockets_) ::close(socket.handle);
}

bool TcpTransport::open(std::string_view connection) {
  const int handle = connect_v4(host_, port_);
  if (handle < 0) return false;
  sockets_[std::string(connection)] = {handle, "", false};
  return true;
}

void TcpTransport::close(std::string_view connection) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  ::close(found->second.handle);
  sockets_.erase(found);
}

void TcpTransport::read_early(Socket& socket) {
  char buffer[65536];
  for (;;) {
    const ssize_t size = ::recv(socket.handle, buffer, sizeof(buffer), 0);
    if (size > 0) {
      socket.early.append(buffer, static_cast<size_t>(size));
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    socket.is_closed = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return;
  }
}

bool TcpTransport::send(std::string_view connection, std::string_view bytes) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return false;
  Socket& socket = found->second;
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket.handle, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) {
      bytes.remove_prefix(static_cast<size_t>(size));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd waiting{socket.handle, POLLIN | POLLOUT, 0};
      if (::poll(&waiting, 1, kSendTimeoutMs) <= 0) return false;
      if ((waiting.revents & POLLIN) != 0) read_early(socket);
      if (socket.is_closed) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

Arrival TcpTransport::receive(std::string_view connection, int64_t wait_ms, std::string& bytes) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return Arrival::closed;
  Socket& socket = found->second;
  if (!socket.is_closed) {
    pollfd waiting{socket.handle, POLLIN, 0};
    const bool has_some = !socket.early.empty();
    ::poll(&waiting, 1, has_some ? 0 : static_cast<int>(wait_ms));
    if (waiting.revents != 0) read_early(socket);
  }
  if (!socket.early.empty()) {
    bytes += socket.early;
    socket.early.clear();
    return Arrival::bytes;
  }
  return socket.is_closed ? Arrival::closed : Arrival::timeout;
}

void TcpTransport::pause(int64_t duration_ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

// The player skips scenes that would need this.
void TcpTransport::advance(int64_t duration_ms) {
  pause(duration_ms);
}

uint16_t find_free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool is_bound = handle >= 0 &&
                        ::bind(handle, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        ::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (handle >= 0) ::close(handle);
  return is_bound ? ntohs(address.sin_port) : uint16_t{0};
}

}  // namespace larder::transcripts
