// The rule for what clients may call themselves (CLIENT SETNAME, CLIENT SETINFO, HELLO SETNAME):
// printable ASCII without spaces, so that a line of CLIENT LIST stays one line of plain fields.
#pragma once

#include <algorithm>
#include <string_view>

namespace larder::server {

inline constexpr std::string_view kBadSessionName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

inline bool is_session_attribute(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace larder::server
