// floor_server: a server that does nothing, the floor under every benchmark of Larder.
//
// It runs on the same drivers, counts the complete requests in the received bytes (a state machine
// over RESP lengths, values are skipped) and answers each with one constant reply. What it costs is
// what sockets and driver cost; what a real server costs beyond it is its own.
//
// It never stores, looks at or answers what a request says.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/driver/driver.h"
#include "server/driver/listener.h"
#include "server/driver/options.h"

namespace larder::bench {
namespace {

using server::Driver;
using server::DriverOptions;
using server::Event;
using server::EventKind;
using server::Op;
using server::OpKind;
using server::Ops;

constexpr size_t kRepliesPerBlock = 1024;

// Counts requests in a stream of bytes, whatever its division into pieces.
//   request := '*' count CRLF count * ('$' length CRLF bytes CRLF) | other characters LF
class RequestCounter {
 public:
  uint64_t count(const char* bytes, size_t size) {
    uint64_t requests = 0;
    const char* const end = bytes + size;
    while (bytes < end) {
      if (skip_ > 0) {
        const auto skipped = std::min<uint64_t>(skip_, static_cast<uint64_t>(end - bytes));
        bytes += skipped;
        skip_ -= skipped;
        if (skip_ == 0 && bulks_ == 0) ++requests;
        continue;
      }
      const char byte = *bytes++;
      if (byte == '\n') {
        requests += end_line();
      } else if (line_ == 0) {
        line_ = byte;
        number_ = 0;
      } else if (byte >= '0' && byte <= '9') {
        number_ = number_ * 10 + static_cast<uint64_t>(byte - '0');
      }
    }
    return requests;
  }

 private:
  // Returns 1 if the line was a request of its own.
  uint64_t end_line() {
    const char line = line_;
    line_ = 0;
    if (line == '*') {
      bulks_ = number_;
      return 0;
    }
    if (line == '$' && bulks_ > 0) {
      --bulks_;
      skip_ = number_ + 2;
      return 0;
    }
    return line == 0 || line == '\r' ? 0 : 1;
  }

  uint64_t number_ = 0;
  uint64_t bulks_ = 0;  // still to come in this request
  uint64_t skip_ = 0;   // bytes of the current one still to come, with its CRLF
  char line_ = 0;       // first character of the current line
};

struct Connection {
  uint32_t generation = 0;
  bool sending = false;
  bool open = false;
  bool closing = false;
  RequestCounter counter;
  uint64_t owed_bytes = 0;  // of replies, from the beginning of the reply that is partly sent
  uint64_t offset = 0;      // sent of the first of them
};

struct Settings {
  std::string driver = "uring";
  uint16_t port = 0;
  size_t reply_bytes = 0;
};

class FloorServer {
 public:
  FloorServer(Driver& driver, const Settings& settings) : driver_(driver) {
    std::string reply;
    if (settings.reply_bytes == 0) {
      reply.append("+OK\r\n");
    } else {
      reply.append("$").append(std::to_string(settings.reply_bytes)).append("\r\n");
      reply.append(settings.reply_bytes, 'x').append("\r\n");
    }
    reply_bytes_ = reply.size();
    for (size_t index = 0; index < kRepliesPerBlock; ++index) block_ += reply;
  }

  void run(const volatile std::sig_atomic_t& stop) {
    while (stop == 0) {
      driver_.turn(ops_, -1, events_);
      dirty_.clear();
      for (const Event& event : events_) on_event(event);
      for (const uint32_t slot : dirty_) send_owed(slot);
    }
  }

 private:
  void on_event(const Event& event) {
    switch (event.kind) {
      case EventKind::accepted:
        return adopt(event);
      case EventKind::received:
        return on_received(event);
      case EventKind::sent:
        return on_sent(event);
      case EventKind::closed:
        connections_[event.connection.slot].open = false;
        return free_slots_.push_back(event.connection.slot);
      case EventKind::accept_failed:
        std::fprintf(stderr, "floor_server: accept: %s\n", std::strerror(-event.result));
        return;
    }
  }

  void adopt(const Event& event) {
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<uint32_t>(connections_.size()));
      connections_.emplace_back();
    }
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    const uint32_t generation = connections_[slot].generation + 1;
    connections_[slot] = Connection{};
    connections_[slot].generation = generation;
    connections_[slot].open = true;
    Op& op = push(OpKind::adopt, slot);
    op.handle = event.handle;
  }

