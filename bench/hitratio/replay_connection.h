// ReplayConnection: one blocking RESP2 conversation in batches. Requests are collected, sent
// together, and their replies handed out in order; it reads while it writes, so no batch is too
// long.
//
// Thread: one. Only top-level lines, integers and bulk strings are understood, which is all that
// the requests of a replay are answered with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace larder::bench {

struct WireReply {
  enum class Kind : uint8_t { line, error, integer, bulk, nil };
  Kind kind = Kind::nil;
  int64_t integer = 0;    // of an integer; the length of a bulk
  std::string_view text;  // without type and CRLF; valid until the next call
};

class ReplayConnection {
 public:
  ReplayConnection() = default;
  ~ReplayConnection();
  ReplayConnection(const ReplayConnection&) = delete;
  ReplayConnection& operator=(const ReplayConnection&) = delete;

  [[nodiscard]] bool open(uint16_t port, int timeout_ms, std::string& error);

  void add(std::initializer_list<std::string_view> words);

  // The next reply, in order of the requests added. False with `error` when there is none within
  // the time limit.
  [[nodiscard]] bool next_reply(WireReply& reply, std::string& error);

 private:
  [[nodiscard]] bool exchange(std::string& error);
  // False: the bytes at hand hold no whole reply. A malformed one sets malformed_.
  bool cut_reply(WireReply& reply);

  int fd_ = -1;
  int timeout_ms_ = 0;
  bool malformed_ = false;
  std::string output_;
  size_t sent_ = 0;
  std::string input_;
  size_t parsed_ = 0;
};

}  // namespace larder::bench
