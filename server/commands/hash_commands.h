// What the files of commands on hashes share.
//
// Fields that are due are absent to every command. Whoever writes to one takes it out first, with
// its event and effect, so that followers, which have no clock, see the same.
#pragma once

#include "server/command.h"
#include "server/commands/values.h"
#include "storage/hash/hash_object.h"

namespace larder::server {

using storage::HashObject;

// May a command on hashes work with what find() answered: a hash, or nothing? Answers the error if
// not.
[[nodiscard]] inline bool is_hash_or_absent(const storage::Entry& entry, protocol::Reply& reply) {
  if (!entry || (entry.is_object() && entry.type() == storage::Type::hash)) [[likely]]
    return true;
  reply.error(kWrongType);
  return false;
}
// REQUIRES: the entry holds one.
inline HashObject& hash_of(const storage::Entry& entry) {
  return entry.object().as<HashObject>();
}

inline void reply_text(protocol::Reply& reply, const storage::listpack::Value& text) {
  storage::NumberText scratch;
  reply.bulk(text.bytes(scratch));
}

}  // namespace larder::server
