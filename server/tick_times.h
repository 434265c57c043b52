// TickTimes: at which second ticks of eviction's clock passed, so that a stamp tells how long an
// entry has been idle (OBJECT IDLETIME).
//
// One pair a second while the server is awake. When there are kMost, those go that their neighbours
// can stand for: the last kExact stay, and what is older is off by at most a hundredth of its age.
// Of 30 years 2000 pairs remain.
//
// Whoever notes a second after others without any lets a tick pass for each of these, so that a
// tick can be named for each of them. So, it is taken, did the time before the first pair: there
// was nobody to note it, but entries may come that were last used then.
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

  // The second in which a tick was. 0 if nothing is known. O(log kMost).
  int64_t second_of(uint64_t tick) const {
    if (passed_.empty()) return 0;
    const auto next = std::upper_bound(
        passed_.begin(), passed_.end(), tick,
        [](uint64_t wanted, const Passed& passed) { return wanted < passed.tick; });
    if (next == passed_.end()) return passed_.back().second;
    const int64_t second = next->second - static_cast<int64_t>(next->tick - tick);
    return next == passed_.begin() ? second : std::max((next - 1)->second, second);
  }
  // A tick that was in this second; the last one noted if it is later, 0 if ticks do not reach back
  // so far. O(log kMost).
  uint64_t tick_of(int64_t second) const {
    if (passed_.empty()) return 0;
    const auto next = std::upper_bound(
        passed_.begin(), passed_.end(), second,
        [](int64_t wanted, const Passed& passed) { return wanted < passed.second; });
    if (next == passed_.end()) return passed_.back().tick;
    if (next != passed_.begin() && (next - 1)->second == second) return (next - 1)->tick;
    const uint64_t back = std::min(static_cast<uint64_t>(next->second - second), next->tick);
    const uint64_t tick = next->tick - back;
    return next == passed_.begin() ? tick : std::max((next - 1)->tick, tick);
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
