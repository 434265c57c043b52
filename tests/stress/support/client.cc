// Client over plain blocking sockets; see client.h.
#include "tests/stress/support/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "protocol/number.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

int64_t to_integer(std::string_view text) {
  const std::optional<int64_t> value = protocol::parse_int64(text);
  require(value.has_value(), "not a number: " + std::string(text));
  return *value;
}

}  // namespace

int64_t Value::number() const {
  if (type == ':') return integer;
  return is_null() ? 0 : to_integer(text);
}

std::string encoded(const Words& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

Client::Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  require(socket_ >= 0, "no socket");
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          std::string("cannot connect: ") + std::strerror(errno));
}

Client::Client(Client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      input_(std::move(other.input_)),
      at_(std::exchange(other.at_, 0)) {}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

void Client::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(socket_, -1));
}

void Client::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    require(sent > 0, std::string("cannot send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void Client::send(const Words& words) {
  send_raw(encoded(words));
}

Value Client::must(const Words& words) {
  Value value = call(words);
  require(!value.is_error(), words[0] + " answered " + value.text);
  return value;
}

std::vector<Value> Client::pipeline(const std::vector<Words>& requests) {
  std::string out;
  for (const Words& words : requests) out += encoded(words);
  send_raw(out);
  std::vector<Value> values;
  for (size_t i = 0; i < requests.size(); ++i) values.push_back(receive());
  return values;
}

bool Client::fill() {
  input_.erase(0, std::exchange(at_, 0));
  char buffer[16384];
  const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  input_.append(buffer, static_cast<size_t>(count));
  return true;
}

std::string_view Client::line() {
  size_t end;
  while ((end = input_.find("\r\n", at_)) == std::string::npos) {
    require(fill(), "the connection ended within a reply");
  }
  const std::string_view text(input_.data() + at_, end - at_);
  at_ = end + 2;
  return text;
}

std::string_view Client::bytes(size_t count) {
  while (input_.size() - at_ < count) require(fill(), "the connection ended within a reply");
  const std::string_view text(input_.data() + at_, count);
  at_ += count;
  return text;
}

Value Client::receive() {
  const std::string_view header = line();
  require(!header.empty(), "an empty reply line");
  Value value;
  value.type = header[0];
  switch (header[0]) {
    case '+':
    case '-':
      value.text = header.substr(1);
      return value;
    case ':':
      value.integer = to_integer(header.substr(1));
      return value;
    case '_':
      return value;
    case '$':
    case '*':
    case '%':
    case '>':
      break;
    default:
      require(false, "not a reply: " + std::string(header));
  }
  const int64_t count = to_integer(header.substr(1));
  if (count < 0) {
    value.type = '_';
  } else if (value.type == '$') {
    value.text = bytes(static_cast<size_t>(count) + 2).substr(0, static_cast<size_t>(count));
  } else {
    const int64_t elements = value.type == '%' ? 2 * count : count;
    for (int64_t i = 0; i < elements; ++i) value.elements.push_back(receive());
  }
  return value;
}

}  // namespace larder::stress
