// Inline requests: a line of words, as a person types into a plain connection.
//
//   line   := space* ( word space+ )* word?
//   word   := ( plain | '"' double* '"' | "'" single* "'" )+
//   double := any but '"' and '\' | '\x' hex hex | '\' any     (\n \r \t \b \a mean what C means)
//   single := any but "'" | "\'"
//
// A closing quote ends its word: a space or the end of the line must follow. These are the rules of
// Redis (and of redis-cli and redis.conf), except that a NUL byte is a byte like any other.
//
// Never looks for the end of the line and knows no limits; request_parser.h does. O(line).
#pragma once

#include <string_view>

#include "protocol/argument_list.h"

namespace larder::protocol {

// Appends the words of `line` (without its line end) to `arguments`. False, with `arguments` as
// before, when quotes are unbalanced. Words without quotes become views into `line`.
[[nodiscard]] bool split_inline(std::string_view line, ArgumentList& arguments);

}  // namespace larder::protocol
