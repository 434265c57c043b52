// LatencyHistogram: how long requests took, in logarithmic buckets.
//
// A value below 2^kPrecisionBits has a bucket of its own; above, each power of two is divided into
// 2^(kPrecisionBits-1) equal buckets, so that a reported value is at most 1/64 (1.6 %) above the
// true one. Values of kMaxNs (about 18 minutes) and more share the last bucket; max() is exact.
//
// Thread: one. Memory: fixed, 18 KiB. Complexity: record() O(1); value_at() O(buckets).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace larder::bench {

class LatencyHistogram {
 public:
  static constexpr unsigned kPrecisionBits = 7;
  static constexpr unsigned kMaxBits = 40;
  static constexpr uint64_t kMaxNs = uint64_t{1} << kMaxBits;

  // Counts `times` requests that each took `value_ns`.
  void record(uint64_t value_ns, uint64_t times = 1) {
    counts_[bucket_of(value_ns)] += times;
    total_ += times;
    sum_ns_ += value_ns * times;
    if (value_ns > max_ns_) max_ns_ = value_ns;
  }

  // The smallest bucket bound that at least `percent` of the recorded values do not exceed, never
  // above max_ns(). 0 when nothing was recorded.
  uint64_t value_at(double percent) const {
    if (total_ == 0) return 0;
    const double wanted = percent / 100.0 * static_cast<double>(total_);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (counts_[bucket] != 0 && static_cast<double>(seen) >= wanted) {
        const uint64_t bound = upper_bound_of(bucket);
        return bound < max_ns_ ? bound : max_ns_;
      }
    }
    return max_ns_;
  }

  uint64_t count() const { return total_; }
  uint64_t max_ns() const { return max_ns_; }
  double mean_ns() const {
    return total_ == 0 ? 0.0 : static_cast<double>(sum_ns_) / static_cast<double>(total_);
  }

 private:
  static constexpr uint64_t kHalf = uint64_t{1} << (kPrecisionBits - 1);
  static constexpr size_t kBuckets = (kMaxBits - kPrecisionBits + 2) * kHalf;

  // Values of one power of two land in kHalf consecutive buckets; the first two powers' worth
  // (0 .. 2^kPrecisionBits - 1) are exact.
  static size_t bucket_of(uint64_t value_ns) {
    if (value_ns >= kMaxNs) value_ns = kMaxNs - 1;
    if (value_ns < 2 * kHalf) return static_cast<size_t>(value_ns);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value_ns)) - kPrecisionBits;
    return static_cast<size_t>(shift * kHalf + (value_ns >> shift));
  }

  static uint64_t upper_bound_of(size_t bucket) {
    if (bucket < 2 * kHalf) return bucket;
    const uint64_t shift = bucket / kHalf - 1;
    const uint64_t scaled = bucket - shift * kHalf;
    return ((scaled + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
  uint64_t sum_ns_ = 0;
  uint64_t max_ns_ = 0;
};

}  // namespace larder::bench
