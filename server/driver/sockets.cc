#include "server/driver/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace larder::server {

namespace {

// How much of what a refused client has already sent is read and dropped. Unread bytes would make
// close() answer with a reset, which can overtake the refusal.
constexpr size_t kRefusedBytesRead = 16 * 1024;

// Of the kernel (MAX_TCP_KEEPIDLE).
constexpr int kMaxKeepaliveSeconds = 32767;

using NameFunction = int (*)(int, sockaddr*, socklen_t*);

// Writes "127.0.0.1:6379", "[::1]:6379", or "?:0" (as Redis) if the connection is already gone.
void write_endpoint(NameFunction name_of, SocketHandle handle, std::string& text) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[INET6_ADDRSTRLEN] = "?";
  char endpoint[INET6_ADDRSTRLEN + sizeof "[]:65535"];
  int length = 0;
  if (name_of(handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    length = std::snprintf(endpoint, sizeof endpoint, "?:0");
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    length = std::snprintf(endpoint, sizeof endpoint, "[%s]:%u", host, ntohs(v6->sin6_port));
  } else {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
    length = std::snprintf(endpoint, sizeof endpoint, "%s:%u", host, ntohs(v4->sin_port));
  }
  text.assign(endpoint, static_cast<size_t>(length));
}

int64_t read_clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

void fail(const char* message, int error) {
  std::fprintf(stderr, "larder: driver: %s%s%s\n", message, error != 0 ? ": " : "",
               error != 0 ? std::strerror(error) : "");
  std::abort();
}

void describe(SocketHandle handle, const ListenSocket& listener, Addresses& addresses) {
  if (listener.transport() == Transport::unix_socket) {
    addresses.peer = listener.name();
    addresses.peer += ":0";
    addresses.local = addresses.peer;
    return;
  }
  write_endpoint(getpeername, handle, addresses.peer);
  write_endpoint(getsockname, handle, addresses.local);
}

bool set_keepalive(SocketHandle handle, int seconds) {
  const auto set = [handle](int level, int name, int value) {
    return setsockopt(handle, level, name, &value, sizeof value) == 0;
  };
  if (seconds <= 0) return set(SOL_SOCKET, SO_KEEPALIVE, 0);
  // As Redis does; the kernel takes no longer times than these.
  seconds = std::min(seconds, kMaxKeepaliveSeconds);
  return set(SOL_SOCKET, SO_KEEPALIVE, 1) && set(IPPROTO_TCP, TCP_KEEPIDLE, seconds) &&
         set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 3)) &&
         set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

void refuse(SocketHandle handle, std::string_view text) {
  if (!text.empty()) {
    // A client that is already gone is none of our concern, nor is a text that does not fit.
    [[maybe_unused]] const ssize_t sent =
        send(handle, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  shutdown(handle, SHUT_WR);
  char dropped[kRefusedBytesRead];
  [[maybe_unused]] const ssize_t received = recv(handle, dropped, sizeof dropped, MSG_DONTWAIT);
  close(handle);
}

bool is_passing_accept_error(int error) {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EAGAIN:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
      return true;
    default:
      return false;
  }
}

Now read_clocks() {
  return {read_clock_ns(CLOCK_MONOTONIC), read_clock_ns(CLOCK_REALTIME) / 1000};
}

}  // namespace larder::server
