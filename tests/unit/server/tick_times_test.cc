#include "server/tick_times.h"

#include <catch2/catch.hpp>

namespace larder::server {
namespace {

TEST_CASE("ticks are found again by the second, exact lately and nearly so long ago") {
  TickTimes times;
  CHECK(times.second_of(5) == 0);
  constexpr int64_t kStart = 1'000'000;
  constexpr int64_t kSeconds = 100'000;
  for (int64_t second = 0; second < kSeconds; ++second) {
    times.note(10 + 7 * static_cast<uint64_t>(second), kStart + second);
  }
  CHECK(times.second_of(0) == kStart);
  const auto found = [&](int64_t second, uint64_t into) {
    return times.second_of(10 + 7 * static_cast<uint64_t>(second) + into) - kStart;
  };
  for (int64_t ago = 1; ago < kSeconds; ago += ago / 50 + 1) {
    const int64_t second = kSeconds - ago;
    INFO(ago << " seconds ago");
    CHECK(found(second, 6) == found(second, 0));
    CHECK(found(second, 0) <= second);
    const int64_t error = second - found(second, 0);
    CHECK(error <= (ago <= 512 ? 0 : ago / 100));
  }
}

}  // namespace
}  // namespace larder::server
