// ReplyScanner: counts complete replies in a stream of bytes, however the stream was cut.
//
// RESP2 and RESP3:
//   reply     := line | bulk | aggregate
//   line      := ('+' | '-' | ':' | '_' | '#' | ',' | '(') text CRLF
//   bulk      := ('$' | '=' | '!') length CRLF bytes CRLF | '$-1' CRLF
//   aggregate := ('*' | '~' | '%' | '|' | '>') count CRLF element*   ('%' and '|': two per count)
// A push ('>') answers nobody and is not counted; an attribute ('|') belongs to the reply after it.
// Streamed aggregates ('$?', '*?') are refused: no server sends them.
//
// memcached text protocol:
//   reply := { 'VALUE' key flags bytes CRLF data CRLF }* 'END' CRLF | line
//
// Values are skipped by their length, not read. It never keeps bytes but an unfinished line (its
// beginning), so memory is bounded.
//
// Thread: one connection's. Complexity: O(lines + chunks), not O(bytes), plus the bytes of lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::bench {

enum class WireProtocol : uint8_t { resp, memcached };

// What a piece of the stream completed.
struct ReplyCounts {
  uint64_t replies = 0;  // errors and nils included
  uint64_t errors = 0;   // whole replies that are errors
  uint64_t nils = 0;     // whole replies that say: no such key
};

class ReplyScanner {
 public:
  explicit ReplyScanner(WireProtocol protocol) : protocol_(protocol) {}

  // Adds what `bytes`, the next of the stream, complete. False when they are not the protocol;
  // nothing may be scanned after that, and error_text() says what was there.
  [[nodiscard]] bool scan(std::string_view bytes, ReplyCounts& counts);

  // The first error reply (without its '-'), cut to kLineKept; empty if there was none.
  const std::string& error_text() const { return error_text_; }

 private:
  static constexpr size_t kLineKept = 120;

  bool take_value_bytes(std::string_view& bytes, ReplyCounts& counts);
  bool take_line(std::string_view line, ReplyCounts& counts);
  bool take_resp_line(std::string_view line, ReplyCounts& counts);
  bool take_memcached_line(std::string_view line, ReplyCounts& counts);
  bool begin_bulk(int64_t length, bool is_error, ReplyCounts& counts);
  void open_aggregate(char type, int64_t elements, ReplyCounts& counts);
  void finish_element(bool is_error, bool is_nil, ReplyCounts& counts);
  void note_error(std::string_view text);

  WireProtocol protocol_;
  bool in_push_ = false;           // the open top-level element is a push
  bool in_aggregate_ = false;      // the reply being read is an aggregate
  bool bulk_is_error_ = false;     // RESP3 '!'
  bool value_seen_ = false;        // memcached: a VALUE came before END
  uint64_t pending_elements_ = 1;  // RESP elements still to come of the reply being read
  uint64_t value_left_ = 0;        // bytes of a value still to skip, its CRLF included
  std::string partial_line_;       // the beginning of an unfinished line
  std::string error_text_;
};

}  // namespace larder::bench
