// KeyChooser: which of the N keys the next request names.
//
//   uniform     every key equally often, independent draws
//   zipf:S      the key of rank r (from 1) with weight 1/r^S, S > 0
//   sequential  0, 1, 2, ... N-1, 0, ...: for filling
//
// Zipf ranks are drawn beforehand into a table that is then walked, because a draw costs more than
// the rest of a request; ranks are scattered over the key numbers, so that the popular keys are not
// neighbours. Every random number comes from the seed given to it.
//
// Thread: one. Complexity: next() O(1).
#pragma once

#include <cstdint>
#include <vector>

namespace larder::bench {

// SplitMix64: one multiply-xor chain per number, good enough to pick keys with.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // 0 .. bound-1 (bound > 0, at most 2^32), by multiplication instead of division.
  uint64_t below(uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

  // [0, 1)
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

struct Distribution {
  enum class Kind : uint8_t { uniform, zipf, sequential };
  Kind kind = Kind::uniform;
  double skew = 0.0;  // the exponent of zipf
};

// Draws ranks 1..n with weight 1/rank^skew by rejection inversion (Hörmann and Derflinger 1996):
// exact for any n, without tables. Costs some tens of ns a draw.
class ZipfRanks {
 public:
  ZipfRanks(uint64_t n, double skew);
  uint64_t draw(Random& random) const;

 private:
  double integral(double x) const;          // of x^-skew
  double integral_inverse(double x) const;  // of the above
  double n_;
  double skew_;
  double integral_first_;
  double integral_last_;
  double accept_distance_;
};

class KeyChooser {
 public:
  static constexpr uint64_t kMaxKeys = uint64_t{1} << 32;

  // `key_count` is 1 .. kMaxKeys.
  KeyChooser(const Distribution& distribution, uint64_t key_count, uint64_t seed);

  uint64_t next() {
    if (kind_ == Distribution::Kind::uniform) return random_.below(key_count_);
    return next_in_order();
  }

 private:
  uint64_t next_in_order();

  Distribution::Kind kind_;
  uint64_t key_count_;
  uint64_t position_ = 0;
  Random random_;
  std::vector<uint32_t> drawn_;  // zipf: key numbers, walked round
};

}  // namespace larder::bench
