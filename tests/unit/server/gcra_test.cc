// The cell rate algorithm: redis-cell's published scenario, a bucket that drips as a second
// opinion, and arguments that want to overflow.
#include "server/commands/gcra.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <tuple>

namespace larder::server {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMs = 1'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

Rate rate_of(int64_t max_burst, int64_t count, int64_t period_s) {
  Rate rate;
  REQUIRE(make_rate(max_burst, count, period_s, rate) == RateFault::none);
  return rate;
}

RateFault fault_of(int64_t max_burst, int64_t count, int64_t period_s) {
  Rate rate{.limit = -7, .interval_ns = -7};
  const RateFault fault = make_rate(max_burst, count, period_s, rate);
  if (fault != RateFault::none) CHECK(rate.limit == -7);
  return fault;
}

// A key that remembers.
struct Limited {
  Rate rate;
  std::optional<int64_t> arrival_ns;

  Verdict ask(int64_t now_ns, int64_t quantity) {
    const std::optional<Verdict> verdict = judge(rate, arrival_ns, now_ns, quantity);
    REQUIRE(verdict);
    if (verdict->arrival_ns) arrival_ns = verdict->arrival_ns;
    return *verdict;
  }
};

}  // namespace

TEST_CASE("the scenario that redis-cell publishes") {
  // Five at once, then one per second.
  Limited key{rate_of(4, 1, 1), {}};
  CHECK(key.rate.limit == 5);
  struct Step {
    int64_t at_ms, quantity, remaining, reset_ms, retry_ms;
    bool limited;
  };
  constexpr int64_t kNever = -1;
  const Step steps[] = {
      {0, 6, 5, 0, kNever, true},      // more than the limit is never allowed
      {0, 1, 4, 1000, kNever, false},  // one after the other
      {0, 1, 3, 2000, kNever, false},    {0, 1, 2, 3000, kNever, false},
      {0, 1, 1, 4000, kNever, false},    {0, 1, 0, 5000, kNever, false},
      {0, 1, 0, 5000, 1000, true},        // nothing left
      {3000, 1, 2, 3000, kNever, false},  // it comes back with time
      {3100, 1, 1, 3900, kNever, false}, {4000, 1, 1, 4000, kNever, false},
      {8000, 1, 4, 1000, kNever, false}, {9500, 1, 4, 1000, kNever, false},
      {9500, 0, 4, 1000, kNever, false},  // only looks
      {9500, 2, 2, 3000, kNever, false},  // several at once
      {9500, 5, 2, 3000, 3000, true},
  };
  for (const Step& step : steps) {
    INFO("at " << step.at_ms << " ms: " << step.quantity);
    const Verdict verdict = key.ask(kStart + step.at_ms * kMs, step.quantity);
    CHECK(verdict.limited == step.limited);
    CHECK(verdict.remaining == step.remaining);
    CHECK(verdict.reset_after_ns == step.reset_ms * kMs);
    CHECK(verdict.retry_after_ns.value_or(kNever * kMs) == step.retry_ms * kMs);
  }
}

TEST_CASE("a limited key changes by time alone, and what it says of time is true") {
  // The second opinion is a bucket of ns: what was taken drips out, one ns per ns.
  std::mt19937_64 random(20'161'108);
  size_t limited = 0, allowed = 0;
  for (int round = 0; round < 300; ++round) {
    const auto below = [&random](uint64_t end) { return static_cast<int64_t>(random() % end); };
    const Rate rate = rate_of(below(20), 1 + below(5000), 1 + below(100));
    Limited key{rate, {}};
    const int64_t capacity = rate.limit * rate.interval_ns;
    int64_t taken = 0;
    int64_t now = kStart;
    for (int step = 0; step < 100; ++step) {
      const int64_t passed = below(2) == 0 ? 0 : below(static_cast<uint64_t>(3 * rate.interval_ns));
      now += passed;
      taken = std::max<int64_t>(0, taken - passed);
      const int64_t quantity = below(static_cast<uint64_t>(rate.limit) + 2);
      const bool fits = taken + quantity * rate.interval_ns <= capacity;
      const std::optional<int64_t> before = key.arrival_ns;
      const Verdict verdict = key.ask(now, quantity);
      ++(fits ? allowed : limited);
      REQUIRE(verdict.limited == !fits);
      if (fits) taken += quantity * rate.interval_ns;
      REQUIRE(verdict.arrival_ns.has_value() == (fits && quantity > 0));
      if (!fits) REQUIRE(key.arrival_ns == before);
      REQUIRE(verdict.reset_after_ns == taken);
      REQUIRE(verdict.remaining == (capacity - taken) / rate.interval_ns);
      REQUIRE(verdict.retry_after_ns.has_value() == (!fits && quantity <= rate.limit));
      if (!verdict.retry_after_ns) continue;
      // Whoever waits so long is let in, and not one ns before.
      Limited later = key;
      REQUIRE(later.ask(now + *verdict.retry_after_ns - 1, quantity).limited);
      REQUIRE_FALSE(later.ask(now + *verdict.retry_after_ns, quantity).limited);
    }
  }
  CHECK(limited > 1000);
  CHECK(allowed > 1000);
}

