// Lists in RDB.
//
//   value     := length node*                    written, and read as type list_quicklist_2
//   node      := container string
//   container := 1 (length)                      the string is an element
//              | 2 (length)                      the string is a listpack of elements (listpack.h)
//
// Written with an element of 1 GiB and more as a container of its own, all others in listpacks, as
// Redis 7.0 does. The older types of format.h are read, too.
//
// Pure; any thread. O(bytes).
#pragma once

#include <cstdint>
#include <string>

#include "storage/list/list.h"
#include "storage/rdb/reader.h"

namespace larder::storage::rdb {

// Without the type.
void append_list(const List& list, std::string& out);

// The list that `reader` stands before; the caller's. Null if it is malformed, has no elements or a
// string of more than `max_bytes`. REQUIRES: a type of lists.
[[nodiscard]] List* read_list(ValueType type, Reader& reader, uint64_t max_bytes);

}  // namespace larder::storage::rdb
