// Counters of one worker. Written by its thread alone; others see them through NodeTask visits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace larder::server {

struct CommandStats {
  uint64_t calls = 0;     // ran to the end
  uint64_t rejected = 0;  // refused before running: arity, authentication, EXECABORT
  uint64_t failed = 0;    // ran and answered an error
};

// Operations over time, sampled while the worker is awake, for instantaneous_* in INFO.
class RateMeter {
 public:
  static constexpr int64_t kSampleEveryMs = 100;
  static constexpr unsigned kSamples = 16;

  void sample(int64_t now_ms, uint64_t total) {
    if (now_ms - samples_[last_].at_ms < kSampleEveryMs) return;
    last_ = (last_ + 1) % kSamples;
    samples_[last_] = {now_ms, total};
  }

  // Per second, over the last kSamples samples; 0 when the worker slept through them.
  uint64_t per_second(int64_t now_ms, uint64_t total) const {
    const int64_t horizon = now_ms - kSampleEveryMs * kSamples;
    const Sample* oldest = nullptr;
    for (const Sample& sample : samples_) {
      if (sample.at_ms >= horizon && (oldest == nullptr || sample.at_ms < oldest->at_ms)) {
        oldest = &sample;
      }
    }
    if (oldest == nullptr || oldest->at_ms >= now_ms) return 0;
    return (total - oldest->total) * 1000 / static_cast<uint64_t>(now_ms - oldest->at_ms);
  }

 private:
  struct Sample {
    int64_t at_ms = 0;
    uint64_t total = 0;
  };
  std::array<Sample, kSamples> samples_{};
  unsigned last_ = 0;
};

struct WorkerStats {
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t commands_processed = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t expired_keys = 0;
  uint64_t evicted_keys = 0;
  uint64_t parked_commands = 0;           // tries that found a shard taken
  uint64_t error_replies = 0;
  uint64_t output_limit_disconnections = 0;
  uint64_t query_limit_disconnections = 0;
  std::vector<CommandStats> commands;     // by CommandRow::index
  RateMeter operation_rate;
};

}  // namespace larder::server
