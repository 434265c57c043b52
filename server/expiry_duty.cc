#include "server/expiry_duty.h"

#include <algorithm>

#include "server/key_context.h"

namespace larder::server {

void ExpiryDuty::run(CommandEnvironment& environment) {
  if (earliest_ms_ > environment.now_ms) return;
  Keyspace& keyspace = *environment.keyspace;
  size_t budget = kRecordsPerRun;
  for (unsigned i = 0; i < storage::kShardCount && budget > 0; ++i) {
    const unsigned shard = (next_shard_ + i) % storage::kShardCount;
    if (due_ms_[shard] > environment.now_ms || !keyspace.try_lock(shard)) continue;
    storage::Shard& store = keyspace.shard(shard);
    budget -= std::min(
        budget,
        store.expire_due(
            environment.now_ms, budget,
            [&](unsigned database, storage::Entry entry) {
              remove_expired(environment, shard, database, entry);
            },
            [&](unsigned database, storage::Entry entry) {
              return remove_expired_fields(environment, shard, database, entry);
            }));
    due_ms_[shard] = store.next_due_ms();
    environment.settle(shard);
    environment.commit(/*together=*/false, /*writer=*/0);
    keyspace.unlock(shard);
    if (budget == 0) next_shard_ = (shard + 1) % storage::kShardCount;
  }
  earliest_ms_ = *std::min_element(due_ms_.begin(), due_ms_.end());
}

}  // namespace larder::server
