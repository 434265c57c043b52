// Client: a blocking connection to a server on the loopback interface, and replies as values: all
// of RESP2, of RESP3 what HELLO, strings and pushes need.
//
// Whatever should not happen (no connection, a closed one, a malformed reply, half a minute of
// silence) throws std::runtime_error. Thread: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::stress {

struct Value {
  char type = '_';  // '+', '-', ':', '$', '*', '%', '>'; '_' for null
  std::string text;
  int64_t integer = 0;
  std::vector<Value> elements;

  bool is_null() const { return type == '_'; }
  bool is_error() const { return type == '-'; }
  // The number in an integer reply or in a bulk string; 0 for null.
  int64_t number() const;
};

using Words = std::vector<std::string>;

class Client {
 public:
  explicit Client(int port);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const Words& words);
  void send_raw(std::string_view bytes);
  Value receive();
  Value call(const Words& words) {
    send(words);
    return receive();
  }
  // call() whose answer must not be an error.
  Value must(const Words& words);
  // All requests in one write, then all replies.
  std::vector<Value> pipeline(const std::vector<Words>& requests);

  // Goes without a good-bye: the server sees a reset rather than an end.
  void reset();

 private:
  std::string_view line();
  std::string_view bytes(size_t count);
  bool fill();

  int socket_ = -1;
  std::string input_;
  size_t at_ = 0;
};

std::string encoded(const Words& words);

}  // namespace larder::stress
