// Sorted sets in RDB.
//
//   zset           := length (string text-score)*    text-score := byte 253 nan, 254 inf, 255 -inf,
//                                                                  or a length and so much text
//   zset_2         := length (string score)*         score := a double, 8 bytes, little endian
//   zset_ziplist   := string                         a ziplist (ziplist.h): member, score, ...
//   zset_listpack  := string                         a listpack (listpack.h) of the same
//
// What Redis would keep as a listpack is written as one, in order; everything else as zset_2, the
// highest score first, as Redis does, which fills its skip lists fastest that way. The others are
// read.
//
// Pure; any thread. O(bytes), and to read O(log members) for each.
#pragma once

#include <cstdint>
#include <string>

#include "storage/hash.h"
#include "storage/rdb/format.h"
#include "storage/rdb/reader.h"
#include "storage/sorted_set/sorted_set.h"

namespace larder::storage::rdb {

// With the type.
void append_sorted_set(const SortedSet& set, std::string& out);

// The sorted set that `reader` stands before; the caller's. Null if it is malformed, has no
// members, one of them twice, a score that is none, or a string of more than `max_bytes`. Its
// encoding is the one of the type. REQUIRES: a type of sorted sets. `hasher` must outlive it.
[[nodiscard]] SortedSet* read_sorted_set(ValueType type, Reader& reader, uint64_t max_bytes,
                                         const KeyHasher& hasher);

}  // namespace larder::storage::rdb
