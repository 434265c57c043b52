// ReferenceParser: what a stream of requests means, said as plainly as possible.
//
// The tests' measure for protocol::RequestParser: it sees the whole stream at once, copies
// everything, searches from the start each time and reads numbers by comparing texts. Slow, and
// meant to be right by inspection. Shares with the parser only the limits it is given.
#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/request_parser.h"

namespace larder::reference {

// One outcome of reading from the stream.
struct Outcome {
  protocol::ParseStatus status;
  size_t consumed = 0;                 // of the stream, by this outcome
  std::vector<std::string> arguments;  // when complete
  std::string error;                   // when error

  bool operator==(const Outcome&) const = default;
};

inline Outcome incomplete() {
  return {protocol::ParseStatus::incomplete, 0, {}, {}};
}
inline Outcome error(const std::string& text) {
  return {protocol::ParseStatus::error, 0, {}, "ERR Protocol error: " + text};
}
inline Outcome done(size_t consumed, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return {protocol::ParseStatus::empty, consumed, {}, {}};
  return {protocol::ParseStatus::complete, consumed, arguments, {}};
}

// A number is what std::to_string would have written.
inline std::optional<int64_t> read_number(const std::string& text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  try {
    const long long value = std::stoll(text);
    if (std::to_string(value) != text) return std::nullopt;
    return value;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// The words of an inline request; nothing when quotes are unbalanced.
inline std::optional<std::vector<std::string>> split_words(const std::string& line) {
  const auto space = [](char c) { return std::string(" \t\n\v\f\r").find(c) != std::string::npos; };
  const auto hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  enum { between, plain, in_double, in_single, closed } state = between;
  std::vector<std::string> words;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const size_t left = line.size() - i;
    if (state == closed) {
      if (!space(c)) return std::nullopt;
      state = between;
    } else if (state == between) {
      if (space(c)) continue;
      words.emplace_back();
      state = plain;
      --i;  // look at it again, as part of the word
    } else if (state == plain) {
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        state = between;
      } else if (c == '"') {
        state = in_double;
      } else if (c == '\'') {
        state = in_single;
      } else {
        words.back() += c;
      }
    } else if (state == in_double) {
      if (left >= 4 && c == '\\' && line[i + 1] == 'x' && hex(line[i + 2]) && hex(line[i + 3])) {
        words.back() += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else if (left >= 2 && c == '\\') {
        const std::string from = "nrtba";
        const std::string to = "\n\r\t\b\a";
        const size_t known = from.find(line[i + 1]);
        words.back() += known == std::string::npos ? line[i + 1] : to[known];
        i += 1;
      } else if (c == '"') {
        state = closed;
      } else {
        words.back() += c;
      }
    } else {
      if (left >= 2 && c == '\\' && line[i + 1] == '\'') {
        words.back() += '\'';
        i += 1;
      } else if (c == '\'') {
        state = closed;
      } else {
        words.back() += c;
      }
    }
  }
  if (state == in_double || state == in_single) return std::nullopt;
  return words;
}

inline Outcome read_inline(const std::string& stream, const protocol::RequestLimits& limits) {
  const size_t longest = std::min(limits.max_inline_bytes, limits.max_request_bytes);
  const size_t line_end = stream.find('\n');
  if (line_end == std::string::npos || line_end > longest) {
    return stream.size() > longest ? error("too big inline request") : incomplete();
  }
  std::string line = stream.substr(0, line_end);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  const auto words = split_words(line);
  return words ? done(line_end + 1, *words) : error("unbalanced quotes in request");
}

// The number on the header line at `at`, or the outcome that ends the reading. Moves `at` behind
// it.
inline std::optional<Outcome> read_header(const std::string& stream, size_t& at, int64_t& number,
                                          const protocol::RequestLimits& limits,
                                          const std::string& invalid, const std::string& too_long) {
  // A line may have max_inline_bytes before its CR, and may not leave the request's bound.
  const size_t room = limits.max_request_bytes - at;
  const size_t line_end = stream.find('\r', at);
  const size_t before_end = (line_end == std::string::npos ? stream.size() : line_end) - at;
  if (before_end > limits.max_inline_bytes && limits.max_inline_bytes < room) {
    return error(too_long);
  }
  if (before_end >= room) return error("too big request");
  if (line_end == std::string::npos || line_end + 1 == stream.size()) return incomplete();
  const auto value = read_number(stream.substr(at + 1, before_end - 1));
  if (stream[line_end + 1] != '\n' || !value) return error(invalid);
  number = *value;
  at = line_end + 2;
  return std::nullopt;
}

inline Outcome read_multibulk(const std::string& stream, const protocol::RequestLimits& limits) {
  size_t at = 0;
  int64_t count = 0;
  if (const auto end = read_header(stream, at, count, limits, "invalid multibulk length",
                                   "too big mbulk count string")) {
    return *end;
  }
  if (at > limits.max_request_bytes) return error("too big request");
  if (count > limits.max_arguments) {
    return error(limits.authenticated || count > 2147483647 ? "invalid multibulk length"
                                                            : "unauthenticated multibulk length");
  }
  std::vector<std::string> arguments;
  for (int64_t i = 0; i < count; ++i) {
    if (at == stream.size()) return incomplete();
    if (stream[at] != '$') return error(std::string("expected '$', got '") + stream[at] + "'");
    int64_t length = 0;
    if (const auto end = read_header(stream, at, length, limits, "invalid bulk length",
                                     "too big bulk count string")) {
      return *end;
    }
    if (length < 0) return error("invalid bulk length");
    if (at > limits.max_request_bytes) return error("too big request");
    if (length > limits.max_bulk_bytes) {
      return error(limits.authenticated || length > 512 * 1024 * 1024
                       ? "invalid bulk length"
                       : "unauthenticated bulk length");
    }
    const auto size = static_cast<size_t>(length);
    if (at + size + 2 > limits.max_request_bytes) return error("too big request");
    if (at + size + 2 > stream.size()) return incomplete();
    arguments.push_back(stream.substr(at, size));
    if (stream.substr(at + size, 2) != "\r\n") return error("expected CRLF after bulk");
    at += size + 2;
  }
  return done(at, arguments);
}

// All outcomes of `stream`; the last one is incomplete or an error.
inline std::vector<Outcome> read_all(std::string stream, const protocol::RequestLimits& limits) {
  std::vector<Outcome> outcomes;
  for (;;) {
    if (stream.empty()) {
      outcomes.push_back(incomplete());
    } else if (stream[0] == '*') {
      outcomes.push_back(read_multibulk(stream, limits));
    } else {
      outcomes.push_back(read_inline(stream, limits));
    }
    if (outcomes.back().consumed == 0) return outcomes;
    stream.erase(0, outcomes.back().consumed);
  }
}

}  // namespace larder::reference
