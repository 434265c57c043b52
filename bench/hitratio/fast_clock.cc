// fast_clock: preloaded into redis-server, lets its wall clock run LARDER_CLOCK_SPEED times faster.
//
// redis-server's LRU and LFU tell times apart by the second and the minute. A trace of an hour,
// replayed in a second, is all of one age to them, and LRU degenerates to random choice. Larder
// orders by accesses, not by time, and needs none of this.
//
// Only gettimeofday is changed, which is what redis-server's clock is made of; timers and sleeping
// go by the real clock.
#include <sys/time.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kMicroseconds = 1000000;

int64_t real_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * kMicroseconds + now.tv_nsec / 1000;
}

int64_t speed() {
  const char* text = std::getenv("LARDER_CLOCK_SPEED");
  const long value = text == nullptr ? 1 : std::strtol(text, nullptr, 10);
  return value < 1 ? 1 : value;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int gettimeofday(timeval* time,
                                                                   void* /*zone*/) noexcept {
  static const int64_t began = real_us();
  static const int64_t factor = speed();
  const int64_t now = began + (real_us() - began) * factor;
  time->tv_sec = now / kMicroseconds;
  time->tv_usec = now % kMicroseconds;
  return 0;
}
