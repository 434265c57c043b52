// Sums within bounds: tables of meaning, and every pair of awkward integers against 128 bits.
#include "server/commands/bounded_sum.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace larder::server {
namespace {

__extension__ using Wide = __int128;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr long double kInfinity = std::numeric_limits<long double>::infinity();

template <typename Number>
bool is(const BoundedSum<Number>& sum, SumResult result, Number value, Number applied) {
  return sum.result == result && sum.value == value && sum.applied == applied;
}

// The same in numbers that do not end.
BoundedSum<int64_t> plain(int64_t number, int64_t amount, Bounds<int64_t> bounds, bool saturates) {
  const Wide sum = Wide{number} + amount;
  const Wide held = std::clamp(sum, Wide{bounds.lower}, Wide{bounds.upper});
  if (held != sum && !saturates) return {SumResult::declined, number, 0};
  const Wide applied = held - number;
  if (applied < kMin || applied > kMax) return {SumResult::unsayable, number, 0};
  return {SumResult::stored, static_cast<int64_t>(held), static_cast<int64_t>(applied)};
}

TEST_CASE("integers, their bounds and their ends are what unlimited integers say") {
  const int64_t awkward[] = {kMin, kMin + 1, kMin / 2, -10, -1, 0, 1, 10, kMax / 2, kMax - 1, kMax};
  std::mt19937_64 random(7);
  std::vector<int64_t> numbers(std::begin(awkward), std::end(awkward));
  for (int i = 0; i < 5; ++i) numbers.push_back(static_cast<int64_t>(random() >> (11 * i)));
  size_t results[3] = {0, 0, 0};
  for (int64_t number : numbers) {
    for (int64_t amount : numbers) {
      for (int64_t lower : numbers) {
        for (int64_t upper : numbers) {
          if (lower > upper) continue;
          for (bool saturates : {false, true}) {
            const BoundedSum<int64_t> got = bounded_sum(number, amount, {lower, upper}, saturates);
            const BoundedSum<int64_t> want = plain(number, amount, {lower, upper}, saturates);
            ++results[static_cast<size_t>(got.result)];
            if (is(got, want.result, want.value, want.applied)) continue;
            FAIL(number << " + " << amount << " in " << lower << ".." << upper);
          }
        }
      }
    }
  }
  for (size_t count : results) CHECK(count > 100);
}

TEST_CASE("decimals are held, declined and beyond words as integers are") {
  const long double big = std::numeric_limits<long double>::max();
  const auto sum = [](long double number, long double amount, Bounds<long double> bounds,
                      bool saturates) { return bounded_sum(number, amount, bounds, saturates); };
  CHECK(is(sum(1.5L, 0.25L, {}, false), SumResult::stored, 1.75L, 0.25L));
  CHECK(is(sum(10, 5.5L, {5, 12.5L}, false), SumResult::declined, 10.0L, 0.0L));
  CHECK(is(sum(10, 5.5L, {5, 12.5L}, true), SumResult::stored, 12.5L, 2.5L));
  CHECK(is(sum(50.5L, 5.5L, {0, 30}, true), SumResult::stored, 30.0L, -20.5L));
  CHECK(is(sum(50, -25, {0, 30}, false), SumResult::stored, 25.0L, -25.0L));
  // What is added is what rounding leaves: at 2^70 the next number is 2^7 away.
  const long double far = 1180591620717411303424.0L;
  CHECK(is(sum(far, 1, {}, false), SumResult::stored, far, 0.0L));
  // Beyond the type is outside on the side it left by, whatever the bounds say.
  CHECK(is(sum(big, big, {}, false), SumResult::declined, big, 0.0L));
  CHECK(is(sum(big, big, {}, true), SumResult::stored, big, 0.0L));
  CHECK(is(sum(big, big, {-1, kInfinity}, false), SumResult::declined, big, 0.0L));
  CHECK(is(sum(-big, big, {big, big}, true), SumResult::unsayable, -big, 0.0L));
  CHECK(is(sum(10, 1, {kInfinity, kInfinity}, false), SumResult::declined, 10.0L, 0.0L));
  CHECK(is(sum(10, 1, {kInfinity, kInfinity}, true), SumResult::unsayable, 10.0L, 0.0L));
  CHECK(is(sum(10, 1, {-kInfinity, kInfinity}, true), SumResult::stored, 11.0L, 1.0L));
}

}  // namespace
}  // namespace larder::server
