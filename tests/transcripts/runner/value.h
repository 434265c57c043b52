// Value: one reply as it came over the wire, in RESP2 or RESP3, and the strict reader that cuts it.
//
// Grammar read (`CRLF` ends every line, `n` is a decimal number without sign games):
//
//   + text | - text | : int | , double | ( bignum | # t|f | _      one line each
//   $ n CRLF bytes CRLF | $-1          = n CRLF fmt ':' bytes CRLF | ! n CRLF bytes CRLF
//   * n CRLF value... | *-1            ~ n, > n likewise           % n CRLF (key value)...
//
// The reader is stricter than any client: a stray byte, a bare LF or a length with a leading zero
// is `malformed`, because a server under test must not get away with it.
//
// Owns nothing but its bytes; knows no connection and no expectation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::transcripts {

enum class ValueKind : char {
  simple = '+',
  error = '-',
  integer = ':',
  bulk = '$',
  array = '*',
  null = '_',
  boolean = '#',
  real = ',',
  big_number = '(',
  blob_error = '!',
  verbatim = '=',
  map = '%',
  set = '~',
  push = '>',
};

struct Value {
  ValueKind kind = ValueKind::null;
  bool absent = false;          // `$-1` (kind bulk) or `*-1` (kind array)
  std::string text;             // scalar text; for verbatim without the format
  std::string format;           // verbatim only: the three letters
  std::vector<Value> elements;  // map: key, value, key, value, ...

  bool is_aggregate() const {
    return kind == ValueKind::array || kind == ValueKind::map || kind == ValueKind::set ||
           kind == ValueKind::push;
  }
};

enum class ReadStatus { complete, incomplete, malformed };

struct ReadResult {
  ReadStatus status = ReadStatus::incomplete;
  size_t size = 0;     // complete: bytes the value took
  std::string reason;  // malformed: what was wrong
};

// Reads the first value of `bytes` into `value`. O(bytes of the value).
ReadResult read_value(std::string_view bytes, Value& value);

// The value in the notation of transcripts, as an expectation that matches exactly it.
std::string render(const Value& value);

// `bytes` as a quoted literal of transcripts; long runs and non-printing bytes are escaped.
std::string quote(std::string_view bytes);

}  // namespace larder::transcripts
