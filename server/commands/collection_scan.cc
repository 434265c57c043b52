#include "server/commands/collection_scan.h"

#include "server/text/ascii.h"

namespace larder::server {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

std::optional<uint64_t> parse_cursor(std::string_view argument) {
  argument = argument.substr(0, argument.find('\0'));
  if (argument.empty()) return 0;
  const bool negative = argument[0] == '-';
  if (negative || argument[0] == '+') argument.remove_prefix(1);
  if (argument.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : argument) {
    const auto digit = static_cast<uint64_t>(c - '0');
    if (!text::is_digit(c) || value > (~uint64_t{0} - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return negative ? uint64_t{0} - value : value;
}

std::optional<uint64_t> read_cursor(std::string_view argument, Reply& reply) {
  const std::optional<uint64_t> cursor = parse_cursor(argument);
  if (!cursor) reply.error("ERR invalid cursor");
  return cursor;
}

void reply_cursor(uint64_t cursor, Reply& reply) {
  char digits[protocol::kMaxInt64Chars];
  reply.bulk({digits, static_cast<size_t>(protocol::write_uint64(cursor, digits) - digits)});
}

std::optional<CollectionScan> read_collection_scan(Arguments words, bool knows_novalues,
                                                   Reply& reply) {
  CollectionScan scan;
  const auto syntax_error = [&reply] {
    reply.error(kSyntaxError);
    return std::nullopt;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const bool has_value = i + 1 < words.size();
    if (equals_ignoring_case(word, "count") && has_value) {
      const std::optional<int64_t> count = read_integer(words[++i], reply);
      if (!count) return std::nullopt;
      if (*count < 1) return syntax_error();
      scan.count = static_cast<uint64_t>(*count);
    } else if (equals_ignoring_case(word, "match") && has_value) {
      scan.pattern = words[++i];
      scan.matches_all = text::glob_matches_all(scan.pattern);
    } else if (equals_ignoring_case(word, "novalues") && knows_novalues) {
      scan.is_without_values = true;
    } else {
      return syntax_error();
    }
  }
  return scan;
}

}  // namespace larder::server
