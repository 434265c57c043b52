// Evictor: one worker's part in keeping the data within `maxmemory`.
//
// Works before a command that needs memory, while that holds no locks.
//
// Thread: its worker's.
#pragma once

#include <cstdint>

namespace larder::server {

struct CommandEnvironment;

enum class Room : uint8_t {
  enough,  // the command may run
  later,   // eviction has to catch up first: try again next turn
  none,    // nothing may be evicted: the command is refused
};

class Evictor {
 public:
  explicit Evictor(CommandEnvironment& environment) : environment_(&environment) {}

  // Before a command that needs memory. REQUIRES: no shard is locked by this worker.
  [[nodiscard]] Room make_room();
  // Once per turn: a slice of what commands left to do; true if there is more.
  [[nodiscard]] bool run_slice();

 private:
  CommandEnvironment* environment_;
};

}  // namespace larder::server
