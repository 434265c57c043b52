// Text: a piece of a transcript that stands for bytes, and the cursor that all parsing goes
// through.
//
//   word    = piece+                     pieces stand side by side, without blanks
//   piece   = plain | '"' quoted '"' [ '*' count ] | '${' name [ (+|-) number ] '}'
//   quoted  = plain | \n \r \t \0 \" \\ \$ | \xHH | '${' ... '}'
//
// A variable is expanded when the line is played: its bytes, or, with an offset, the sum as
// decimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::transcripts {

using Variables = std::map<std::string, std::string, std::less<>>;

class Text {
 public:
  void append(std::string_view bytes);
  void append_variable(std::string name, int64_t offset);
  void append_text(const Text& other);
  // Makes the whole text appear `count` times.
  void repeat(size_t count);

  // The bytes, or nothing when a variable is unknown or is no number although it has an offset.
  std::optional<std::string> expand(const Variables& variables) const;

 private:
  struct Piece {
    std::string bytes;  // literal bytes, or the variable's name
    bool is_variable = false;
    int64_t offset = 0;
  };
  std::vector<Piece> pieces_;
};

// Where a parser is in its text. The first error sticks; `incomplete` says that the text ended too
// early, so that the caller may add the next line and try again.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  void advance(size_t count) { at_ += count; }
  // Takes `token` if it comes next.
  bool take(std::string_view token);
  // Takes `word` if it comes next and is not the beginning of a longer name.
  bool take_word(std::string_view word);
  void skip_blanks();  // spaces, tabs and line breaks
  // [A-Za-z_][A-Za-z0-9_]*, or empty.
  std::string_view name();
  std::optional<int64_t> number();

  bool fail(std::string message);
  bool fail_incomplete();
  bool failed() const { return failed_; }
  bool incomplete() const { return incomplete_; }
  const std::string& message() const { return message_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  bool failed_ = false;
  bool incomplete_ = false;
  std::string message_;
};

// A quoted literal with its repetition; the cursor stands on the opening quote.
bool parse_quoted(Cursor& cursor, Text& text);
// A word as above; ends at a blank or at any of `stops`.
bool parse_word(Cursor& cursor, std::string_view stops, Text& text);
// `/.../`, where `\/` is a slash, `\n` and `\r` are these bytes, and every other backslash stays
// for the regular expression.
bool parse_regex_text(Cursor& cursor, Text& text);

}  // namespace larder::transcripts
