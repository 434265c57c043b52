// Sets in RDB.
//
//   set           := length string*            the members
//   set_intset    := string                    width u32 | count u32 | integers, ascending
//   set_listpack  := string                    a listpack (listpack.h)
//
// All little endian; the width is 2, 4 or 8 bytes. What Redis would keep as an intset is written as
// one, everything else as a set, which Redis 7.0 reads, too; set_listpack is only read.
//
// Pure; any thread. O(bytes).
#pragma once

#include <cstdint>
#include <string>

#include "storage/hash.h"
#include "storage/rdb/format.h"
#include "storage/rdb/reader.h"
#include "storage/set/set.h"

namespace larder::storage::rdb {

// With the type.
void append_set(const Set& set, std::string& out);

// The set that `reader` stands before; the caller's. Null if it is malformed, has no members, one
// of them twice, or a string of more than `max_bytes`. Its encoding is the one of the type; of
// `set` it is hashtable, whatever is in it. REQUIRES: a type of sets.
[[nodiscard]] Set* read_set(ValueType type, Reader& reader, uint64_t max_bytes,
                            const KeyHasher& hasher);

}  // namespace larder::storage::rdb
