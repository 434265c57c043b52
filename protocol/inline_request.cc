#include "protocol/inline_request.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace larder::protocol {
namespace {

// C's isspace in the C locale: what separates words and may follow a closing quote.
constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// What ends a word outside quotes. Narrower than is_space, as in Redis: "a\vb" is one word.
constexpr bool ends_word(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// The byte that "\xHH" at the front of `rest` stands for.
std::optional<char> hex_escape(std::string_view rest) {
  if (rest.size() < 4 || rest[0] != '\\' || rest[1] != 'x') return std::nullopt;
  const int high = hex_value(rest[2]);
  const int low = hex_value(rest[3]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

// Reads what stands between double quotes, from `position` just after the opening one to just after
// the closing one; false if there is none.
bool read_double_quoted(std::string_view line, size_t& position, std::string& word) {
  while (position < line.size()) {
    const char c = line[position];
    if (const auto byte = hex_escape(line.substr(position))) {
      word += *byte;
      position += 4;
    } else if (c == '\\' && position + 1 < line.size()) {
      word += unescape(line[position + 1]);
      position += 2;
    } else if (c == '"') {
      ++position;
      return true;
    } else {
      word += c;
      ++position;
    }
  }
  return false;
}

// The same for single quotes, in which only a single quote can be escaped.
bool read_single_quoted(std::string_view line, size_t& position, std::string& word) {
  while (position < line.size()) {
    const char c = line[position];
    if (c == '\\' && position + 1 < line.size() && line[position + 1] == '\'') {
      word += '\'';
      position += 2;
    } else if (c == '\'') {
      ++position;
      return true;
    } else {
      word += c;
      ++position;
    }
  }
  return false;
}

}  // namespace

bool split_inline(std::string_view line, ArgumentList& arguments) {
  const size_t views_before = arguments.views.size();
  const size_t decoded_before = arguments.decoded.size();
  size_t position = 0;
  for (;;) {
    while (position < line.size() && is_space(line[position])) ++position;
    if (position == line.size()) return true;

    const size_t start = position;
    const auto in_plain = [&] {
      return position < line.size() && !ends_word(line[position]) && line[position] != '"' &&
             line[position] != '\'';
    };
    while (in_plain()) ++position;
    if (position == line.size() || ends_word(line[position])) {
      arguments.views.push_back(line.substr(start, position - start));
      continue;
    }

    // A quote: the rest of the word is decoded, up to the closing quote that ends it.
    std::string word(line.substr(start, position - start));
    const char quote = line[position++];
    const bool closed = quote == '"' ? read_double_quoted(line, position, word)
                                     : read_single_quoted(line, position, word);
    if (!closed || (position < line.size() && !is_space(line[position]))) {
      arguments.views.resize(views_before);
      arguments.decoded.resize(decoded_before);
      return false;
    }
    arguments.decoded.push_back(std::move(word));
    arguments.views.push_back(arguments.decoded.back());
  }
}

}  // namespace larder::protocol
