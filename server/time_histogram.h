// TimeHistogram: how long calls of one command took, in buckets.
//
// 16 buckets per power of two, so that a bucket's edge is at most 1/16 above any value in it; all
// values below 16 ns have buckets of their own, all above kLongestNs share the last. A value may
// stand for several calls: for itself and for those before it that were not measured.
//
// Thread: its worker's; copies are free. Memory grows with the longest time seen, to 5 KiB.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace larder::server {

class TimeHistogram {
 public:
  static constexpr int64_t kLongestNs = (int64_t{1} << 40) - 1;  // 18 minutes

  void add(int64_t duration_ns, uint64_t calls) {
    const size_t bucket = bucket_of(duration_ns);
    if (bucket >= calls_.size()) calls_.resize(bucket + 1);
    calls_[bucket] += calls;
    total_ += calls;
  }

  void add(const TimeHistogram& other) {
    if (other.calls_.size() > calls_.size()) calls_.resize(other.calls_.size());
    for (size_t i = 0; i < other.calls_.size(); ++i) calls_[i] += other.calls_[i];
    total_ += other.total_;
  }

  // Calls that all values together stand for.
  uint64_t total() const { return total_; }

  // The longest that a value in the bucket of the given percentile (0 to 100) may have taken; 0 if
  // there are none.
  int64_t percentile_ns(double percentile) const {
    const double wanted = std::clamp(percentile, 0.0, 100.0) / 100 * static_cast<double>(total_);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < calls_.size(); ++bucket) {
      seen += calls_[bucket];
      if (calls_[bucket] > 0 && static_cast<double>(seen) >= wanted) return longest_of(bucket);
    }
    return 0;
  }

  // Calls that took less than 2^exponent ns. REQUIRES: 4 <= exponent <= 40.
  uint64_t calls_below_power(unsigned exponent) const {
    const size_t end = std::min(calls_.size(), bucket_of(int64_t{1} << exponent));
    uint64_t calls = 0;
    for (size_t bucket = 0; bucket < end; ++bucket) calls += calls_[bucket];
    return exponent == 40 ? total_ : calls;
  }

 private:
  static constexpr unsigned kBitsInPower = 4;  // 16 buckets

  static size_t bucket_of(int64_t duration_ns) {
    const auto ns = static_cast<uint64_t>(std::clamp<int64_t>(duration_ns, 0, kLongestNs));
    const auto bits = static_cast<unsigned>(std::bit_width(ns));
    if (bits <= kBitsInPower) return ns;
    const unsigned shift = bits - kBitsInPower - 1;
    return (static_cast<size_t>(shift) << kBitsInPower) + (ns >> shift);
  }

  static int64_t longest_of(size_t bucket) {
    if (bucket < (size_t{2} << kBitsInPower)) return static_cast<int64_t>(bucket);
    const size_t shift = (bucket >> kBitsInPower) - 1;
    const size_t first = bucket - (shift << kBitsInPower);
    return static_cast<int64_t>(((first + 1) << shift) - 1);
  }

  std::vector<uint64_t> calls_;  // by bucket
  uint64_t total_ = 0;
};

}  // namespace larder::server
