#include "server/shard_eviction.h"

#include <bit>

namespace larder::server {
namespace {

size_t entries_of(const storage::Shard& shard) {
  size_t entries = 0;
  for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
    entries += shard.size(database);
  }
  return entries;
}

}  // namespace

uint64_t candidate_rank(const storage::Shard& shard, const PolicyInForce& policy) {
  return policy.evicts() && entries_of(shard) != 0 ? 1 : EvictionBoard::kNoCandidate;
}

bool evict_one(storage::Shard& shard, const PolicyInForce& policy, uint64_t random,
               storage::FunctionRef<void(unsigned database, storage::Entry)> on_evict) {
  const size_t entries = entries_of(shard);
  if (!policy.evicts() || entries == 0) return false;
  // A database by the number of its entries, then one of those.
  size_t place = random % entries;
  unsigned database = 0;
  while (place >= shard.size(database)) place -= shard.size(database++);
  on_evict(database, shard.random(database, std::rotl(random, 32)));
  return true;
}

}  // namespace larder::server
