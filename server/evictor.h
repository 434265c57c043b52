// Evictor: one worker's part in keeping the data within `maxmemory`.
//
// Works before a command that needs memory, while that holds no locks, and in slices at the end of
// turns, so that no command pays for more than its share:
//
//   * A command evicts until the data is within the limit, but at most kPerCommand entries. What
//     remains is left to the turns. A command waits for them only if the data is so far over the
//     limit that nobody may add to it (memory_account.h: the ceiling).
//   * The fuller of two shards drawn at random gives an entry, so that shards stay equally full. A
//     shard that somebody else holds is passed over.
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
  // One entry of the shard, which is locked. Returns how many, or what corresponds to it; what the
  // shard has left is published.
  size_t evict_from(unsigned shard, size_t most);
  // kShardCount: there is none.
  unsigned fuller_shard(const ShardSet& passed_over);

  // Gives the shard, which is locked, the policy in force; false if it has it.
  bool convert(unsigned shard);
  void convert_one();

  CommandEnvironment* environment_;
  unsigned to_convert_;  // taken from the board and not yet done; kShardCount: none
};

}  // namespace larder::server
