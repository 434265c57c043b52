#include "bench/hitratio/replay_connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace larder::bench {

ReplayConnection::~ReplayConnection() {
  if (fd_ >= 0) close(fd_);
}

bool ReplayConnection::open(uint16_t port, int timeout_ms, std::string& error) {
  timeout_ms_ = timeout_ms;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const bool done = fd_ >= 0 &&
                    connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
                    fcntl(fd_, F_SETFL, O_NONBLOCK) == 0;
  if (!done) error = "port " + std::to_string(port) + ": " + std::strerror(errno);
  return done;
}

void ReplayConnection::add(std::initializer_list<std::string_view> words) {
  output_ += '*';
  output_ += std::to_string(words.size());
  output_ += "\r\n";
  for (const std::string_view word : words) {
    output_ += '$';
    output_ += std::to_string(word.size());
    output_ += "\r\n";
    output_ += word;
    output_ += "\r\n";
  }
}

bool ReplayConnection::exchange(std::string& error) {
  pollfd wait{fd_, POLLIN, 0};
  if (sent_ < output_.size()) wait.events |= POLLOUT;
  const int ready = poll(&wait, 1, timeout_ms_);
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) {
    error = ready == 0 ? "the server is silent" : std::strerror(errno);
    return false;
  }
  if ((wait.revents & POLLOUT) != 0) {
    const ssize_t put = send(fd_, output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (put > 0) sent_ += static_cast<size_t>(put);
    if (sent_ == output_.size()) {
      output_.clear();
      sent_ = 0;
    }
  }
  if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
  std::array<char, 65536> buffer;
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    error = got == 0 ? "the server closed the connection" : std::strerror(errno);
    return false;
  }
  input_.erase(0, parsed_);
  parsed_ = 0;
  input_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

bool ReplayConnection::cut_reply(WireReply& reply) {
  const std::string_view rest = std::string_view(input_).substr(parsed_);
  const size_t end = rest.find("\r\n");
  if (end == std::string_view::npos) return false;
  const char type = rest.front();
  reply.text = rest.substr(1, end - 1);
  size_t used = end + 2;
  if (type == ':' || type == '$') {
    const char* last = reply.text.data() + reply.text.size();
    const auto [at, failure] = std::from_chars(reply.text.data(), last, reply.integer);
    malformed_ = failure != std::errc() || at != last || (type == '$' && reply.integer < -1);
    reply.kind = WireReply::Kind::integer;
    if (malformed_) return false;
  }
  if (type == '$' && reply.integer < 0) {
    reply.kind = WireReply::Kind::nil;
  } else if (type == '$') {
    const size_t length = static_cast<size_t>(reply.integer);
    if (rest.size() < used + length + 2) return false;
    reply.kind = WireReply::Kind::bulk;
    reply.text = rest.substr(used, length);
    used += length + 2;
  } else if (type == '+' || type == '-') {
    reply.kind = type == '+' ? WireReply::Kind::line : WireReply::Kind::error;
  } else {
    malformed_ = type != ':';
  }
  if (malformed_) return false;
  parsed_ += used;
  return true;
}

bool ReplayConnection::next_reply(WireReply& reply, std::string& error) {
  while (!cut_reply(reply)) {
    if (malformed_) {
      error = "the server's reply is not one of those expected";
      return false;
    }
    if (!exchange(error)) return false;
  }
  return true;
}

}  // namespace larder::bench
