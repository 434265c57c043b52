#include "bench/load/endpoint.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace larder::bench {
namespace {

int connect_unix(const Endpoint& endpoint, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint.unix_path.size() >= sizeof(address.sun_path)) {
    error = "socket path is too long";
    return -1;
  }
  std::memcpy(address.sun_path, endpoint.unix_path.c_str(), endpoint.unix_path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return fd;
  }
  error = std::strerror(errno);
  if (fd >= 0) close(fd);
  return -1;
}

int connect_tcp(const Endpoint& endpoint, std::string& error) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  if (const int rc = getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found); rc != 0) {
    error = gai_strerror(rc);
    return -1;
  }
  int fd = -1;
  for (const addrinfo* each = found; each != nullptr && fd < 0; each = each->ai_next) {
    fd = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (fd >= 0 && connect(fd, each->ai_addr, each->ai_addrlen) == 0) break;
    error = std::strerror(errno);
    if (fd >= 0) close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

bool send_all(int fd, std::string_view bytes, std::string& error) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      error = std::strerror(errno);
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Appends what arrives within `timeout_ms`.
bool receive_some(int fd, int timeout_ms, std::string& bytes, std::string& error) {
  pollfd waiting{fd, POLLIN, 0};
  const int ready = poll(&waiting, 1, timeout_ms);
  if (ready == 0) {
    error = "no reply in time";
    return false;
  }
  char buffer[4096];
  const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
  if (got <= 0) {
    error = got == 0 ? "the server closed the connection" : std::strerror(errno);
    return false;
  }
  bytes.append(buffer, static_cast<size_t>(got));
  return true;
}

}  // namespace

std::string Endpoint::to_string() const {
  return unix_path.empty() ? host + ":" + std::to_string(port) : unix_path;
}

int connect_to(const Endpoint& endpoint, std::string& error) {
  return endpoint.unix_path.empty() ? connect_tcp(endpoint, error) : connect_unix(endpoint, error);
}

bool exchange(int fd, WireProtocol protocol, const std::string& request, int timeout_ms,
              std::string& reply, std::string& error) {
  if (!send_all(fd, request, error)) return false;
  ReplyScanner scanner(protocol);
  ReplyCounts counts;
  reply.clear();
  while (counts.replies == 0) {
    const size_t before = reply.size();
    if (!receive_some(fd, timeout_ms, reply, error)) return false;
    if (!scanner.scan(std::string_view(reply).substr(before), counts)) {
      error = "the reply is not in the expected protocol";
      return false;
    }
  }
  if (counts.errors != 0) {
    error = scanner.error_text();
    return false;
  }
  return true;
}

int64_t count_keys(int fd, WireProtocol protocol, int timeout_ms, std::string& error) {
  std::string reply;
  if (protocol == WireProtocol::resp) {
    if (!exchange(fd, protocol, "*1\r\n$6\r\nDBSIZE\r\n", timeout_ms, reply, error)) return -1;
    if (reply.front() == ':') return std::atoll(reply.c_str() + 1);
    error = "DBSIZE did not answer with a number";
    return -1;
  }
  // `stats` answers many lines and END, which is not a reply of the data commands.
  if (!send_all(fd, "stats\r\n", error)) return -1;
  while (reply.size() < 5 || reply.compare(reply.size() - 5, 5, "END\r\n") != 0) {
    if (!receive_some(fd, timeout_ms, reply, error)) return -1;
  }
  constexpr std::string_view kName = "STAT curr_items ";
  const size_t at = reply.find(kName);
  if (at != std::string::npos) return std::atoll(reply.c_str() + at + kName.size());
  error = "stats has no curr_items";
  return -1;
}

}  // namespace larder::bench
