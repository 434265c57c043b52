#include "bench/load/keys.h"

#include <cmath>
#include <numeric>

namespace larder::bench {
namespace {

// 4 Mi draws are 16 MiB, read in order; a run of a second seldom walks round them.
constexpr uint64_t kDrawnRanks = uint64_t{1} << 22;

// (e^x - 1) / x and log(1 + x) / x, without loss of digits near 0 (skew near 1 leads there).
double expm1_over(double x) {
  return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1.0 + x / 2.0 * (1.0 + x / 3.0);
}
double log1p_over(double x) {
  return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1.0 - x * (0.5 - x / 3.0);
}

// A step that is coprime to `count` visits every key number once: rank -> rank * step mod count.
uint64_t scatter_step(uint64_t count) {
  uint64_t step = 2654435761 % count;
  while (step == 0 || std::gcd(step, count) != 1) ++step;
  return step;
}

}  // namespace

ZipfRanks::ZipfRanks(uint64_t n, double skew)
    : n_(static_cast<double>(n)),
      skew_(skew),
      integral_first_(integral(1.5) - 1.0),
      integral_last_(integral(n_ + 0.5)),
      accept_distance_(2.0 - integral_inverse(integral(2.5) - std::pow(2.0, -skew))) {}

double ZipfRanks::integral(double x) const {
  const double log_x = std::log(x);
  return expm1_over((1.0 - skew_) * log_x) * log_x;
}

double ZipfRanks::integral_inverse(double x) const {
  double t = x * (1.0 - skew_);
  if (t < -1.0) t = -1.0;  // rounding can step over the edge of the domain
  return std::exp(log1p_over(t) * x);
}

uint64_t ZipfRanks::draw(Random& random) const {
  for (;;) {
    const double u = integral_last_ + random.unit() * (integral_first_ - integral_last_);
    const double x = integral_inverse(u);
    double rank = std::floor(x + 0.5);
    if (rank < 1.0) rank = 1.0;
    if (rank > n_) rank = n_;
    if (rank - x <= accept_distance_ ||
        u >= integral(rank + 0.5) - std::exp(-std::log(rank) * skew_)) {
      return static_cast<uint64_t>(rank);
    }
  }
}

KeyChooser::KeyChooser(const Distribution& distribution, uint64_t key_count, uint64_t seed)
    : kind_(distribution.kind), key_count_(key_count), random_(seed) {
  if (kind_ != Distribution::Kind::zipf) return;
  const ZipfRanks ranks(key_count, distribution.skew);
  const uint64_t step = scatter_step(key_count);
  drawn_.resize(kDrawnRanks);
  for (uint32_t& key : drawn_) {
    key = static_cast<uint32_t>((ranks.draw(random_) - 1) * step % key_count);
  }
}

uint64_t KeyChooser::next_in_order() {
  const uint64_t wrap = kind_ == Distribution::Kind::zipf ? drawn_.size() : key_count_;
  const uint64_t at = position_;
  position_ = at + 1 == wrap ? 0 : at + 1;
  return kind_ == Distribution::Kind::zipf ? drawn_[at] : at;
}

}  // namespace larder::bench
