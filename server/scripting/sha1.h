// SHA-1 (FIPS 180-4): the names of scripts. Not for secrets.
//
// No state; any thread. O(bytes).
#pragma once

#include <array>
#include <string_view>

namespace larder::server {

// 40 lower-case hexadecimal digits.
using Sha1Text = std::array<char, 40>;

Sha1Text sha1_text(std::string_view bytes);

}  // namespace larder::server
