// What eviction asks of one shard: whether it has something to give, and to choose one entry.
//
// Shards keep no order among their entries yet, so the one policy is to take any of them.
//
// Thread: whoever holds the shard's lock.
#pragma once

#include <cstdint>

#include "server/eviction_board.h"
#include "storage/function_ref.h"
#include "storage/shard.h"

namespace larder::server {

// As EvictionBoard publishes it.
uint64_t candidate_rank(const storage::Shard& shard, const PolicyInForce& policy);

// Chooses an entry and calls `on_evict`, which must erase it; false if there is none. `random` is 64
// random bits.
bool evict_one(storage::Shard& shard, const PolicyInForce& policy, uint64_t random,
               storage::FunctionRef<void(unsigned database, storage::Entry)> on_evict);

}  // namespace larder::server
