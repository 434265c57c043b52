// RequestParser: cuts requests out of a client's bytes.
//
//   request   := multibulk | inline
//   multibulk := '*' count CRLF { '$' length CRLF bytes CRLF }*count
//   inline    := text LF            (see inline_request.h for quoting)
//
// The parser never copies argument bytes: arguments are views into the input it was given. It keeps
// state only inside an unfinished multibulk request, so that input which arrives a byte at a time is
// still read once: each call must pass the same unfinished bytes again at the front (they may have
// moved), followed by whatever is new.
//
// Limits are checked before any memory is taken for what they bound; a count only promises, so
// memory grows with arguments that really arrived.
//
// Thread: one connection's. Complexity: O(bytes not yet seen).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::protocol {

using Arguments = std::span<const std::string_view>;

// Bounds on one request. Defaults are what Redis grants an authenticated client.
struct RequestLimits {
  int64_t max_bulk_bytes = 512LL << 20;       // one argument (proto-max-bulk-len)
  int64_t max_arguments = 2147483647;         // arguments of one request
  size_t max_inline_bytes = 64 << 10;         // one inline request, or one header line
  size_t max_request_bytes = size_t{1} << 30; // one whole unfinished request (client-query-buffer-limit)

  // Before authentication a client may only need AUTH, HELLO and the like.
  static constexpr RequestLimits unauthenticated() {
    return {.max_bulk_bytes = 16384, .max_arguments = 10, .max_inline_bytes = 64 << 10,
            .max_request_bytes = size_t{256} << 10};
  }
};

enum class ParseStatus : uint8_t {
  complete,    // one request was cut; arguments appended
  empty,       // bytes were consumed that ask nothing (blank inline, `*0`, `*-1`)
  incomplete,  // more bytes are needed; nothing consumed
  error,       // the protocol is broken; answer error() and close
};

struct ParseResult {
  ParseStatus status;
  size_t consumed;  // bytes of the input that are done with (0 when incomplete)
};

// Where the arguments of cut requests are collected, for a whole batch of requests at a time.
struct ArgumentList {
  std::vector<std::string_view> views;  // into the input, or into `decoded`
  std::deque<std::string> decoded;      // inline arguments that had quotes; addresses are stable

  void clear() {
    views.clear();
    decoded.clear();
  }
};

class RequestParser {
 public:
  // Cuts the next request from `input`. On `complete` its arguments are appended to `arguments`.
  ParseResult next(std::string_view input, const RequestLimits& limits, ArgumentList& arguments);

  // After `incomplete`: the least number of bytes the whole request is known to need, counted from
  // the first byte of the unfinished request, so that the caller can make room once; 0 if unknown.
  size_t bytes_needed() const;

  // After `error`: the text for the client, "ERR Protocol error: ...", as Redis words it.
  std::string_view error() const;

  // Forgets an unfinished request and frees what it took.
  void reset();
};

}  // namespace larder::protocol
