// The generator's clock. A load generator measures the machine's time, so it asks for it itself.
#pragma once

#include <time.h>

#include <cstdint>

namespace larder::bench {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

inline uint64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

// Monotonic, some 20 ns a call.
inline uint64_t now_ns() {
  return read_clock_ns(CLOCK_MONOTONIC);
}

// CPU time of the calling thread.
inline uint64_t thread_cpu_ns() {
  return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

}  // namespace larder::bench
