// What the commands on groups of streams share: consumers that come by, what followers are told.
#pragma once

#include <string_view>

#include "server/commands/stream_parts.h"

namespace larder::server {

// The consumer asks for something: it is there from now on. REQUIRES: the key holds a stream with
// the group.
void see_consumer(KeyContext& context, const Key& key, std::string_view group,
                  std::string_view consumer);

// What is pending of an entry, as it is by now. REQUIRES: listening(); it is pending.
void claim_effect(KeyContext& context, const Key& key, const storage::stream::Group& group,
                  StreamId id);
// How far the group is. REQUIRES: listening().
void group_id_effect(KeyContext& context, const Key& key, const storage::stream::Group& group);

}  // namespace larder::server
