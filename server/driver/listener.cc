#include "server/driver/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include "server/driver/sockets.h"

namespace larder::server {

namespace {

constexpr int kFreePortAttempts = 16;
constexpr int64_t kBusyRetryStepMs = 10;

void sleep_ms(int64_t duration_ms) {
  timespec pause{duration_ms / 1000, (duration_ms % 1000) * 1'000'000};
  nanosleep(&pause, nullptr);
}

struct AddressInfoFree {
  void operator()(addrinfo* info) const { freeaddrinfo(info); }
};
using AddressInfo = std::unique_ptr<addrinfo, AddressInfoFree>;

struct BindAddress {
  std::string text;  // as configured, without '-'
  std::string host;  // what is resolved
  int family = AF_INET;
  bool optional = false;
};

BindAddress parse_bind_address(std::string_view text) {
  BindAddress address;
  if (!text.empty() && text.front() == '-') {
    address.optional = true;
    text.remove_prefix(1);
  }
  address.text = text;
  if (text == "*") {
    address.host = "0.0.0.0";
  } else if (text == "::*") {
    address.host = "::";
  } else {
    address.host = text;
  }
  address.family = address.host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  return address;
}

std::string endpoint_text(const BindAddress& address, uint16_t port) {
  const std::string host = address.family == AF_INET6 ? "[" + address.text + "]" : address.text;
  return host + ":" + std::to_string(port);
}

// The machine does not speak this protocol: not the operator's mistake.
bool is_unsupported_protocol(int error) {
  return error == EAFNOSUPPORT || error == EPFNOSUPPORT || error == EPROTONOSUPPORT ||
         error == ESOCKTNOSUPPORT || error == ENOPROTOOPT;
}

std::string remedy_for(int error) {
  switch (error) {
    case EADDRINUSE:
      return "another process has it; stop that one or choose another port";
    case EADDRNOTAVAIL:
      return "no network interface has this address; correct it, or put '-' before it if it may "
             "be absent";
    case EACCES:
    case EPERM:
      return "this user may not; choose a port from 1024 upwards, or a folder it may write to";
    case EMFILE:
    case ENFILE:
      return "too many files are open; raise the limit (ulimit -n)";
    case ENOENT:
    case ENOTDIR:
      return "create the folder first";
    default:
      return "see the system's message";
  }
}

ListenFailure failure_of(const std::string& what, int error) {
  return {"cannot " + what + ": " + std::strerror(error), remedy_for(error)};
}

bool set_option(int handle, int level, int name, int value) {
  return setsockopt(handle, level, name, &value, sizeof value) == 0;
}

// Set on the listening socket, because accepted ones inherit it: no system call per connection.
bool set_tcp_options(int handle, int family, const TcpListenOptions& options) {
  bool ok = set_option(handle, SOL_SOCKET, SO_REUSEADDR, 1) &&
            set_option(handle, IPPROTO_TCP, TCP_NODELAY, 1);
  // "*" and "::*" are two sockets on one port.
  if (family == AF_INET6) ok = ok && set_option(handle, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.keepalive_s > 0) ok = ok && set_keepalive(handle, options.keepalive_s);
  return ok;
}

// One attempt. Returns the socket, or -1 with errno.
int try_listen_tcp(const addrinfo& info, const TcpListenOptions& options) {
  const int handle = socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (handle < 0) return -1;
  if (set_tcp_options(handle, info.ai_family, options) &&
      bind(handle, info.ai_addr, info.ai_addrlen) == 0 && listen(handle, options.backlog) == 0) {
    return handle;
  }
  const int error = errno;
  ::close(handle);
  errno = error;
  return -1;
}

int listen_tcp_retrying(const addrinfo& info, const TcpListenOptions& options) {
  for (int64_t waited_ms = 0;; waited_ms += kBusyRetryStepMs) {
    const int handle = try_listen_tcp(info, options);
    if (handle >= 0 || errno != EADDRINUSE || waited_ms >= options.busy_retry_ms) return handle;
    sleep_ms(kBusyRetryStepMs);
  }
}

uint16_t bound_port(int handle) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

// Opens one address into `listening`; on failure leaves the cause there and returns its errno.
int open_address(const BindAddress& address, const TcpListenOptions& options,
                 Listening& listening) {
  addrinfo hints{};
  hints.ai_family = address.family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options.port);
  const int resolved = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  const AddressInfo info(found);
  if (resolved != 0) {
    listening.failure = {
        "cannot resolve the bind address '" + address.text + "': " + gai_strerror(resolved),
        "give an IPv4 or IPv6 address of this machine, '*' or '::*'"};
    return EINVAL;
  }
  const int handle = listen_tcp_retrying(*info, options);
  if (handle < 0) {
    const int error = errno;
    const bool passed_over =
        is_unsupported_protocol(error) || (address.optional && error == EADDRNOTAVAIL);
    if (passed_over) return 0;
    listening.failure = failure_of("listen on " + endpoint_text(address, options.port), error);
    return error;
  }
  listening.port = bound_port(handle);
  listening.sockets.emplace_back(handle, Transport::tcp, endpoint_text(address, listening.port));
  return 0;
}

// Opens every address on one port; returns 0 or the errno of the one that failed.
int open_addresses(const TcpListenOptions& options, Listening& listening) {
  TcpListenOptions same_port = options;
  for (const std::string& text : options.addresses) {
    const int error = open_address(parse_bind_address(text), same_port, listening);
    if (error != 0) {
      listening.sockets.clear();
      return error;
    }
    if (!listening.sockets.empty()) same_port.port = listening.port;
  }
  return 0;
}

// Whether a server answers on the Unix socket.
bool is_answered(const sockaddr_un& address, socklen_t size) {
  const int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (handle < 0) return true;
  const bool connected = connect(handle, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  const int error = connected ? 0 : errno;
  ::close(handle);
  return error != ECONNREFUSED && error != ENOENT;
}

// Makes the path free if a dead server left its socket there.
std::optional<ListenFailure> clear_stale_path(const sockaddr_un& address, socklen_t size) {
  const std::string path = address.sun_path;
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;  // bind() reports what else is wrong
  if (!S_ISSOCK(status.st_mode)) {
    return ListenFailure{"cannot listen on " + path + ": something that is no socket has this name",
                         "choose another path, or remove it if it is not needed"};
  }
  if (is_answered(address, size)) return failure_of("listen on " + path, EADDRINUSE);
  if (unlink(path.c_str()) != 0) return failure_of("remove the stale socket " + path, errno);
  return std::nullopt;
}

}  // namespace

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, -1);
    transport_ = other.transport_;
    name_ = std::move(other.name_);
  }
  return *this;
}

