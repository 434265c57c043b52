// Taking members from the ends of sorted sets: the commands, and their steps for those that wait
// for one. End::front is the lowest score, End::back the highest.
//
// The steps do the whole of a change, effects included: ZPOPMIN or ZPOPMAX. `entry` is what find()
// just answered for the key.
#pragma once

#include <optional>

#include "server/commands/list_ends.h"
#include "server/commands/sorted_sets.h"

namespace larder::server {

// MIN or MAX, in any case.
std::optional<End> find_extreme(std::string_view word);

// Answers a member and its score, which goes: into an array whose head the caller wrote.
// REQUIRES: the entry holds a sorted set.
void pop_extreme(KeyContext& context, const Key& key, storage::Entry entry, End end,
                 protocol::Reply& reply);
// Answers the key and an array of pairs, as ZMPOP and BZMPOP do. REQUIRES: as above.
void pop_named_extremes(KeyContext& context, const Key& key, storage::Entry entry,
                        const MultiPop& wish, protocol::Reply& reply);
// The same with the first of the command's keys that holds a sorted set, or the error if one before
// it holds something else. False: none of them holds anything, nothing was answered.
bool pop_extremes_of_first(KeyContext& context, const MultiPop& wish, protocol::Reply& reply);

// The handlers, whose rows are in sorted_sets.cc.
void zpopmin(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void zpopmax(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void zmpop(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
