// Random: the one source of chance of a simulation. Everything that is drawn comes from a seed, so
// the same seed plays the same run, on every machine.
//
// splitmix64 (Steele, Lea, Flood 2014): statistically good enough, and any 64 bits are a fine seed.
// Not thread-safe; a simulation has one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace larder::simulation {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // 0 .. bound - 1. REQUIRES: bound > 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
  // low .. high, both included.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }
  // Small numbers often, large ones sometimes: every order of magnitude about equally likely.
  size_t size_up_to(size_t most) {
    size_t bits = 0;
    while (bits < 63 && (size_t{1} << bits) <= most) ++bits;
    const size_t limit = size_t{1} << below(bits + 1);
    return 1 + static_cast<size_t>(below(limit < most ? limit : most));
  }
  bool chance(unsigned per_thousand) { return below(1000) < per_thousand; }
  // A generator that is independent of what else is drawn from this one later.
  Random fork() { return Random(next()); }

  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  uint64_t state_;
};

}  // namespace larder::simulation
