// ExpiryDuty: one worker's share of expiring keys on time.
//
// Remembers, for each shard, the earliest deadline this worker knows of: those it wrote itself and
// those it saw when it last took out what was due. So every deadline is somebody's duty, an idle
// server sleeps until the next one, and no worker is woken for what another will do.
//
// Works in slices: each run does a bounded amount of work, then lets the loop go on.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "storage/shard.h"

namespace larder::server {

struct CommandEnvironment;

class ExpiryDuty {
 public:
  static constexpr int64_t kNothingDue = std::numeric_limits<int64_t>::max();

  ExpiryDuty() { due_ms_.fill(kNothingDue); }

  // A deadline was written into `shard`, which next has work at `shard_due_ms`.
  void note(unsigned shard, int64_t shard_due_ms) {
    if (shard_due_ms < due_ms_[shard]) due_ms_[shard] = shard_due_ms;
    if (shard_due_ms < earliest_ms_) earliest_ms_ = shard_due_ms;
  }

  // When run() next has work; kNothingDue if never.
  int64_t earliest_ms() const { return earliest_ms_; }

  // Removes what is due, at most a slice. Shards found taken are left for the next run.
  void run(CommandEnvironment& environment);

 private:
  // About 100 us of work.
  static constexpr size_t kRecordsPerRun = 256;

  std::array<int64_t, storage::kShardCount> due_ms_;
  int64_t earliest_ms_ = kNothingDue;
  unsigned next_shard_ = 0;  // where the next run begins, so that no shard is starved
};

}  // namespace larder::server
