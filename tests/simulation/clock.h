// SimClock: both clocks of a simulated machine. They move only when somebody says so. The monotonic
// one never goes back; the Unix one may be set, as administrators and time servers do.
#pragma once

#include <cstdint>

#include "server/driver/event.h"

namespace larder::simulation {

class SimClock {
 public:
  server::Now now() const { return now_; }
  int64_t monotonic_ns() const { return now_.monotonic_ns; }
  int64_t unix_ms() const { return now_.unix_us / 1000; }

  void advance(int64_t duration_ns) {
    now_.monotonic_ns += duration_ns;
    rest_ns_ += duration_ns;
    now_.unix_us += rest_ns_ / 1000;
    rest_ns_ %= 1000;
  }
  // The Unix clock is set forward or back.
  void jump(int64_t by_us) { now_.unix_us += by_us; }

 private:
  server::Now now_{.monotonic_ns = 1'000'000'000, .unix_us = 1'750'000'000'000'000};
  int64_t rest_ns_ = 0;
};

}  // namespace larder::simulation
