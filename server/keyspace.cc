#include "server/keyspace.h"

#include <new>

namespace larder::server {

Keyspace::Keyspace(uint64_t hash_seed) : hasher_(hash_seed) {
  slots_ = static_cast<ShardSlot*>(::operator new(sizeof(ShardSlot) * storage::kShardCount,
                                                  std::align_val_t{alignof(ShardSlot)}));
  for (unsigned i = 0; i < storage::kShardCount; ++i) new (&slots_[i]) ShardSlot(hasher_);
}

Keyspace::~Keyspace() {
  for (unsigned i = 0; i < storage::kShardCount; ++i) slots_[i].~ShardSlot();
  ::operator delete(slots_, std::align_val_t{alignof(ShardSlot)});
}

bool Keyspace::try_lock(const ShardSet& shards) {
  ShardSet taken;
  bool all = shards.for_each([&](unsigned shard) {
    if (!try_lock(shard)) return false;
    taken.add(shard);
    return true;
  });
  if (!all) unlock(taken);
  return all;
}

void Keyspace::unlock(const ShardSet& shards) {
  shards.for_each([&](unsigned shard) {
    unlock(shard);
    return true;
  });
}

bool Keyspace::take_exclusive_ticket(uint64_t holder) {
  uint64_t current = 0;
  return exclusive_.compare_exchange_strong(current, holder, std::memory_order_acq_rel) ||
         current == holder;
}

void Keyspace::return_exclusive_ticket(uint64_t holder) {
  exclusive_.compare_exchange_strong(holder, 0, std::memory_order_acq_rel);
}

}  // namespace larder::server
