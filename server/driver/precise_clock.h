// A clock for measuring how long things take.
#pragma once

#include <cstdint>
#include <functional>

namespace larder::server {

// Nanoseconds since some moment. Reads the processor's counter where it runs at a constant rate
// (some 10 ns a reading; calibrated here, which takes 0.2 ms, to 0.1 %), else the system's
// monotonic clock. Readings of one thread that moves between cores may go back by a few
// nanoseconds. Any thread.
std::function<int64_t()> make_precise_clock();

// Puts the calling thread to sleep.
void sleep_for_ns(int64_t duration_ns);

}  // namespace larder::server
