#include "server/driver/precise_clock.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace larder::server {
namespace {

int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

#if defined(__x86_64__)

// The counter runs on at one rate whatever the core does.
bool has_constant_counter() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kPowerManagement = 0x80000007;
  return __get_cpuid(kPowerManagement, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

struct Reading {
  uint64_t ticks;
  int64_t ns;
};

// Both clocks at one moment: of several tries the one that was least disturbed.
Reading read_both() {
  Reading best{};
  uint64_t least = ~uint64_t{0};
  for (int i = 0; i < 5; ++i) {
    const uint64_t before = __rdtsc();
    const int64_t ns = monotonic_ns();
    const uint64_t took = __rdtsc() - before;
    if (took >= least) continue;
    least = took;
    best = {before + took / 2, ns};
  }
  return best;
}

// Nanoseconds per tick, in units of 2^-32; nothing if it makes no sense.
std::optional<uint64_t> calibrate() {
  constexpr int64_t kDurationNs = 200'000;
  const Reading begin = read_both();
  while (monotonic_ns() - begin.ns < kDurationNs) {
  }
  const Reading end = read_both();
  if (end.ticks <= begin.ticks || end.ns <= begin.ns) return std::nullopt;
  const double scale = static_cast<double>(end.ns - begin.ns) * 4294967296.0 /
                       static_cast<double>(end.ticks - begin.ticks);
  // From 20 MHz to 20 GHz.
  if (scale < 0.05 * 4294967296.0 || scale > 50 * 4294967296.0) return std::nullopt;
  return static_cast<uint64_t>(scale);
}

#endif

}  // namespace

std::function<int64_t()> make_precise_clock() {
#if defined(__x86_64__)
  if (has_constant_counter()) {
    if (const std::optional<uint64_t> scale = calibrate()) {
      return [scale = *scale, base = __rdtsc()] {
        __extension__ using Product = unsigned __int128;
        return static_cast<int64_t>(static_cast<Product>(__rdtsc() - base) * scale >> 32);
      };
    }
  }
#endif
  return monotonic_ns;
}

void sleep_for_ns(int64_t duration_ns) {
  if (duration_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(duration_ns));
}

}  // namespace larder::server
