// Plan: what one run is like, drawn from its seed before anything else. Some runs have every fault,
// some none, so that each fault also meets a server that suffers from nothing else.
#pragma once

#include <cstddef>
#include <string>

#include "server/config/config.h"
#include "tests/simulation/client.h"
#include "tests/simulation/random.h"
#include "tests/simulation/sim_driver.h"

namespace larder::simulation {

struct Plan {
  unsigned workers = 1;
  size_t steps = 0;  // of the phase with faults

  unsigned owners = 0;
  unsigned counters = 0;
  unsigned register_readers = 0;  // with one writer
  unsigned transfers = 0;         // with one auditor
  unsigned floods = 0;
  unsigned chaotic = 0;
  unsigned admins = 0;
  unsigned cachers = 0;
  unsigned listeners = 0;
  unsigned criers = 0;  // none without listeners
  unsigned feeders = 0;
  unsigned waiters = 0;  // none without feeders

  NetworkFaults network;
  ClientManners manners;

  // Chances in thousandths, per step.
  unsigned take_shard = 0;
  unsigned clock_jump = 0;
  unsigned spurious_step = 0;  // of a worker that asked to wait
  unsigned attach = 3;
  unsigned compare = 3;

  bool jumps_back = false;
  bool allows_flushall = false;
  bool allows_kill = false;
  bool allows_pause = false;
  bool has_limits = false;        // few clients, short timeouts, small output buffers
  // Not 0: a limit on memory that is reached again and again, and one of the policies for it.
  uint64_t maxmemory_bytes = 0;
  config::EvictionPolicy policy = config::EvictionPolicy::noeviction;
  bool stops_under_load = false;  // instead of healing

  // Nothing keeps workers from shards or time from flowing: keys must go on time.
  bool is_expiry_punctual() const { return take_shard == 0 && clock_jump == 0 && !allows_pause; }

  config::Config settings() const;

  static Plan draw(Random& random);
  std::string describe() const;
};

}  // namespace larder::simulation
