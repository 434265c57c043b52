#include "server/command_timer.h"

#include <algorithm>
#include <string>

#include "server/node.h"

namespace larder::server {
namespace {

// Does a call take about the same whatever its arguments are?
bool is_cheap(const CommandRow& row) {
  using Reach = Handler::Reach;
  const Reach reach = row.handler.reach();
  if (reach != Reach::keys && reach != Reach::keys_and_session && reach != Reach::session) {
    return false;
  }
  const bool has_one_key = row.locks == LockPlan::keys && row.keys.first == row.keys.last;
  return (has_one_key || row.locks == LockPlan::nothing) && row.docs.complexity.starts_with("O(1)");
}

}  // namespace

CommandTimer::CommandTimer(Node& node, uint64_t random_seed)
    : node_(node), clock_(node.services().precise_ns), random_state_(random_seed | 1) {}

void CommandTimer::use_config(const config::Config& config) {
  slower_than_us_ = config.slowlog_log_slower_than_us;
  slow_log_entries_ = config.slowlog_max_len;
  latency_threshold_ms_ = config.latency_monitor_threshold_ms;
  tracks_times_ = config.latency_tracking;

  const bool logs = slower_than_us_ >= 0 && slow_log_entries_ > 0;
  const bool is_exact = logs && slower_than_us_ < kExactBelowUs;
  large_bytes_ = is_exact ? 0 : kLargeRequestBytes;
  group_limit_ns_ = kNever;
  if (is_exact) return;  // nothing is untimed
  const auto no_more_than = [&](int64_t amount, int64_t unit_ns) {
    if (amount < kNever / unit_ns) group_limit_ns_ = std::min(group_limit_ns_, amount * unit_ns);
  };
  if (logs) no_more_than(slower_than_us_, 1000);
  if (monitors_latency()) no_more_than(latency_threshold_ms_, 1'000'000);
}

void CommandTimer::note(const Session& session, const Command& command,
                        protocol::Arguments arguments, int64_t duration_ns, int64_t now_us,
                        WorkerStats& stats) {
  duration_ns = std::max<int64_t>(duration_ns, 0);
  timed_ns_ += duration_ns;
  note_inner(command, duration_ns, stats);
  if (is_slow(command, duration_ns)) log_slow(session, arguments, duration_ns, now_us, {});
  note_latency(command.row->has_flag(kFast) ? LatencyKind::fast_command : LatencyKind::command,
               duration_ns, now_us);
}

void CommandTimer::note_inner(const Command& command, int64_t duration_ns, WorkerStats& stats) {
  duration_ns = std::max<int64_t>(duration_ns, 0);
  const CommandRow& row = *command.row;
  CommandStats& counters = stats.commands[command.index];
  uint64_t stands_for = 1;
  if (counters.untimed_left == 0) {
    stands_for += counters.gap;
    counters.gap = is_cheap(row) && counters.calls >= kFirstCalls ? draw_gap() : 0;
    counters.untimed_left = counters.gap;
  }
  counters.measured_ns += static_cast<uint64_t>(duration_ns) * stands_for;
  if (tracks_times_) stats.times[command.index].add(duration_ns, stands_for);
}

bool CommandTimer::is_slow(const Command& command, int64_t duration_ns) const {
  return slower_than_us_ >= 0 && duration_ns / 1000 >= slower_than_us_ && slow_log_entries_ > 0 &&
         !command.row->has_flag(kSkipSlowlog);
}

void CommandTimer::log_slow(const Session& session, protocol::Arguments arguments,
                            int64_t duration_ns, int64_t now_us, std::string_view note) {
  SlowEntry entry;
  entry.at_unix_s = now_us / 1'000'000;
  entry.duration_us = duration_ns / 1000;
  entry.arguments = shortened(arguments, note);
  entry.peer = session.peer;
  entry.name = session.name.substr(0, SlowEntry::kMostNameBytes);
  node_.slow_log().add(std::move(entry), static_cast<uint64_t>(slow_log_entries_));
}

bool CommandTimer::is_suspect(const Command& command, protocol::Arguments arguments) const {
  return is_cheap(*command.row) && span_of(arguments) < large_bytes_;
}

void CommandTimer::note_suspect(const Session& session, const Command& command,
                                protocol::Arguments arguments, int64_t duration_ns, size_t suspects,
                                int64_t now_us) {
  if (!is_slow(command, duration_ns)) return;
  std::string note;
  if (suspects > 1) {
    note = "... (one of " + std::to_string(suspects) + " requests that took this long together)";
  }
  log_slow(session, arguments, duration_ns, now_us, note);
}

void CommandTimer::note_latency(LatencyKind kind, int64_t duration_ns, int64_t now_us) {
  if (!monitors_latency()) return;
  const int64_t duration_ms = duration_ns / 1'000'000;
  if (duration_ms < latency_threshold_ms_) return;
  node_.latency_history().add(kind, {now_us / 1'000'000, duration_ms});
}

uint32_t CommandTimer::draw_gap() {
  random_state_ ^= random_state_ << 13;
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return static_cast<uint32_t>((random_state_ >> 32) % (kMostGap + 1));
}

}  // namespace larder::server
