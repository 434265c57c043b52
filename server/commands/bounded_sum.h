// The arithmetic of INCREX: a sum that is to stay within bounds, for int64_t and long double.
//
//   inside the bounds     the sum, and what was added
//   outside, saturating   the bound that it passed, and the way there: against the amount's
//                         direction, too, if the number was outside before
//   outside otherwise     declined: nothing is to change
//
// A sum beyond the type's range is outside on the side it left by, whatever the bounds say. The way
// to a bound may itself be more than the type can say; then there is no answer.
//
// Pure functions of constant time, and no overflow for any arguments. REQUIRES: lower <= upper;
// number and amount are finite (the bounds need not be).
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>

namespace larder::server {

enum class SumResult : uint8_t { stored, declined, unsayable };

template <typename Number>
struct Bounds;

template <>
struct Bounds<int64_t> {
  int64_t lower = std::numeric_limits<int64_t>::min();
  int64_t upper = std::numeric_limits<int64_t>::max();
};

template <>
struct Bounds<long double> {
  long double lower = -LDBL_MAX;
  long double upper = LDBL_MAX;
};

template <typename Number>
struct BoundedSum {
  SumResult result;
  Number value;    // the number that holds now
  Number applied;  // the difference from the number before
};

namespace bounded_sum_detail {
// False if the type cannot say it.
inline bool add(int64_t a, int64_t b, int64_t& sum) {
  return !__builtin_add_overflow(a, b, &sum);
}
inline bool add(long double a, long double b, long double& sum) {
  sum = a + b;
  return std::isfinite(sum);
}
inline bool subtract(int64_t a, int64_t b, int64_t& rest) {
  return !__builtin_sub_overflow(a, b, &rest);
}
inline bool subtract(long double a, long double b, long double& rest) {
  rest = a - b;
  return std::isfinite(rest);
}
}  // namespace bounded_sum_detail

template <typename Number>
BoundedSum<Number> bounded_sum(Number number, Number amount, const Bounds<Number>& bounds,
                               bool saturates) {
  using namespace bounded_sum_detail;
  Number value{};
  const bool fits = add(number, amount, value);
  const bool above = fits ? value > bounds.upper : amount > 0;
  const bool below = fits ? value < bounds.lower : amount < 0;
  if (above || below) {
    if (!saturates) return {SumResult::declined, number, 0};
    value = above ? bounds.upper : bounds.lower;
  }
  // Of decimals not the amount: what was added is what rounding left of it.
  Number applied{};
  if (!subtract(value, number, applied)) return {SumResult::unsayable, number, 0};
  return {SumResult::stored, value, applied};
}

}  // namespace larder::server
