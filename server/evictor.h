// Evictor: one worker's part in keeping the data within `maxmemory`.
//
// Works before a command that needs memory, while that holds no locks, and in slices at the end of
// turns, so that no command pays for more than its share:
//
//   * A command evicts until the data is within the limit, but at most kPerCommand entries. What
//     remains is left to the turns. A command waits for them only if the data is so far over the
//     limit that nobody may add to it (memory_account.h: the ceiling).
//   * The first candidate of the whole cache goes (random: one of the fuller of two shards): the
//     shard that published the least key is locked and takes one step, as long as its candidate's
//     key is no greater than the next best shard's; then it publishes again. A shard that somebody
//     else holds is passed over. What workers evict at the same moment may go in either order.
//   * S3-FIFO takes its steps in probation while that holds more than a quarter of all entries,
//   else
//     in main. SIEVE's hand is in one segment of all shards, and when nothing is left there, in the
//     other. `auto` is LRU or S3-FIFO, as the board says.
//   * A change of policy converts the shards one by one, each turn one; eviction converts those it
//     comes to.
//
// Every eviction is a DEL to followers and an "evicted" event, in the order of the shard's changes.
//
// Thread: its worker's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/shard_set.h"
#include "storage/hash.h"

namespace larder::server {

struct CommandEnvironment;

enum class Room : uint8_t {
  enough,  // the command may run
  later,   // eviction has to catch up first: try again next turn
  none,    // nothing may be evicted: the command is refused
};

class Evictor {
 public:
  explicit Evictor(CommandEnvironment& environment);

  // Before a command that needs memory. REQUIRES: no shard is locked by this worker.
  [[nodiscard]] Room make_room();
  // Once per turn: a slice of what commands and changes of policy left to do; true if there is
  // more.
  [[nodiscard]] bool run_slice();

 private:
  static constexpr size_t kPerCommand = 16;
  // About 100 us.
  static constexpr size_t kPerTurn = 128;

  enum class Progress : uint8_t { within_limit, some, held_up, nothing_left };

  // Until the data is within the limit, but at most `most` entries.
  Progress evict(size_t most);
  struct Choice {
    unsigned shard = storage::kShardCount;  // kShardCount: there is none
    unsigned segment = 0;
    uint64_t limit = 0;  // the key of the next best
    bool many = false;   // more than one step may follow
  };
  Choice choose(const ShardSet& passed_over);
  // Of the segments, as bits.
  Choice first_of(unsigned segments, const ShardSet& passed_over) const;
  Choice fuller_of_two(const ShardSet& passed_over);
  Choice in_segment(unsigned segment, const ShardSet& passed_over) const;

  // From the shard chosen, which is locked, up to `most`. Returns how many, or what corresponds to
  // it; what the shard has left is published.
  size_t evict_from(const Choice& choice, size_t most);

  void convert_one();

  CommandEnvironment* environment_;
  unsigned to_convert_;  // taken from the board and not yet done; kShardCount: none
};

}  // namespace larder::server
