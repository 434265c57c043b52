// RequestMaker: writes pipelines of requests, in place.
//
// A request is a template, encoded once, with holes where the digits of a key go:
//
//   key := prefix zeros digits        (key_bytes long; digits has just enough places for N-1)
//
// So a batch costs a few digits per request, not an encoding. When several templates are mixed,
// each request is copied first. Values are the same random printable bytes in every request.
//
// A request may be several commands that are sent together (a transaction): it is answered when all
// of them are.
//
// Thread: one. Buffers belong to the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/keys.h"
#include "bench/load/reply_scanner.h"

namespace larder::bench {

// How a key number is spelt.
struct KeyFormat {
  std::string prefix = "key:";
  size_t key_bytes = 16;
  uint64_t key_count = 1'000'000;

  // Decimal places that differ between keys.
  size_t digits() const;
  // prefix and digits fit into key_bytes.
  bool fits() const { return prefix.size() + digits() <= key_bytes; }
  // The key with every varying digit '0'.
  std::string zero_key() const;
};

// A request with holes.
struct RequestTemplate {
  std::string bytes;
  std::vector<size_t> digits_at;  // where each key's varying digits begin
  uint32_t replies = 1;           // that answer it: one for each command
};

// Printable, incompressible, the same for the same seed.
std::string make_value(size_t bytes, uint64_t seed);

// Splits a command into words at blanks; "double quotes" hold a word together. Empty: no words or
// an open quote.
std::vector<std::string> split_words(std::string_view command);

// Encodes words as a RESP request; `{key}` and `{value}` inside words are replaced, each `{key}` by
// a key of its own. A word `;` ends a command; the next one belongs to the same request.
RequestTemplate resp_template(const std::vector<std::string>& words, const KeyFormat& keys,
                              std::string_view value);

enum class Verb : uint8_t { get, set, incr };

// GET key, SET key value or INCR key in the server's protocol (memcached's increment is by 1 too).
RequestTemplate verb_template(Verb verb, WireProtocol protocol, const KeyFormat& keys,
                              std::string_view value);

class RequestMaker {
 public:
  // A template and how often it is drawn, in proportion to the other weights (> 0).
  struct Choice {
    RequestTemplate request;
    uint32_t weight = 1;
  };

  // `choices` is not empty; all of them are answered by as many replies.
  RequestMaker(std::vector<Choice> choices, KeyChooser keys, size_t digits, uint64_t seed);

  // That answer one request.
  uint32_t replies_per_request() const { return choices_.front().request.replies; }

  // Enough for `count` requests.
  size_t bytes_for(size_t count) const { return count * largest_; }

  // Must have been called once for a buffer of bytes_for(count) bytes before write() uses it.
  void prepare(char* buffer, size_t count) const;

  // Writes `count` requests from the buffer's beginning and returns their length in bytes.
  size_t write(char* buffer, size_t count);

 private:
  void write_keys(char* at, const RequestTemplate& request);
  const RequestTemplate& draw_template();

  std::vector<Choice> choices_;
  KeyChooser keys_;
  Random random_;
  size_t digits_;
  size_t largest_ = 0;
  uint32_t total_weight_ = 0;
};

}  // namespace larder::bench
