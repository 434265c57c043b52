// Network: simulated connections. Bytes lie in two bounded pipes per socket; the client's end is
// used by simulated clients, the server's end by SimDriver.
//
// Knows no time and draws nothing: when bytes move is decided by whoever moves them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/driver/event.h"

namespace larder::simulation {

// A queue of bytes in one direction.
class Pipe {
 public:
  explicit Pipe(size_t capacity) : capacity_(capacity) {}

  size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  size_t room() const { return size() < capacity_ ? capacity_ - size() : 0; }
  std::string_view view() const { return std::string_view(bytes_).substr(begin_); }
  void append(std::string_view bytes) { bytes_.append(bytes); }
  void consume(size_t count) {
    begin_ += count;
    if (begin_ < bytes_.size() / 2 + 1) return;
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  size_t capacity_;
  std::string bytes_;
  size_t begin_ = 0;
};

struct Socket {
  Socket(size_t to_server_bytes, size_t to_client_bytes)
      : to_server(to_server_bytes), to_client(to_client_bytes) {}

  server::SocketHandle handle = -1;
  server::Addresses addresses;
  Pipe to_server;
  Pipe to_client;
  bool client_finished = false;  // nothing follows what is in to_server
  bool client_gone = false;      // nobody reads to_client any more
  bool was_reset = false;        // by the client: what was under way is lost
  bool server_closed = false;    // nothing follows what is in to_client
};

// The client's end. Closes when it goes.
class ClientEnd {
 public:
  explicit ClientEnd(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~ClientEnd() { close(); }
  ClientEnd(const ClientEnd&) = delete;
  ClientEnd& operator=(const ClientEnd&) = delete;

  // Returns how many bytes the network took; 0 if it is full or the connection is over.
  size_t write(std::string_view bytes);
  // Appends at most `limit` bytes to `out`; false once nothing more will ever come.
  bool read(size_t limit, std::string& out);
  bool can_write() const;
  bool can_read() const { return !socket_->to_client.empty() || socket_->server_closed; }
  void finish() { socket_->client_finished = true; }
  void close();
  void reset();
  const std::string& address() const { return socket_->addresses.peer; }

 private:
  std::shared_ptr<Socket> socket_;
};

class Network {
 public:
  // A new connection, waiting to be accepted; null if nobody listens.
  std::unique_ptr<ClientEnd> connect(size_t to_server_bytes, size_t to_client_bytes);

  // ---- The server's side ----
  void stop_listening();
  bool has_arrivals() const { return !backlog_.empty(); }
  // The next connection to be accepted. REQUIRES: has_arrivals().
  std::shared_ptr<Socket> accept();
  // An accepted socket by its name.
  std::shared_ptr<Socket> find(server::SocketHandle handle) const;
  // The server is done with it.
  void forget(server::SocketHandle handle) { accepted_.erase(handle); }
  // Sockets that the server has not given back.
  size_t accepted() const { return accepted_.size(); }

 private:
  bool is_listening_ = true;
  server::SocketHandle next_handle_ = 10;
  std::deque<std::shared_ptr<Socket>> backlog_;
  std::map<server::SocketHandle, std::shared_ptr<Socket>> accepted_;
};

}  // namespace larder::simulation
