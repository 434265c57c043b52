#include "server/evictor.h"

#include <algorithm>

#include "server/key_context.h"

namespace larder::server {

using storage::EvictionPolicy;
using storage::kShardCount;

namespace {

// Of S3-FIFO: how much of the cache is probation. bench/hitratio found that it never loses to LRU.
constexpr unsigned kProbationPercent = 25;

}  // namespace

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
  const bool converts =
      to_convert_ != kShardCount || environment_->keyspace->board().is_converting();
  if (!environment_->memory->is_over_limit()) return converts;
  const Progress progress = evict(kPerTurn);
  return converts || progress == Progress::some || progress == Progress::held_up;
}

Evictor::Progress Evictor::evict(size_t most) {
  Keyspace& keyspace = *environment_->keyspace;
  MemoryShare& memory = *environment_->memory;
  if (!keyspace.board().policy().evicts()) return Progress::nothing_left;
  ShardSet passed_over;
  size_t left = most;
  size_t looks = 4 * most + kShardCount;  // enough for every shard to have been unknown
  while (left > 0 && looks-- > 0 && memory.is_over_limit()) {
    const Choice choice = choose(passed_over);
    if (choice.shard == kShardCount) {
      return passed_over.empty() ? Progress::nothing_left : Progress::held_up;
    }
    if (!keyspace.try_lock(choice.shard)) {
      passed_over.add(choice.shard);
      continue;
    }
    left -= evict_from(choice, left);
    keyspace.unlock(choice.shard);
  }
  memory.account().lower_ceiling(memory.used());
  return memory.is_over_limit() ? Progress::some : Progress::within_limit;
}

// ---- choosing -----------------------------------------------------------------------------------

Evictor::Choice Evictor::choose(const ShardSet& passed_over) {
  constexpr unsigned kBoth = 3;
  EvictionBoard& board = environment_->keyspace->board();
  const PolicyInForce policy = board.policy();
  const unsigned probation_percent =
      policy.is_automatic ? board.probation_percent()
                          : (policy.policy == EvictionPolicy::s3fifo ? kProbationPercent : 0);
  if (probation_percent != 0) {
    const int64_t probation = board.segment_size(0);
    const int64_t all = probation + board.segment_size(1);
    const Choice choice =
        in_segment(probation * 100 > all * probation_percent ? 0 : 1, passed_over);
    return choice.shard != kShardCount ? choice : first_of(kBoth, passed_over);
  }
  if (policy.policy == EvictionPolicy::random) return fuller_of_two(passed_over);
  if (policy.policy != EvictionPolicy::sieve) return first_of(kBoth, passed_over);
  const unsigned front = board.front();
  const Choice choice = in_segment(front, passed_over);
  if (choice.shard != kShardCount || !passed_over.empty()) return choice;
  board.leave_front(front);
  return in_segment(front ^ 1, passed_over);
}

Evictor::Choice Evictor::in_segment(unsigned segment, const ShardSet& passed_over) const {
  Choice choice = first_of(1u << segment, passed_over);
  choice.many = false;
  return choice;
}

Evictor::Choice Evictor::first_of(unsigned segments, const ShardSet& passed_over) const {
  const EvictionBoard& board = environment_->keyspace->board();
  Choice choice;
  choice.many = true;
  uint64_t least = EvictionBoard::kNoCandidate;
  choice.limit = EvictionBoard::kNoCandidate;
  for (unsigned segment = 0; segment < EvictionBoard::kSegments; ++segment) {
    if ((segments >> segment & 1) == 0) continue;
    for (unsigned shard = 0; shard < kShardCount; ++shard) {
      const uint64_t key = board.key(shard, segment);
      if (key >= choice.limit || passed_over.contains(shard)) continue;
      if (key < least) {
        choice.shard = shard;
        choice.segment = segment;
        choice.limit = least;
        least = key;
      } else {
        choice.limit = key;
      }
    }
  }
  // The last one with candidates gives all that is asked for.
  if (choice.limit == EvictionBoard::kNoCandidate) --choice.limit;
  return choice;
}

Evictor::Choice Evictor::fuller_of_two(const ShardSet& passed_over) {
  const Keyspace& keyspace = *environment_->keyspace;
  const uint64_t random = environment_->random();
  // The first two with candidates on a walk from a shard drawn at random, with a step that is
  // drawn, too: odd, so that it comes to all of them.
  const auto step = static_cast<unsigned>(random >> 32) | 1;
  auto shard = static_cast<unsigned>(random >> 16) % kShardCount;
  Choice choice;
  choice.limit = EvictionBoard::kNoCandidate - 1;
  size_t most = 0;
  unsigned seen = 0;
  for (unsigned i = 0; i < kShardCount && seen < 2; ++i, shard = (shard + step) % kShardCount) {
    if (keyspace.board().key(shard, 0) == EvictionBoard::kNoCandidate) continue;
    if (passed_over.contains(shard)) continue;
    const size_t bytes = keyspace.counted_bytes(shard);
    if (seen++ == 0 || bytes > most) {
      choice.shard = shard;
      most = bytes;
    }
  }
  return choice;
}

// ---- one shard ----------------------------------------------------------------------------------

size_t Evictor::evict_from(const Choice& choice, size_t most) {
  CommandEnvironment& environment = *environment_;
  const unsigned shard = choice.shard;
  ShardSlot& slot = environment.keyspace->slot(shard);
  if (environment.convert(shard)) return most;  // enough for this time
  environment.begin(shard);
  size_t evicted = 0;
  do {
    const storage::Shard::Step step =
        slot.shard.evict_step(choice.segment, choice.limit, environment.random(),
                              [&](unsigned database, storage::Entry entry) {
                                remove_evicted(environment, shard, database, entry);
                              });
    if (step == storage::Shard::Step::evicted) ++evicted;
    if (step != storage::Shard::Step::evicted) break;
  } while (choice.many && evicted < most && environment.memory->is_over_limit());
  environment.commit(/*together=*/false, /*writer=*/0);
  environment.publish_all(shard);
  return evicted;
}

void Evictor::convert_one() {
  Keyspace& keyspace = *environment_->keyspace;
  if (to_convert_ == kShardCount) to_convert_ = keyspace.board().take_one_to_convert();
  if (to_convert_ == kShardCount || !keyspace.try_lock(to_convert_)) return;
  environment_->convert(to_convert_);
  keyspace.unlock(to_convert_);
  to_convert_ = kShardCount;
}

}  // namespace larder::server
