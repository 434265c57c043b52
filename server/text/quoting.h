// Words and quotes of redis.conf, and how foreign bytes are shown to people.
//
//   line   := { space } [ word { space { space } word } ] { space }
//   word   := { plain | '"' { escape | byte } '"' | '\'' { '\' '\'' | byte } '\'' }
//   escape := '\' ( 'n' | 'r' | 't' | 'b' | 'a' | 'x' hex hex | byte )
//
// A closing quote must be followed by space or the end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::text {

// Nothing if a quote is not closed or is followed by something else than space.
[[nodiscard]] std::optional<std::vector<std::string>> split_words(std::string_view line);

// `bytes` in double quotes, so that split_words gives them back; other than printable ASCII is
// escaped.
[[nodiscard]] std::string quoted(std::string_view bytes);

// How much of a text that a client sent is repeated to it in an error.
constexpr size_t kEchoBytes = 128;

// At most the first kEchoBytes of `bytes`, with unprintable ones as in quoted(), for messages.
[[nodiscard]] std::string echo(std::string_view bytes);
// The same as it is, for error replies, whose writer takes care of line breaks.
[[nodiscard]] std::string shortened(std::string_view bytes);

}  // namespace larder::text
