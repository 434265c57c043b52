#include "server/evictor.h"

#include <algorithm>

#include "server/key_context.h"
#include "server/shard_eviction.h"

namespace larder::server {

using storage::kShardCount;

Evictor::Evictor(CommandEnvironment& environment)
    : environment_(&environment), to_convert_(kShardCount) {}

Room Evictor::make_room() {
  MemoryShare& memory = *environment_->memory;
  if (!memory.is_over_limit()) return Room::enough;
  if (evict(kPerCommand) == Progress::nothing_left) return Room::none;
  return memory.is_over_ceiling() ? Room::later : Room::enough;
}

bool Evictor::run_slice() {
  convert_one();
  const bool converts = to_convert_ != kShardCount || environment_->keyspace->board().is_converting();
  if (!environment_->memory->is_over_limit()) return converts;
  const Progress progress = evict(kPerTurn);
  return converts || progress == Progress::some || progress == Progress::held_up;
}

Evictor::Progress Evictor::evict(size_t most) {
  Keyspace& keyspace = *environment_->keyspace;
  MemoryShare& memory = *environment_->memory;
  const PolicyInForce policy = keyspace.board().policy();
  if (!policy.evicts()) return Progress::nothing_left;
  ShardSet passed_over;
  size_t left = most;
  size_t looks = 2 * most + kShardCount;  // enough for every shard to have been unknown
  while (left > 0 && looks-- > 0 && memory.is_over_limit()) {
    const unsigned shard = fuller_shard(passed_over);
    if (shard == kShardCount) {
      return passed_over.empty() ? Progress::nothing_left : Progress::held_up;
    }
    if (!keyspace.try_lock(shard)) {
      passed_over.add(shard);
      continue;
    }
    left -= evict_from(shard, left);
    keyspace.unlock(shard);
  }
  memory.account().lower_ceiling(memory.used());
  return memory.is_over_limit() ? Progress::some : Progress::within_limit;
}

size_t Evictor::evict_from(unsigned shard, size_t most) {
  CommandEnvironment& environment = *environment_;
  ShardSlot& slot = environment.keyspace->slot(shard);
  if (convert(shard)) return most;  // enough for this time
  const bool found = evict_one(slot.shard, slot.policy, environment.random(),
                               [&](unsigned database, storage::Entry entry) {
                                 remove_evicted(environment, shard, database, entry);
                               });
  if (!environment.batch->empty()) {
    environment.effect_log->append(*environment.batch, /*together=*/false);
    environment.batch->clear();
  }
  environment.settle(shard);
  environment.keyspace->board().publish(shard, candidate_rank(slot.shard, slot.policy));
  return found ? 1 : 0;
}

unsigned Evictor::fuller_shard(const ShardSet& passed_over) {
  const Keyspace& keyspace = *environment_->keyspace;
  const EvictionBoard& board = keyspace.board();
  const uint64_t random = environment_->random();
  // The first two with candidates on a walk from a shard drawn at random, with a step that is drawn,
  // too: odd, so that it comes to all of them.
  const auto step = static_cast<unsigned>(random >> 32) | 1;
  auto shard = static_cast<unsigned>(random >> 16) % kShardCount;
  unsigned fuller = kShardCount;
  size_t most = 0;
  unsigned seen = 0;
  for (unsigned i = 0; i < kShardCount && seen < 2; ++i, shard = (shard + step) % kShardCount) {
    if (board.rank(shard) == EvictionBoard::kNoCandidate || passed_over.contains(shard)) continue;
    const size_t bytes = keyspace.counted_bytes(shard);
    if (seen++ == 0 || bytes > most) {
      fuller = shard;
      most = bytes;
    }
  }
  return fuller;
}

bool Evictor::convert(unsigned shard) {
  ShardSlot& slot = environment_->keyspace->slot(shard);
  const PolicyInForce policy = environment_->keyspace->board().policy();
  if (slot.policy.generation == policy.generation) return false;
  slot.policy = policy;
  environment_->settle(shard);
  environment_->keyspace->board().publish(shard, candidate_rank(slot.shard, slot.policy));
  return true;
}

void Evictor::convert_one() {
  Keyspace& keyspace = *environment_->keyspace;
  if (to_convert_ == kShardCount) to_convert_ = keyspace.board().take_one_to_convert();
  if (to_convert_ == kShardCount || !keyspace.try_lock(to_convert_)) return;
  convert(to_convert_);
  keyspace.unlock(to_convert_);
  to_convert_ = kShardCount;
}

}  // namespace larder::server
