// LatencyHistory: moments at which something held a worker up, by kind, for LATENCY.
//
// Each kind keeps its 160 newest seconds: of several moments in one second the longest. Recorded is
// only what took latency-monitor-threshold or longer, so the workers share it behind a lock.
//
// Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

namespace larder::server {

enum class LatencyKind : uint8_t { command, fast_command, expire_cycle, eviction_cycle };
constexpr size_t kLatencyKinds = 4;

std::string_view name_of(LatencyKind kind);  // "fast-command"

struct LatencySample {
  int64_t at_unix_s;
  int64_t duration_ms;
};

class LatencyHistory {
 public:
  static constexpr size_t kMostSamples = 160;

  struct Latest {
    LatencyKind kind;
    LatencySample sample;
    int64_t longest_ms;  // since the last reset
  };

  void add(LatencyKind kind, LatencySample sample);
  // Kinds that have samples.
  std::vector<Latest> latest() const;
  // Oldest first; none for a name that no kind has.
  std::vector<LatencySample> samples(std::string_view name) const;
  // Forgets the kind of that name; was there anything to forget?
  bool reset(std::string_view name);
  // Forgets everything; how many kinds had samples.
  size_t reset();

 private:
  struct History {
    std::deque<LatencySample> samples;
    int64_t longest_ms = 0;
  };

  mutable std::mutex mutex_;
  std::array<History, kLatencyKinds> histories_;
};

}  // namespace larder::server
