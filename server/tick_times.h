// TickTimes: at which second ticks of eviction's clock passed, so that a stamp tells how long an
// entry has been idle (OBJECT IDLETIME).
//
// One pair a second while the server is awake. When there are kMost, those go that their neighbours
// can stand for: the last kExact stay, and what is older is off by at most a hundredth of its age.
// Of 30 years 2000 pairs remain.
//
// Thread: whoever owns it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace larder::server {

class TickTimes {
 public:
  static constexpr size_t kMost = 2048;
  static constexpr size_t kExact = 512;

  // From `second` on the clock shows `tick` or more. REQUIRES: both are above those noted before.
  void note(uint64_t tick, int64_t second) {
    if (passed_.size() == kMost) thin();
    passed_.push_back({tick, second});
  }

  // The second in which a tick began at the earliest; of those before all that is known, the first
  // one known. 0 if nothing is known. O(log kMost).
  int64_t second_of(uint64_t tick) const {
    if (passed_.empty()) return 0;
    const auto after = std::upper_bound(
        passed_.begin(), passed_.end(), tick,
        [](uint64_t wanted, const Passed& passed) { return wanted < passed.tick; });
    return after == passed_.begin() ? passed_.front().second : (after - 1)->second;
  }

 private:
  struct Passed {
    uint64_t tick;
    int64_t second;
  };

  void thin() {
    const int64_t now = passed_.back().second;
    size_t kept = 1;
    for (size_t index = 1; index < passed_.size(); ++index) {
      if (index + kExact < passed_.size()) {
        const int64_t next = passed_[index + 1].second;
        if (next - passed_[kept - 1].second <= (now - next) / 100) continue;
      }
      passed_[kept++] = passed_[index];
    }
    passed_.resize(kept);
  }

  std::vector<Passed> passed_;
};

}  // namespace larder::server
