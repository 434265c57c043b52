#include "tests/transcripts/runner/text.h"

#include <charconv>

namespace larder::transcripts {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c);
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_variable(Cursor& cursor, Text& text) {
  cursor.take("${");
  const std::string name(cursor.name());
  if (name.empty()) return cursor.fail("a variable needs a name: ${name}");
  int64_t offset = 0;
  if (cursor.peek() == '+' || cursor.peek() == '-') {
    const bool is_negative = cursor.peek() == '-';
    cursor.advance(1);
    const std::optional<int64_t> number = cursor.number();
    if (!number) return cursor.fail("a number is missing after the sign in ${" + name + "...}");
    offset = is_negative ? -*number : *number;
  }
  if (!cursor.take("}")) return cursor.fail("} is missing after ${" + name);
  text.append_variable(name, offset);
  return true;
}

bool parse_escape(Cursor& cursor, Text& text) {
  cursor.advance(1);
  const char c = cursor.peek();
  cursor.advance(cursor.at_end() ? 0 : 1);
  switch (c) {
    case 'n':
      text.append("\n");
      return true;
    case 'r':
      text.append("\r");
      return true;
    case 't':
      text.append("\t");
      return true;
    case '0':
      text.append(std::string_view("\0", 1));
      return true;
    case '"':
    case '\\':
    case '$':
      text.append(std::string_view(&c, 1));
      return true;
    case 'x': {
      const std::string_view rest = cursor.rest();
      const int high = rest.size() < 2 ? -1 : hex_digit(rest[0]);
      const int low = rest.size() < 2 ? -1 : hex_digit(rest[1]);
      if (high < 0 || low < 0) return cursor.fail("\\x needs two hexadecimal digits");
      const char byte = static_cast<char>(high * 16 + low);
      text.append(std::string_view(&byte, 1));
      cursor.advance(2);
      return true;
    }
    default:
      return cursor.fail("unknown escape in a quoted literal");
  }
}

}  // namespace

void Text::append(std::string_view bytes) {
  if (!pieces_.empty() && !pieces_.back().is_variable) {
    pieces_.back().bytes.append(bytes);
  } else {
    pieces_.push_back({std::string(bytes), false, 0});
  }
}

void Text::append_variable(std::string name, int64_t offset) {
  pieces_.push_back({std::move(name), true, offset});
}

void Text::append_text(const Text& other) {
  for (const Piece& piece : other.pieces_) {
    if (piece.is_variable) {
      pieces_.push_back(piece);
    } else {
      append(piece.bytes);
    }
  }
}

void Text::repeat(size_t count) {
  const Text once = std::move(*this);
  pieces_.clear();
  for (size_t i = 0; i < count; ++i) append_text(once);
}

std::optional<std::string> Text::expand(const Variables& variables) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (!piece.is_variable) {
      out += piece.bytes;
      continue;
    }
    const auto found = variables.find(piece.bytes);
    if (found == variables.end()) return std::nullopt;
    const std::string& bytes = found->second;
    if (piece.offset == 0) {
      out += bytes;
      continue;
    }
    int64_t number = 0;
    const char* end = bytes.data() + bytes.size();
    const auto [stop, error] = std::from_chars(bytes.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    out += std::to_string(number + piece.offset);
  }
  return out;
}

bool Cursor::take(std::string_view token) {
  if (rest().substr(0, token.size()) != token) return false;
  at_ += token.size();
  return true;
}

bool Cursor::take_word(std::string_view word) {
  if (rest().substr(0, word.size()) != word) return false;
  if (rest().size() > word.size() && is_name_part(rest()[word.size()])) return false;
  at_ += word.size();
  return true;
}

void Cursor::skip_blanks() {
  while (!at_end() && is_blank(peek())) ++at_;
}

std::string_view Cursor::name() {
  if (at_end() || !is_name_start(peek())) return {};
  const size_t start = at_;
  while (!at_end() && is_name_part(peek())) ++at_;
  return text_.substr(start, at_ - start);
}

std::optional<int64_t> Cursor::number() {
  int64_t result = 0;
  const char* start = text_.data() + at_;
  const auto [stop, error] = std::from_chars(start, text_.data() + text_.size(), result);
  if (error != std::errc{}) return std::nullopt;
  at_ += static_cast<size_t>(stop - start);
  return result;
}

bool Cursor::fail(std::string message) {
  if (!failed_) message_ = std::move(message);
  failed_ = true;
  return false;
}

bool Cursor::fail_incomplete() {
  if (!failed_) incomplete_ = true;
  return fail("the text ends too early");
}

bool parse_quoted(Cursor& cursor, Text& text) {
  // A piece of its own, so that a repetition takes this literal alone.
  Text literal;
  cursor.advance(1);
  while (cursor.peek() != '"' || cursor.at_end()) {
    if (cursor.at_end()) return cursor.fail("a quoted literal has no closing quote");
    if (cursor.peek() == '\\') {
      if (!parse_escape(cursor, literal)) return false;
    } else if (cursor.rest().substr(0, 2) == "${") {
      if (!parse_variable(cursor, literal)) return false;
    } else {
      literal.append(cursor.rest().substr(0, 1));
      cursor.advance(1);
    }
  }
  cursor.advance(1);
  if (cursor.peek() == '*') {
    cursor.advance(1);
    const std::optional<int64_t> count = cursor.number();
    if (!count || *count < 0) return cursor.fail("a count is missing after \"...\"*");
    literal.repeat(static_cast<size_t>(*count));
  }
  text.append_text(literal);
  return true;
}

bool parse_word(Cursor& cursor, std::string_view stops, Text& text) {
  while (!cursor.at_end() && !is_blank(cursor.peek()) &&
         stops.find(cursor.peek()) == std::string_view::npos) {
    if (cursor.peek() == '"') {
      if (!parse_quoted(cursor, text)) return false;
    } else if (cursor.rest().substr(0, 2) == "${") {
      if (!parse_variable(cursor, text)) return false;
    } else {
      text.append(cursor.rest().substr(0, 1));
      cursor.advance(1);
    }
  }
  return true;
}

bool parse_regex_text(Cursor& cursor, Text& text) {
  cursor.advance(1);
  while (cursor.peek() != '/' || cursor.at_end()) {
    if (cursor.at_end()) return cursor.fail("a regular expression has no closing slash");
    if (cursor.rest().substr(0, 2) == "\\/") {
      text.append("/");
      cursor.advance(2);
    } else if (cursor.take("\\n")) {
      text.append("\n");
    } else if (cursor.take("\\r")) {
      text.append("\r");
    } else if (cursor.peek() == '\\' && cursor.rest().size() > 1) {
      text.append(cursor.rest().substr(0, 2));
      cursor.advance(2);
    } else if (cursor.rest().substr(0, 2) == "${") {
      if (!parse_variable(cursor, text)) return false;
    } else {
      text.append(cursor.rest().substr(0, 1));
      cursor.advance(1);
    }
  }
  cursor.advance(1);
  return true;
}

}  // namespace larder::transcripts
