#include "server/text/quoting.h"

#include <utility>

#include "server/text/ascii.h"

namespace larder::text {
namespace {

int hex_value(char digit) {
  const char lower = to_lower(digit);
  if (is_digit(lower)) return lower - '0';
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

char escaped_byte(char letter) {
  switch (letter) {
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
      return letter;
  }
}

// Reads the inside of a quoted part that starts at `at`, appends it to `word` and returns the
// position after the closing quote, or nothing if there is none.
std::optional<size_t> read_quoted(std::string_view line, size_t at, char quote, std::string& word) {
  while (at < line.size()) {
    const char byte = line[at];
    const size_t left = line.size() - at;
    if (byte == quote) {
      const bool ends_word = left == 1 || is_space(line[at + 1]);
      return ends_word ? std::optional<size_t>(at + 1) : std::nullopt;
    }
    if (quote == '"' && byte == '\\' && left >= 4 && line[at + 1] == 'x' &&
        hex_value(line[at + 2]) >= 0 && hex_value(line[at + 3]) >= 0) {
      word.push_back(static_cast<char>(hex_value(line[at + 2]) * 16 + hex_value(line[at + 3])));
      at += 4;
    } else if (quote == '"' && byte == '\\' && left >= 2) {
      word.push_back(escaped_byte(line[at + 1]));
      at += 2;
    } else if (quote == '\'' && byte == '\\' && left >= 2 && line[at + 1] == '\'') {
      word.push_back('\'');
      at += 2;
    } else {
      word.push_back(byte);
      ++at;
    }
  }
  return std::nullopt;
}

void append_printable(std::string& out, char byte, bool within_quotes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\a':
      out += "\\a";
      return;
    default:
      break;
  }
  if (within_quotes && (byte == '"' || byte == '\\')) {
    out.append({'\\', byte});
  } else if (byte >= ' ' && byte <= '~') {
    out.push_back(byte);
  } else {
    const auto value = static_cast<unsigned char>(byte);
    out.append({'\\', 'x', kHex[value >> 4], kHex[value & 15]});
  }
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  for (;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return words;
    std::string word;
    while (at < line.size() && !is_space(line[at])) {
      const char byte = line[at];
      if (byte != '"' && byte != '\'') {
        word.push_back(byte);
        ++at;
        continue;
      }
      const auto after = read_quoted(line, at + 1, byte, word);
      if (!after) return std::nullopt;
      at = *after;
    }
    words.push_back(std::move(word));
  }
}

std::string quoted(std::string_view bytes) {
  std::string result = "\"";
  for (const char byte : bytes) append_printable(result, byte, true);
  result.push_back('"');
  return result;
}

std::string echo(std::string_view bytes) {
  std::string result;
  for (const char byte : bytes.substr(0, kEchoBytes)) append_printable(result, byte, false);
  if (bytes.size() > kEchoBytes) result += "...";
  return result;
}

std::string shortened(std::string_view bytes) {
  std::string result(bytes.substr(0, kEchoBytes));
  if (bytes.size() > kEchoBytes) result += "...";
  return result;
}

}  // namespace larder::text
