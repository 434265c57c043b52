// What OBJECT ENCODING calls a sorted set: "listpack" or "skiplist", by the rules of Redis 7.2 and
// its settings. A sorted set becomes a skiplist by growing, and a listpack again never; so that is
// remembered with it. DUMP writes it as what it is called; nothing else depends on it.
#pragma once

#include <string_view>

#include "server/key_context.h"
#include "storage/sorted_set/sorted_set.h"

namespace larder::server {

std::string_view sorted_set_encoding(const storage::SortedSet& set);

// To be called for a new one that begins with so many additions, the first of this length.
void note_begun(storage::SortedSet& set, size_t additions, size_t first_bytes,
                const SortedSetLimits& limits);
// To be called when so many additions are about to be made at once to one that is there.
void note_additions(storage::SortedSet& set, size_t additions, const SortedSetLimits& limits);
// To be called when a member of this length was added.
void note_added(storage::SortedSet& set, size_t bytes, const SortedSetLimits& limits);
// To be called for one that was made as a whole.
void note_made(storage::SortedSet& set, const SortedSetLimits& limits);
// To be called for one that RESTORE made, whose encoding is that of the payload.
void note_restored(storage::SortedSet& set, const SortedSetLimits& limits);

}  // namespace larder::server
