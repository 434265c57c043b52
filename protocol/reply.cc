#include "protocol/reply.h"

#include <cassert>

namespace larder::protocol {
namespace {

// Text on a line of its own must not end that line.
constexpr char harmless(char c) {
  return c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

}  // namespace

void Reply::line(char kind, std::string_view text) {
  char* p = out_->reserve(text.size() + 3);
  *p++ = kind;
  for (const char c : text) *p++ = harmless(c);
  *p++ = '\r';
  *p++ = '\n';
  out_->commit(text.size() + 3);
}

void Reply::bulk_pinned(const PinnedBytes& bytes) {
  header('$', bytes.size);
  out_->append_pinned(bytes);
  out_->append("\r\n");
}

void Reply::verbatim(std::string_view three_letter_format, std::string_view text) {
  assert(three_letter_format.size() == 3);
  if (dialect_ == Dialect::resp2) return bulk(text);
  header('=', text.size() + 4);
  out_->append(three_letter_format);
  out_->append(":");
  out_->append(text);
  out_->append("\r\n");
}

void Reply::real(double value) {
  char text[kMaxRealChars];
  real_text({text, static_cast<size_t>(write_real(value, text) - text)});
}

void Reply::real_text(std::string_view number) {
  if (dialect_ == Dialect::resp2) return bulk(number);
  line(',', number);
}

}  // namespace larder::protocol
