// What OBJECT ENCODING calls a list: "listpack" or "quicklist", by the rules of Redis 7.2 and the
// setting list-max-listpack-size. A list becomes a quicklist by growing beyond the limit, and a
// listpack again only when it has shrunk to half of it; so that is remembered with it. Nothing else
// depends on it.
//
// `limit` is the setting: a number of elements, or -1 to -5 for 4 to 64 KiB.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/list/list.h"

namespace larder::server {

std::string_view list_encoding(const storage::List& list);

// To be called before elements are added that have so many bytes together.
void note_growth(storage::List& list, size_t elements, size_t bytes, int64_t limit);
// To be called after elements were removed or replaced.
void note_shrinking(storage::List& list, int64_t limit);
// To be called for a list that was made as a whole.
void note_made(storage::List& list, int64_t limit);

}  // namespace larder::server