TEST_CASE("fast rates are exact: never more remains than the limit") {
  for (const auto& [burst, count, period] :
       {std::tuple{6000, 6000, 1}, {1000, 1000, 60}, {2999, 3000, 1}, {9, 500'000'000, 1}}) {
    Limited key{rate_of(burst, count, period), {}};
    for (int i = 0; i < burst + 1; ++i) REQUIRE(key.ask(kStart, 1).remaining == burst - i);
    CHECK(key.ask(kStart, 1).limited);
    CHECK_FALSE(key.ask(kStart + key.rate.interval_ns, 1).limited);
  }
}

TEST_CASE("another rate for the same key: what was taken stays taken") {
  Limited key{rate_of(9, 1, 1), {}};
  key.ask(kStart, 10);
  key.rate = rate_of(1, 1, 1);
  const Verdict look = key.ask(kStart, 0);
  CHECK(look.limited);  // it is 8 s beyond the new limit
  CHECK(look.remaining == 0);
  CHECK(look.retry_after_ns == 8 * kSecond);
  CHECK(look.reset_after_ns == 10 * kSecond);
}

TEST_CASE("an arrival that has passed counts as now, in a refusal, too") {
  Limited key{rate_of(1, 1, 1), kStart - 100 * kSecond};
  const Verdict verdict = key.ask(kStart, 3);
  CHECK(verdict.limited);
  CHECK(verdict.remaining == 2);
  CHECK(verdict.reset_after_ns == 0);
  CHECK_FALSE(verdict.retry_after_ns);
}

TEST_CASE("rates that are none") {
  CHECK(fault_of(0, 0, 1) == RateFault::zero);
  CHECK(fault_of(0, 1, 0) == RateFault::zero);
  CHECK(fault_of(0, kSecond + 1, 1) == RateFault::zero);  // less than a ns each
  CHECK(fault_of(0, kMax, 1) == RateFault::zero);
  CHECK(fault_of(0, kSecond, 1) == RateFault::none);
  CHECK(fault_of(-1, 1, 1) == RateFault::out_of_range);
  CHECK(fault_of(0, -1, 1) == RateFault::out_of_range);
  CHECK(fault_of(0, 1, -1) == RateFault::out_of_range);
  CHECK(fault_of(kMax, 1, 1) == RateFault::out_of_range);
  CHECK(fault_of(kMax - 1, 1, 1) == RateFault::none);
  CHECK(fault_of(0, 1, kMax / kSecond) == RateFault::none);
  CHECK(fault_of(0, 1, kMax / kSecond + 1) == RateFault::out_of_range);
  CHECK(fault_of(0, kMax, kMax) == RateFault::none);
}

TEST_CASE("no argument overflows") {
  const int64_t awkward[] = {0, 1, 2, 1000, kSecond, kMax / kSecond, kMax / 2, kMax - 1, kMax};
  size_t verdicts = 0, refusals = 0;
  for (int64_t burst : awkward) {
    for (int64_t count : awkward) {
      for (int64_t period : awkward) {
        Rate rate;
        if (make_rate(burst, count, period, rate) != RateFault::none) continue;
        for (int64_t stored : awkward) {
          for (int64_t now : {int64_t{0}, kStart, kMax}) {
            for (int64_t quantity : awkward) {
              const std::optional<Verdict> verdict = judge(rate, stored, now, quantity);
              ++(verdict ? verdicts : refusals);
              if (!verdict) continue;
              REQUIRE(verdict->remaining >= 0);
              REQUIRE(verdict->remaining <= rate.limit);
              REQUIRE(verdict->reset_after_ns >= 0);
              if (verdict->retry_after_ns) REQUIRE(*verdict->retry_after_ns > 0);
              if (verdict->arrival_ns) REQUIRE(*verdict->arrival_ns > now);
              REQUIRE_FALSE((verdict->arrival_ns && verdict->limited));
            }
          }
        }
      }
    }
  }
  CHECK(verdicts > 1000);
  CHECK(refusals > 100);
}

TEST_CASE("seconds are rounded up, but for less than a millisecond; deadlines always are") {
  CHECK(reply_seconds(0) == 0);
  CHECK(reply_seconds(1) == 0);
  CHECK(reply_seconds(kMs - 1) == 0);
  CHECK(reply_seconds(kMs) == 1);
  CHECK(reply_seconds(kSecond) == 1);
  CHECK(reply_seconds(kSecond + kMs - 1) == 1);
  CHECK(reply_seconds(kSecond + kMs) == 2);
  CHECK(reply_seconds(kMax) == kMax / kSecond + 1);
  CHECK(arrival_deadline_ms(0) == 0);
  CHECK(arrival_deadline_ms(1) == 1);
  CHECK(arrival_deadline_ms(kMs) == 1);
  CHECK(arrival_deadline_ms(kMax) == kMax / kMs + 1);
}

}  // namespace larder::server
