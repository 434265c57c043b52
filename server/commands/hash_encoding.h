// What OBJECT ENCODING calls a hash: "listpack", "listpackex" (one that has or had deadlines) or
// "hashtable", by the rules of Redis 7.2 and its settings. A hash goes on from one to the next,
// never back; so that is remembered with it. DUMP writes it in the form of that name; nothing else
// depends on it.
#pragma once

#include <span>
#include <string_view>

#include "server/key_context.h"
#include "storage/hash/hash_object.h"

namespace larder::server {

std::string_view hash_encoding(const storage::HashObject& hash);

// To be called when fields and values, one after the other, are about to be set.
void note_fields(storage::HashObject& hash, std::span<const std::string_view> pairs,
                 const HashLimits& limits);
// To be called after fields were set.
void note_field_count(storage::HashObject& hash, const HashLimits& limits);
// To be called when a field is about to get a deadline.
void note_field_deadline(storage::HashObject& hash);
// To be called for a hash that RESTORE made.
void note_restored(storage::HashObject& hash, const HashLimits& limits);

}  // namespace larder::server