  void on_received(const Event& event) {
    Connection& connection = connections_[event.connection.slot];
    if (event.result <= 0) return close(event.connection.slot);
    const uint64_t requests =
        connection.counter.count(event.bytes, static_cast<size_t>(event.result));
    connection.owed_bytes += requests * reply_bytes_;
    if (!connection.sending) dirty_.push_back(event.connection.slot);
  }

  void on_sent(const Event& event) {
    Connection& connection = connections_[event.connection.slot];
    connection.sending = false;
    if (event.result < 0) return close(event.connection.slot);
    const uint64_t sent = connection.offset + static_cast<uint64_t>(event.result);
    connection.offset = sent % reply_bytes_;
    connection.owed_bytes -= sent - connection.offset;
    if (connection.owed_bytes > 0) dirty_.push_back(event.connection.slot);
  }

  void close(uint32_t slot) {
    if (connections_[slot].closing) return;
    connections_[slot].closing = true;
    push(OpKind::close, slot);
  }

  void send_owed(uint32_t slot) {
    Connection& connection = connections_[slot];
    if (connection.sending || connection.closing || connection.owed_bytes == 0) return;
    Op& op = push(OpKind::send, slot);
    op.first_piece = static_cast<uint32_t>(ops_.pieces.size());
    op.piece_count = 1;
    ops_.pieces.push_back({block_.data() + connection.offset,
                           std::min(connection.owed_bytes, block_.size()) - connection.offset});
    connection.sending = true;
  }

  Op& push(OpKind kind, uint32_t slot) {
    Op& op = ops_.list.emplace_back();
    op.kind = kind;
    op.connection = {slot, connections_[slot].generation};
    return op;
  }

  Driver& driver_;
  std::string block_;
  uint64_t reply_bytes_ = 0;
  std::vector<Connection> connections_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> dirty_;  // connections with new replies; may name one twice
  std::vector<Event> events_;
  Ops ops_;
};

volatile std::sig_atomic_t stop_signal = 0;
void on_stop_signal(int signal) {
  stop_signal = signal;
}

constexpr const char* kUsage =
    "usage: floor_server [--driver uring|epoll] [--port N] [--reply-bytes N]\n"
    "Answers every RESP request on 127.0.0.1 with +OK, or with a bulk string of N bytes.\n"
    "--port 0 (default) chooses a free port; it is printed as 'port N'.\n";

bool parse(int argc, char** argv, Settings& settings) {
  for (int index = 1; index < argc; index += 2) {
    const std::string_view name = argv[index];
    if (index + 1 == argc) return false;
    const char* value = argv[index + 1];
    if (name == "--driver") {
      settings.driver = value;
    } else if (name == "--port") {
      settings.port = static_cast<uint16_t>(std::strtoul(value, nullptr, 10));
    } else if (name == "--reply-bytes") {
      settings.reply_bytes = std::strtoul(value, nullptr, 10);
    } else {
      return false;
    }
  }
  return settings.driver == "uring" || settings.driver == "epoll";
}

int run(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  server::TcpListenOptions listen;
  listen.addresses = {"127.0.0.1"};
  listen.port = settings.port;
  server::Listening listening = server::listen_tcp(listen);
  if (listening.failure) {
    std::fprintf(stderr, "floor_server: %s; %s\n", listening.failure->cause.c_str(),
                 listening.failure->remedy.c_str());
    return 1;
  }
  DriverOptions options;
  options.listeners = std::move(listening.sockets);
  std::string why_not;
  const std::unique_ptr<Driver> driver = settings.driver == "uring"
                                             ? server::make_uring_driver(options, why_not)
                                             : server::make_epoll_driver(options, why_not);
  if (driver == nullptr) {
    std::fprintf(stderr, "floor_server: %s\n", why_not.c_str());
    return 1;
  }
  // Without SA_RESTART, so that the wait of an idle server ends.
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::printf("port %u\n", listening.port);
  std::fflush(stdout);
  FloorServer(*driver, settings).run(stop_signal);
  return 0;
}

}  // namespace
}  // namespace larder::bench

int main(int argc, char** argv) {
  return larder::bench::run(argc, argv);
}
