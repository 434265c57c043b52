#include "server/latency_history.h"

#include <algorithm>

namespace larder::server {
namespace {

constexpr std::array<std::string_view, kLatencyKinds> kNames{"command", "fast-command",
                                                             "expire-cycle", "eviction-cycle"};

}  // namespace

std::string_view name_of(LatencyKind kind) {
  return kNames[static_cast<size_t>(kind)];
}

void LatencyHistory::add(LatencyKind kind, LatencySample sample) {
  std::lock_guard guard(mutex_);
  History& history = histories_[static_cast<size_t>(kind)];
  history.longest_ms = std::max(history.longest_ms, sample.duration_ms);
  if (!history.samples.empty() && history.samples.back().at_unix_s == sample.at_unix_s) {
    int64_t& last_ms = history.samples.back().duration_ms;
    last_ms = std::max(last_ms, sample.duration_ms);
    return;
  }
  if (history.samples.size() == kMostSamples) history.samples.pop_front();
  history.samples.push_back(sample);
}

std::vector<LatencyHistory::Latest> LatencyHistory::latest() const {
  std::lock_guard guard(mutex_);
  std::vector<Latest> result;
  for (size_t i = 0; i < kLatencyKinds; ++i) {
    const History& history = histories_[i];
    if (history.samples.empty()) continue;
    result.push_back({static_cast<LatencyKind>(i), history.samples.back(), history.longest_ms});
  }
  return result;
}

std::vector<LatencySample> LatencyHistory::samples(std::string_view name) const {
  std::lock_guard guard(mutex_);
  for (size_t i = 0; i < kLatencyKinds; ++i) {
    if (kNames[i] == name) return {histories_[i].samples.begin(), histories_[i].samples.end()};
  }
  return {};
}

bool LatencyHistory::reset(std::string_view name) {
  std::lock_guard guard(mutex_);
  for (size_t i = 0; i < kLatencyKinds; ++i) {
    if (kNames[i] != name || histories_[i].samples.empty()) continue;
    histories_[i] = {};
    return true;
  }
  return false;
}

size_t LatencyHistory::reset() {
  std::lock_guard guard(mutex_);
  size_t count = 0;
  for (History& history : histories_) {
    if (!history.samples.empty()) ++count;
    history = {};
  }
  return count;
}

}  // namespace larder::server
