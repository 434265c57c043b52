// Reply: writes one client's replies in the dialect that client speaks, RESP2 or RESP3.
//
//   line   := ( '+' | '-' ) text CRLF        integer := ':' number CRLF
//   bulk   := '$' length CRLF bytes CRLF     verbatim := '=' length CRLF format ':' bytes CRLF
//   real   := ',' number CRLF                boolean := '#' ( 't' | 'f' ) CRLF
//   big    := '(' digits CRLF
//   null   := '_' CRLF | '$-1' CRLF | '*-1' CRLF
//   header := ( '*' | '%' | '~' | '>' ) count CRLF, then the elements
//
// Where RESP2 lacks a type, the RESP2 form that Redis uses for it is written: a map becomes a flat
// array, a set or a push an array, a double, big number or verbatim text a bulk string, a boolean
// an integer, null `$-1` or `*-1`.
//
// Invariant: error and simple-string texts never break the framing. CR, LF and NUL in them become
// spaces here, in one place, whatever the text came from. Who writes a header owes its elements;
// they are not counted here.
//
// Holds no state but its target and dialect; cheap to make for each request. Thread: the owner of
// the buffer. Errors: none. Each call is O(bytes written), one reservation on the common ways.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/number.h"
#include "protocol/reply_buffer.h"

namespace larder::protocol {

enum class Dialect : uint8_t { resp2 = 2, resp3 = 3 };

class Reply {
 public:
  Reply(ReplyBuffer& out, Dialect dialect) : out_(&out), dialect_(dialect) {}

  Dialect dialect() const { return dialect_; }
  void set_dialect(Dialect dialect) { dialect_ = dialect; }
  ReplyBuffer& buffer() { return *out_; }

  // So many elements are about to come, with so many bytes of text together, or about so many.
  void expect_texts(size_t elements, size_t bytes) {
    constexpr size_t kMany = 1024;
    constexpr size_t kMostEach = 512;  // much longer ones are sent from where they lie
    constexpr size_t kHeaderBytes = 8;
    if (elements < kMany) [[likely]]
      return;
    out_->expect(elements * kHeaderBytes + std::min(bytes, elements * kMostEach));
  }

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text) { line('+', text); }
  // `text` starts with its code word, without the dash: "ERR value is not an integer ...".
  void error(std::string_view text) { line('-', text); }
  void integer(int64_t value) {
    char* const start = out_->reserve(kMaxHeaderBytes);
    start[0] = ':';
    commit_line(start, write_int64(value, start + 1));
  }
  void bulk(std::string_view bytes) {
    char* const start = out_->reserve(kMaxHeaderBytes + bytes.size() + 2);
    start[0] = '$';
    char* p = end_line(write_uint64(bytes.size(), start + 1));
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
    commit_line(start, p + bytes.size());
  }
  // A bulk string whose bytes are sent from where they lie; releases them as ReplyBuffer does.
  void bulk_pinned(const PinnedBytes& bytes);
  // Text with a format name of three letters, as INFO answers ("txt"); a bulk string in RESP2.
  void verbatim(std::string_view three_letter_format, std::string_view text);
  // The absent value: `_` or `$-1`.
  void null() { out_->append(dialect_ == Dialect::resp3 ? "_\r\n" : "$-1\r\n"); }
  // The absent array: `_` or `*-1`.
  void null_array() { out_->append(dialect_ == Dialect::resp3 ? "_\r\n" : "*-1\r\n"); }
  void boolean(bool value) {
    if (dialect_ == Dialect::resp2) return integer(value ? 1 : 0);
    out_->append(value ? "#t\r\n" : "#f\r\n");
  }
  // Shortest decimal text that reads back as the same double; inf, -inf and nan by name.
  void real(double value);
  // A double that was written already, in more digits or by other rules than real() has.
  void real_text(std::string_view number);
  // An integer of any size, as text; a bulk string in RESP2.
  void big_number(std::string_view digits) {
    if (dialect_ == Dialect::resp2) return bulk(digits);
    line('(', digits);
  }

  // Headers; the caller then writes `count` elements (for map: `pairs` times key and value).
  void array(size_t count) { header('*', count); }
  void map(size_t pairs) {
    if (dialect_ == Dialect::resp2) return header('*', pairs * 2);
    header('%', pairs);
  }
  void set(size_t count) { header(dialect_ == Dialect::resp3 ? '~' : '*', count); }
  void push(size_t count) { header(dialect_ == Dialect::resp3 ? '>' : '*', count); }

 private:
  // Kind, number, CR, LF.
  static constexpr size_t kMaxHeaderBytes = 1 + kMaxInt64Chars + 2;

  static char* end_line(char* p) {
    p[0] = '\r';
    p[1] = '\n';
    return p + 2;
  }
  void commit_line(const char* start, char* end) {
    out_->commit(static_cast<size_t>(end_line(end) - start));
  }
  void header(char kind, size_t count) {
    char* const start = out_->reserve(kMaxHeaderBytes);
    start[0] = kind;
    commit_line(start, write_uint64(count, start + 1));
  }
  void line(char kind, std::string_view text);

  ReplyBuffer* out_;
  Dialect dialect_;
};

}  // namespace larder::protocol
