// LZF: how RDB packs strings. The work is liblzf's; here are the bounds.
//
// Pure: the same text is packed into the same bytes, which are those of a redis-server that uses
// the same library. Any thread; packing takes 256 KiB of its stack. O(bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::storage::rdb {

// Nothing if it would not become at least four bytes shorter.
std::optional<std::string> lzf_pack(std::string_view text);

// No `packed` bytes unpack to more than this, whatever they say.
constexpr uint64_t lzf_most_unpacked(uint64_t packed) {
  // The longest repetition is 264 bytes and takes three; a literal never gains.
  return packed > UINT64_MAX / 88 ? UINT64_MAX : packed * 88;
}

// Unpacks into `text`, replacing what it held; false if `packed` is malformed or does not make
// exactly `length` bytes. Takes memory for `length` bytes only if `packed` may make so many.
[[nodiscard]] bool lzf_unpack(std::string_view packed, uint64_t length, std::string& text);

}  // namespace larder::storage::rdb
