// Ziplists: how Redis before 7.0 packed short lists. Only read.
//
//   ziplist := bytes u32 | offset of the last entry u32 | count u16 | entry* | 0xff
//                                                  little endian; count 0xffff: unknown
//   entry   := length of the entry before | data   byte below 254, or 254 and u32
//   data    := 00llllll text | 01llllll byte text | 0x80 u32 text       lengths big endian
//            | 0xc0 i16 | 0xd0 i32 | 0xe0 i64 | 0xf0 i24 | 0xfe i8      little endian
//            | 0xf1 .. 0xfd                        integer 0 .. 12
//
// Pure; any thread. O(bytes).
#pragma once

#include <string_view>

#include "storage/function_ref.h"
#include "storage/listpack.h"

namespace larder::storage::rdb {

// Visits all values of a ziplist that may come from anybody. False if it is malformed in whatever
// way; some values may have been visited then.
[[nodiscard]] bool read_ziplist(std::string_view ziplist,
                                FunctionRef<void(const listpack::Value&)> visitor);

}  // namespace larder::storage::rdb
