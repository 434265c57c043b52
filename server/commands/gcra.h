// The generic cell rate algorithm, behind CL.THROTTLE: how many actions a key may still take.
//
// Of a key nothing is known but its arrival: the instant (Unix time, ns) at which all it took would
// be paid off, at one action per interval. An action moves it on by an interval; where that would
// bring it further than `limit` intervals ahead of now, the action is refused and nothing changes.
//
// The numbers are those of redis-cell, as of its newest release, but
//   - all is in whole nanoseconds: the interval is period / count without its rest, where
//   redis-cell
//     divides as floating point, and `remaining` is exact where redis-cell, dividing what is left
//     of it in microseconds, answers more than the limit at fast rates;
//   - an arrival that has passed counts as now in a refusal, too: nothing is ever below zero;
//   - a quantity of 0 looks and never stores; one below 0 is the caller's error;
//   - a quantity beyond the limit is refused however large it is; no argument overflows.
//
// Pure functions of constant time; no errors but those named below. Good until the year 2262.
#pragma once

#include <cstdint>
#include <optional>

namespace larder::server {

struct Rate {
  int64_t limit = 0;        // actions at once, when nothing was taken for long: max_burst + 1
  int64_t interval_ns = 0;  // between actions in the long run; > 0
};

enum class RateFault : uint8_t {
  none,
  out_of_range,  // a negative number, or an interval or a limit that 64 bits cannot hold
  zero,          // no actions, no period, or more than one action per ns
};

// `count` actions per `period_s` seconds. `rate` is only set if there is no fault.
[[nodiscard]] RateFault make_rate(int64_t max_burst, int64_t count, int64_t period_s, Rate& rate);

struct Verdict {
  bool limited = false;
  int64_t remaining = 0;       // that many single actions would be allowed now
  int64_t reset_after_ns = 0;  // until all that was taken is paid off
  // Until this quantity would be allowed; none: it is allowed, or never will be.
  std::optional<int64_t> retry_after_ns;
  std::optional<int64_t> arrival_ns;  // to be stored; none: nothing changes
};

// May a key whose arrival is `stored_ns` (none: it took nothing) take `quantity` actions at once?
// REQUIRES: quantity, now_ns and stored_ns are >= 0. Nothing if it may, but the arrival would then
// be beyond the year 2262.
[[nodiscard]] std::optional<Verdict> judge(const Rate& rate, std::optional<int64_t> stored_ns,
                                           int64_t now_ns, int64_t quantity);

// Whole seconds as redis-cell answers them: rounded up, but for what is below a millisecond.
[[nodiscard]] int64_t reply_seconds(int64_t ns);

// The first millisecond at which an arrival has passed: when its key may go.
[[nodiscard]] int64_t arrival_deadline_ms(int64_t arrival_ns);

}  // namespace larder::server
