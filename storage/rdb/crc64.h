// CRC-64 as RDB files and DUMP use it: the polynomial of Jones (0xad93d23594c935a9), bits
// reflected, starting at 0, nothing inverted. crc64("123456789") is 0xe9c6d914c4b8d9ca.
//
// Pure; any thread. O(bytes), eight at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace larder::storage::rdb {

// `before` is the checksum of what came before `bytes`: a stream may be summed in pieces.
uint64_t crc64(std::string_view bytes, uint64_t before = 0);

}  // namespace larder::storage::rdb
