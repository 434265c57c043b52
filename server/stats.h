// Counters of one worker. Written by its thread alone; others see them through NodeTask visits.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/time_histogram.h"

namespace larder::server {

struct CommandStats {
  uint64_t calls = 0;     // ran to the end
  uint64_t rejected = 0;  // refused before running: arity, authentication, EXECABORT
  uint64_t failed = 0;    // ran and answered an error
  // Time that calls took. Not every call of a cheap command is timed (command_timer.h): one that is
  // stands also for those since the last that was.
  uint64_t measured_ns = 0;
  uint32_t untimed_left = 0;  // calls that will not be timed, before the next that will
  uint32_t gap = 0;           // what untimed_left was after the last timed call

  // Microseconds a call, over all calls that timed ones stand for.
  double mean_us() const {
    const uint64_t represented = calls - (gap - untimed_left);
    if (represented == 0) return 0;
    return static_cast<double>(measured_ns) / 1000 / static_cast<double>(represented);
  }
  void add(const CommandStats& other) {
    calls += other.calls;
    rejected += other.rejected;
    failed += other.failed;
    measured_ns += other.measured_ns;
    untimed_left += other.untimed_left;
    gap += other.gap;
  }
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
  uint64_t expired_fields = 0;  // of hashes
  uint64_t evicted_keys = 0;
  uint64_t parked_commands = 0;           // tries that found a shard taken
  uint64_t error_replies = 0;
  uint64_t output_limit_disconnections = 0;
  uint64_t query_limit_disconnections = 0;
  std::vector<CommandStats> commands;                   // by Command::index
  std::vector<TimeHistogram> times;                     // by Command::index
  std::map<std::string, uint64_t, std::less<>> errors;  // by code: "ERR", "WRONGTYPE"
  RateMeter operation_rate;

  // DEBUG ERROR lets clients make up codes.
  static constexpr size_t kMostErrorCodes = 128;
  static constexpr size_t kMostErrorCodeBytes = 64;

  explicit WorkerStats(size_t command_count = 0) : commands(command_count), times(command_count) {}

  // `text`: the error from its code on, with or without what ends the line.
  void count_error(std::string_view text) {
    ++error_replies;
    const std::string_view code = text.substr(0, text.find_first_of(" \r\n"));
    const auto place = errors.find(code);
    if (place != errors.end()) {
      ++place->second;
    } else if (errors.size() < kMostErrorCodes && code.size() <= kMostErrorCodeBytes) {
      errors.emplace(code, 1);
    }
  }
};

}  // namespace larder::server
