// CPU time another process has used, summed over its threads, in ns.
//
// Read from /proc/PID/task/*/schedstat. Threads that ended are not counted: take the difference
// over an interval in which the process starts and ends none. A thread that is running right now
// is up to one scheduler tick (1-4 ms) behind.
#pragma once

#include <cstdint>
#include <optional>

namespace larder::bench {

// Nothing when the process does not exist or may not be read.
[[nodiscard]] std::optional<uint64_t> process_cpu_ns(int pid);

}  // namespace larder::bench
