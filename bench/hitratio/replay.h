// Replay: a trace against a real server, as a read-through cache: a get that misses is followed by
// a SET of the value.
//
// One connection, in batches:
//
//   batch := ( SET of a key that missed in the batch before, then again its later gets )*
//            up to `window` new requests
//
// The server runs a connection's commands in order, so a key's SET always comes before its gets of
// later batches. Of several gets in one batch that all miss, the first is the miss; the others
// would have come after its SET, and are asked again after it. A write or deletion of a key that
// was read in the batch ends it, for the SET must not come after. What differs from one request at
// a time: an object enters the cache up to `window` requests later. Window 1 is exact.
//
// Gets are asked as STRLEN unless `read_values`: to every policy it is a read like GET, but its
// replies are short. redis-server counts replies that wait in a pipeline within maxmemory and
// evicts for them.
//
// A trace with times is played at `speed` times its pace, and its times to live are divided by as
// much.
#pragma once

#include <cstdint>
#include <string>

#include "bench/hitratio/trace.h"

namespace larder::bench {

struct ReplayOptions {
  uint16_t port = 0;  // of 127.0.0.1
  uint32_t window = 64;
  bool read_values = false;
  double speed = 1.0;  // for a trace with times
  double clock_speed = 1.0;
  bool flush_at_end = false;  // to learn what the emptied server uses, this connection included
  int timeout_ms = 10000;
};

struct ReplayResult {
  uint64_t gets = 0;
  uint64_t misses = 0;
  uint64_t sets = 0;
  uint64_t refused_sets = 0;  // answered by an error, such as OOM
  std::string first_error;
  double seconds = 0.0;
  int64_t kept = 0;          // DBSIZE at the end
  std::string memory_info;   // INFO memory at the end
  std::string emptied_info;  // with flush_at_end: the same after FLUSHALL
};

// False and `error` when the server cannot be reached, falls silent or breaks the protocol.
[[nodiscard]] bool replay(const Trace& trace, const ReplayOptions& options, ReplayResult& result,
                          std::string& error);

}  // namespace larder::bench
