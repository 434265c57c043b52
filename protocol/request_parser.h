// RequestParser: cuts requests out of a client's bytes.
//
//   request   := multibulk | inline
//   multibulk := '*' count CRLF { '$' length CRLF bytes CRLF }*count
//   inline    := text LF            (see inline_request.h for quoting)
//
// Numbers are as strict as parse_int64 in number.h: no leading zeros, plus signs or spaces. Both
// bytes of every CRLF are checked, the one after a bulk included.
//
// Never copies argument bytes: arguments are views into the input (or into the list's own decoded
// words, for quoted inline ones). Takes no memory of its own. While a request is unfinished it
// keeps a few offsets, so that input which arrives a byte at a time is still read once: each call
// must pass the same unfinished bytes again at the front (they may have moved), followed by
// whatever is new.
//
// What a stream of bytes means does not depend on how it was split: the same requests come out, and
// the same error, for every division into calls.
//
// Limits are checked before any memory is taken for what they bound; a count only promises, so
// memory grows with arguments that really arrived. They may change between calls (after AUTH) and
// hold for what a call reads.
//
// Knows no command: whoever needs different limits after AUTH cuts one request at a time until
// then. Thread: one connection's. Complexity: O(bytes not yet seen); argument bytes are not looked
// at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/argument_list.h"

namespace larder::protocol {

// Bounds on one request. Defaults are what Redis grants an authenticated client.
struct RequestLimits {
  int64_t max_bulk_bytes = 512LL << 20;        // one argument (proto-max-bulk-len)
  int64_t max_arguments = 2147483647;          // arguments of one request
  size_t max_inline_bytes = 64 << 10;          // one inline request or header line; at least 32
  size_t max_request_bytes = size_t{1} << 30;  // one whole request (client-query-buffer-limit)
  bool authenticated = true;                   // only words the errors

  // Before authentication a client may only need AUTH, HELLO and the like.
  static constexpr RequestLimits unauthenticated() {
    return {.max_bulk_bytes = 16384,
            .max_arguments = 10,
            .max_inline_bytes = 64 << 10,
            .max_request_bytes = size_t{256} << 10,
            .authenticated = false};
  }
};

enum class ParseStatus : uint8_t {
  complete,    // one request was cut; arguments appended, at least one
  empty,       // bytes were consumed that ask nothing (blank inline, `*0`, `*-1`)
  incomplete,  // more bytes are needed; nothing consumed
  error,       // the protocol is broken; answer error() and close
};

struct ParseResult {
  ParseStatus status;
  size_t consumed;  // bytes of the input that are done with (0 when incomplete or error)
};

class RequestParser {
 public:
  // Cuts the next request from `input`. On `complete` its arguments are appended to `arguments`;
  // else `arguments` is as before. After `error` the rest of the stream means nothing any more.
  ParseResult next(std::string_view input, const RequestLimits& limits, ArgumentList& arguments);

  // After `incomplete`: the least number of bytes the whole request is known to need, counted from
  // the first byte of the unfinished request, so that the caller can make room once; 0 if unknown.
  // Never above max_request_bytes. A client need not keep such a promise.
  size_t bytes_needed() const { return bytes_needed_; }

  // Whether a request has begun and is not finished.
  bool unfinished() const { return scanned_ != 0; }

  // After `error`: the text for the client, "ERR Protocol error: ...", as Redis words it; it may
  // hold any byte of the input, line ends included. Lives for ever.
  std::string_view error() const { return error_; }

  // Forgets an unfinished request.
  void reset() { *this = RequestParser(); }

 private:
  enum class Step : uint8_t { complete, incomplete, error };
  // Whether a pass over bulks appends them to the list or only finds where they end.
  enum class Pass : uint8_t { collect, skip };
  static constexpr int64_t kCountUnknown = -1;

  ParseResult next_inline(std::string_view input, const RequestLimits& limits,
                          ArgumentList& arguments);
  Step resume(std::string_view input, const RequestLimits& limits, ArgumentList& arguments);
  Step cut(std::string_view input, const RequestLimits& limits, ArgumentList& arguments);
  template <Pass pass>
  Step read_bulks(std::string_view input, const RequestLimits& limits, ArgumentList& arguments);
  Step read_count(std::string_view input, const RequestLimits& limits);
  Step read_length(std::string_view input, size_t at, const RequestLimits& limits, int64_t& length,
                   size_t& payload);
  struct HeaderWords;
  Step read_header_line(std::string_view input, size_t at, const RequestLimits& limits,
                        const HeaderWords& words, int64_t& number, size_t& line_end);
  Step fail(std::string_view text);
  void forget_request();

  // All offsets count from the first byte of the unfinished request.
  size_t position_ = 0;                // the next bulk's '$'; everything before it is in order
  size_t scanned_ = 0;                 // no line end in the current line up to here
  size_t bytes_needed_ = 0;            // see bytes_needed()
  int64_t remaining_ = kCountUnknown;  // bulks from position_ on
  std::string_view error_;
};

}  // namespace larder::protocol
