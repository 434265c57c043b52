// What the files of commands on sets share.
#pragma once

#include "server/command.h"
#include "server/commands/values.h"
#include "storage/set/set.h"

namespace larder::server {

// May a command on sets work with what find() answered: a set, or nothing? Answers the error if
// not.
[[nodiscard]] inline bool is_set_or_absent(const storage::Entry& entry, protocol::Reply& reply) {
  if (!entry || (entry.is_object() && entry.type() == storage::Type::set)) [[likely]]
    return true;
  reply.error(kWrongType);
  return false;
}
// REQUIRES: the entry holds one.
inline storage::Set& set_of(const storage::Entry& entry) {
  return entry.object().as<storage::Set>();
}

inline void reply_member(protocol::Reply& reply, const storage::Set::Member& member) {
  storage::NumberText scratch;
  reply.bulk(member.bytes(scratch));
}
// All of a set, as RESP3's set.
inline void reply_members(protocol::Reply& reply, const storage::Set& set) {
  reply.set(set.size());
  reply.expect_texts(set.size(), set.bytes());
  set.for_each([&](const storage::Set::Member& member) { reply_member(reply, member); });
}

}  // namespace larder::server
