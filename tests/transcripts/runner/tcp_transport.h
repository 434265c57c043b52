// TcpTransport: the player's connections over real TCP. The only file here with sockets.
#pragma once

#include <map>
#include <string>

#include "tests/transcripts/runner/player.h"

namespace larder::transcripts {

class TcpTransport : public Transport {
 public:
  // `host` is a numeric address.
  TcpTransport(std::string host, uint16_t port) : host_(std::move(host)), port_(port) {}
  ~TcpTransport() override;
  TcpTransport(const TcpTransport&) = delete;
  TcpTransport& operator=(const TcpTransport&) = delete;

  bool open(std::string_view connection) override;
  void close(std::string_view connection) override;
  bool send(std::string_view connection, std::string_view bytes) override;
  Arrival receive(std::string_view connection, int64_t wait_ms, std::string& bytes) override;
  void pause(int64_t duration_ms) override;
  bool has_simulated_time() const override { return false; }
  void advance(int64_t duration_ms) override;

 private:
  struct Socket {
    int handle = -1;
    std::string early;  // came while a send was waiting
    bool is_closed = false;
  };

  void read_early(Socket& socket);

  std::string host_;
  uint16_t port_;
  std::map<std::string, Socket, std::less<>> sockets_;
};

// A TCP port on 127.0.0.1 that is free now, or 0.
uint16_t find_free_port();

}  // namespace larder::transcripts
