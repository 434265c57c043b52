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
  const auto found = [&](int64_t second, uint64_t into) {
    return times.second_of(10 + 7 * static_cast<uint64_t>(second) + into) - kStart;
  };
  for (int64_t ago = 1; ago < kSeconds; ago += ago / 50 + 1) {
    const int64_t second = kSeconds - ago;
    INFO(ago << " seconds ago");
    for (const uint64_t into : {uint64_t{0}, uint64_t{6}}) {
      CHECK(found(second, into) <= second);
      const int64_t error = second - found(second, into);
      CHECK(error <= (ago <= 512 ? 0 : ago / 100));
    }
    CHECK(times.second_of(times.tick_of(kStart + second)) == kStart + second);
  }
}

TEST_CASE("every second has a tick: silent ones, those before the first, and none is yet to come") {
  TickTimes times;
  CHECK(times.tick_of(1'000) == 0);
  times.note(5'000, 1'000);
  times.note(5'020, 1'001);
  times.note(5'050, 1'011);  // ten seconds, for each of which a tick passed
  CHECK(times.second_of(4'000) == 0);
  CHECK(times.second_of(4'990) == 990);
  CHECK(times.second_of(5'019) == 1'000);
  CHECK(times.second_of(5'040) == 1'001);
  CHECK(times.second_of(5'045) == 1'006);
  CHECK(times.second_of(6'000) == 1'011);
  for (int64_t second = 1; second <= 1'011; ++second) {
    CHECK(times.second_of(times.tick_of(second)) == second);
    CHECK(times.tick_of(second - 1) < times.tick_of(second));
  }
  CHECK(times.tick_of(2'000) == 5'050);
  CHECK(times.tick_of(-100'000) == 0);
}

}  // namespace
}  // namespace larder::server