void ListenSocket::close() {
  if (handle_ < 0) return;
  if (transport_ == Transport::unix_socket) unlink(name_.c_str());
  ::close(handle_);
  handle_ = -1;
}

Listening listen_tcp(const TcpListenOptions& options) {
  Listening listening;
  // A port that was free on the first address may be taken on the second: draw another one.
  for (int attempt = 0; attempt < kFreePortAttempts; ++attempt) {
    listening = Listening{};
    TcpListenOptions tried = options;
    if (options.port == 0) tried.busy_retry_ms = 0;
    const int error = open_addresses(tried, listening);
    if (error == 0) break;
    if (options.port != 0 || error != EADDRINUSE) return listening;
  }
  if (listening.sockets.empty() && !listening.failure) {
    listening.failure = {"none of the bind addresses exists on this machine",
                         "name at least one address of this machine, '*' or '::*'"};
  }
  return listening;
}

Listening listen_unix(const UnixListenOptions& options) {
  Listening listening;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.empty() || options.path.size() >= sizeof address.sun_path) {
    listening.failure = {
        "the Unix socket path '" + options.path + "' is empty or too long",
        "choose one of at most " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
    return listening;
  }
  std::memcpy(address.sun_path, options.path.data(), options.path.size());
  const auto size = static_cast<socklen_t>(sizeof address);
  listening.failure = clear_stale_path(address, size);
  if (listening.failure) return listening;

  const int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (handle < 0) {
    listening.failure = failure_of("open a Unix socket", errno);
    return listening;
  }
  // The socket's own mode limits that of its name from the moment bind() makes it; chmod() then
  // adds what the umask took away. Until listen() nobody can connect at all.
  const bool bound =
      (!options.permissions || fchmod(handle, static_cast<mode_t>(*options.permissions)) == 0) &&
      bind(handle, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  if (!bound) {
    listening.failure = failure_of("listen on " + options.path, errno);
    ::close(handle);
    return listening;
  }
  ListenSocket socket_and_name(handle, Transport::unix_socket, options.path);
  const bool listens =
      (!options.permissions ||
       chmod(options.path.c_str(), static_cast<mode_t>(*options.permissions)) == 0) &&
      listen(handle, options.backlog) == 0;
  if (!listens) {
    listening.failure = failure_of("listen on " + options.path, errno);
    return listening;
  }
  listening.sockets.push_back(std::move(socket_and_name));
  return listening;
}

}  // namespace larder::server
