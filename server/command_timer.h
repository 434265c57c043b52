// CommandTimer: which calls of a worker are timed, and what becomes of their times: INFO's
// commandstats and latencystats, LATENCY, SLOWLOG.
//
// Reading the clock twice costs some 20 ns, a GET some 130: so not every call can be timed.
//   - A call that may take long is always timed by itself: of a command that is not O(1) or has
//     more than one key, and one whose request has kLargeRequestBytes or more.
//   - Of cheap commands the first kFirstCalls are, then one of 128 on average, at random; it stands
//     for those before it. So usec_per_call of n calls has a relative error of about
//     deviation/mean * sqrt(128/n), and only every 128th outlier is seen in the percentiles.
//   - What is not timed by itself is timed together, a group of 8 requests at a time. A group that
//     took as long as SLOWLOG or LATENCY ask for is logged: each of its untimed requests, with the
//     time of the group and a note that says so. One alone needs no note.
// With slowlog-log-slower-than below kExactBelowUs every call is timed by itself.
//
// Thread: one worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "protocol/request_parser.h"
#include "server/command_table.h"
#include "server/config/config.h"
#include "server/latency_history.h"
#include "server/session.h"
#include "server/stats.h"

namespace larder::server {

class Node;

class CommandTimer {
 public:
  static constexpr size_t kLargeRequestBytes = 4096;
  static constexpr uint64_t kFirstCalls = 16;
  static constexpr uint64_t kMostGap = 254;  // 127 on average
  static constexpr int64_t kExactBelowUs = 1000;

  CommandTimer(Node& node, uint64_t random_seed);

  void use_config(const config::Config& config);
  int64_t now_ns() const { return clock_(); }

  // Is this call to be timed by itself?
  bool is_due(const CommandStats& counters, protocol::Arguments arguments) const {
    return counters.untimed_left == 0 || span_of(arguments) >= large_bytes_;
  }
  // A call that was timed, and counted already.
  void note(const Session& session, const Command& command, protocol::Arguments arguments,
            int64_t duration_ns, int64_t now_us, WorkerStats& stats);

  // The same for a command that ran inside of a script, whose time has its own.
  void note_inner(const Command& command, int64_t duration_ns, WorkerStats& stats);

  // Is anything untimed that somebody wants to hear of, and from how long on?
  bool times_groups() const { return group_limit_ns_ != kNever; }
  int64_t group_limit_ns() const { return group_limit_ns_; }
  // Together, all calls that were timed by themselves so far.
  int64_t timed_ns() const { return timed_ns_; }
  // May this request have been in a group without being timed?
  bool is_suspect(const Command& command, protocol::Arguments arguments) const;
  // One of `suspects` requests of a group that took so long.
  void note_suspect(const Session& session, const Command& command, protocol::Arguments arguments,
                    int64_t duration_ns, size_t suspects, int64_t now_us);
  // Something held the worker up.
  void note_latency(LatencyKind kind, int64_t duration_ns, int64_t now_us);
  bool monitors_latency() const { return latency_threshold_ms_ > 0; }

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // From the first argument's first byte to the last one's end; arguments lie in order.
  static size_t span_of(protocol::Arguments arguments) {
    return static_cast<size_t>(arguments.back().data() + arguments.back().size() -
                               arguments.front().data());
  }
  bool is_slow(const Command& command, int64_t duration_ns) const;
  void log_slow(const Session& session, protocol::Arguments arguments, int64_t duration_ns,
                int64_t now_us, std::string_view note);
  uint32_t draw_gap();

  Node& node_;
  std::function<int64_t()> clock_;
  uint64_t random_state_;
  size_t large_bytes_ = kLargeRequestBytes;
  int64_t group_limit_ns_ = 0;
  int64_t timed_ns_ = 0;
  int64_t slower_than_us_ = -1;
  int64_t slow_log_entries_ = 0;
  int64_t latency_threshold_ms_ = 0;
  bool tracks_times_ = true;
};

}  // namespace larder::server
