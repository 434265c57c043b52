// Driver: one worker's door to the kernel. See event.h for the contract.
//
// One driver per worker, used by that worker's thread alone, except wake().
#pragma once

#include <cstdint>
#include <vector>

#include "server/driver/event.h"

namespace larder::server {

class Driver {
 public:
  virtual ~Driver() = default;

  // Carries out `ops` and clears them, then waits until something happened, at most `wait_ns`
  // (0: do not wait, < 0: without limit), and fills `events` (cleared first) with what did.
  // Bytes of the previous turn's events are taken back at the beginning of this call.
  virtual void turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) = 0;

  // Makes the current or the next turn() return. Any thread.
  virtual void wake() = 0;

  // Reads both clocks.
  virtual Now now() const = 0;
};

}  // namespace larder::server
