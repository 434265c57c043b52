#include "server/commands/value_digest.h"

#include <xxhash.h>

namespace larder::server {

uint64_t value_digest(std::string_view value) { return XXH3_64bits(value.data(), value.size()); }

std::optional<uint64_t> parse_digest(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  uint64_t digest = 0;
  for (char c : text) {
    unsigned nibble;
    if (c >= '0' && c <= '9') {
      nibble = static_cast<unsigned>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      nibble = static_cast<unsigned>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
    digest = digest << 4 | nibble;
  }
  return digest;
}

}  // namespace larder::server
