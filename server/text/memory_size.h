// Amounts of memory as redis.conf writes them: "100", "64mb", "1g".
//
//   size := digits [unit]        unit, in any case := b | k | kb | m | mb | g | gb
//
// k, m and g are 1000-based, kb, mb and gb 1024-based.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::text {

// Nothing if `text` is not a size. A size beyond 2^64-1 bytes is answered as 2^64-1 (Redis lets it
// wrap around), so that the caller's range check refuses it with the range.
[[nodiscard]] std::optional<uint64_t> parse_memory_size(std::string_view text);

// The shortest form without loss, as CONFIG REWRITE writes it: "1gb", "64mb", "3kb", "1500".
[[nodiscard]] std::string format_memory_size(uint64_t bytes);

}  // namespace larder::text
