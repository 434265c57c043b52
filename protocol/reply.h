// Reply: writes one client's replies in the dialect that client speaks, RESP2 or RESP3.
//
// Grammar: the RESP specification (redis.io/docs/reference/protocol-spec). Where RESP2 lacks a
// type, the RESP2 form that Redis uses for it is written: a map becomes a flat array, a set or a
// push an array, a double or big number a bulk string, a boolean an integer, null `$-1` or `*-1`.
//
// Invariant: error and simple-string texts never break the framing. CR, LF and NUL in them become
// spaces here, in one place, whatever the text came from.
//
// Holds no state but its target and dialect; cheap to make for each request.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/reply_buffer.h"

namespace larder::protocol {

enum class Dialect : uint8_t { resp2 = 2, resp3 = 3 };

class Reply {
 public:
  Reply(ReplyBuffer& out, Dialect dialect) : out_(&out), dialect_(dialect) {}

  Dialect dialect() const { return dialect_; }
  void set_dialect(Dialect dialect) { dialect_ = dialect; }
  ReplyBuffer& buffer() { return *out_; }

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text);
  // `text` starts with its code word, without the dash: "ERR value is not an integer ...".
  void error(std::string_view text);
  void integer(int64_t value);
  void bulk(std::string_view bytes);
  // A bulk string whose bytes are sent from where they lie.
  void bulk_pinned(const PinnedBytes& bytes);
  void verbatim(std::string_view three_letter_format, std::string_view text);
  // The absent value: `_` or `$-1`.
  void null();
  // The absent array: `_` or `*-1`.
  void null_array();
  void boolean(bool value);
  // Shortest decimal text that reads back as the same double; inf, -inf and nan by name.
  void real(double value);

  // Headers; the caller then writes `count` elements (for map: `pairs` times key and value).
  void array(size_t count);
  void map(size_t pairs);
  void set(size_t count);
  void push(size_t count);

 private:
  void header(char kind, int64_t count);

  ReplyBuffer* out_;
  Dialect dialect_;
};

}  // namespace larder::protocol
