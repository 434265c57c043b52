// What OBJECT ENCODING calls a set: "intset", "listpack" or "hashtable", by the rules of Redis 7.2
// and its settings. A set goes on from one to the next by growing, never back; so that is
// remembered with it. DUMP writes integers as an intset if it is called one; nothing else depends
// on it.
#pragma once

#include <span>
#include <string_view>

#include "server/key_context.h"
#include "storage/set/set.h"

namespace larder::server {

std::string_view set_encoding(const storage::Set& set);

// Is it a number of at most 64 bits, written as numbers are?
bool is_integer_text(std::string_view text);

// To be called when members are about to be added at once: Redis looks at their number and, for a
// new set, at the first. REQUIRES: there are some.
void note_additions(storage::Set& set, std::span<const std::string_view> members,
                    const SetLimits& limits);
// Adds a member; false if it is there already.
bool add_member(storage::Set& set, std::string_view member, const KeyContext& context);
// To be called for a set that RESTORE made.
void note_restored(storage::Set& set, const SetLimits& limits);

}  // namespace larder::server
