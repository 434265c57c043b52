// What a worker does for those who watch the server: it times groups of requests (command_timer.h
// says why) and sends monitors what clients run.
#include <algorithm>

#include "server/node.h"
#include "server/worker.h"

namespace larder::server {

// ---- timing -------------------------------------------------------------------------------------

// Groups that run one after the other share a reading of the clock: what lies between them, cutting
// and preparing the next requests, is a small part of the time.
void Worker::begin_group() {
  const CommandTimer& timer = dispatcher_.timer();
  if (group_begin_ns_ != kUnknownTime || !timer.times_groups()) return;
  group_begin_ns_ = timer.now_ns();
  group_begin_timed_ns_ = timer.timed_ns();
}

void Worker::end_group(const Group& group) {
  if (group_begin_ns_ == kUnknownTime) return;
  const CommandTimer& timer = dispatcher_.timer();
  const int64_t now_ns = timer.now_ns();
  const int64_t timed_ns = timer.timed_ns();
  // What was timed by itself has been noted.
  const int64_t untimed_ns = now_ns - group_begin_ns_ - (timed_ns - group_begin_timed_ns_);
  if (untimed_ns >= timer.group_limit_ns()) [[unlikely]]
    note_slow_group(group, untimed_ns);
  group_begin_ns_ = now_ns;
  group_begin_timed_ns_ = timed_ns;
}

void Worker::note_slow_group(const Group& group, int64_t duration_ns) {
  CommandTimer& timer = dispatcher_.timer();
  const auto is_suspect = [&timer](const CutRequest& cut) {
    const Command* command = cut.request.command;
    return command != nullptr && timer.is_suspect(*command, cut.request.arguments);
  };
  const auto suspects =
      static_cast<size_t>(std::count_if(group.requests.begin(), group.requests.end(), is_suspect));
  if (suspects == 0) return;
  bool all_fast = true;
  for (const CutRequest& cut : group.requests) {
    if (!is_suspect(cut)) continue;
    const Command& command = *cut.request.command;
    all_fast = all_fast && command.row->has_flag(kFast);
    timer.note_suspect(inputs_[cut.input].connection->session, command, cut.request.arguments,
                       duration_ns, suspects, now_.unix_us);
  }
  timer.note_latency(all_fast ? LatencyKind::fast_command : LatencyKind::command, duration_ns,
                     now_.unix_us);
}

// ---- MONITOR ------------------------------------------------------------------------------------

void Worker::notice_monitors() {
  for (const auto& connection : connections_) {
    if (connection == nullptr || !connection->session.monitoring) continue;
    if (std::find(monitors_.begin(), monitors_.end(), connection->id) != monitors_.end()) continue;
    monitors_.push_back(connection->id);
    node_.monitor_station(index_).monitors.fetch_add(1, std::memory_order_release);
    node_.monitor_count().fetch_add(1, std::memory_order_release);
  }
  dispatcher_.set_monitored(node_.monitor_count().load(std::memory_order_acquire) > 0);
}

void Worker::forget_monitors(size_t count) {
  node_.monitor_station(index_).monitors.fetch_sub(static_cast<uint32_t>(count),
                                                   std::memory_order_release);
  node_.monitor_count().fetch_sub(static_cast<uint32_t>(count), std::memory_order_release);
}

// Who has gone, or has said RESET, is no longer one.
void Worker::show_monitors(std::string_view lines) {
  const size_t gone = std::erase_if(monitors_, [&](ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->closing || !connection->session.monitoring)
      return true;
    const Session& session = connection->session;
    if (session.close_after_reply || session.reply_mode != ReplyMode::on) return false;
    connection->output.append(lines);
    mark_for_flush(*connection);
    if (connection->unsent_bytes() > output_check_bytes_) check_output(*connection);
    return false;
  });
  if (gone > 0) forget_monitors(gone);
}

void Worker::show_own_monitors() {
  const MonitorFeed& feed = dispatcher_.monitor_feed();
  if (feed.size() == feed_shown_) return;
  if (!monitors_.empty()) show_monitors(feed.text_after(feed_shown_));
  feed_shown_ = feed.size();
  if (feed_shown_ > kMonitorMailBytes) post_monitor_lines();
}

void Worker::post_monitor_lines() {
  feed_shown_ = 0;
  if (dispatcher_.monitor_feed().empty()) return;
  const auto lines = std::make_shared<const std::string>(dispatcher_.monitor_feed().take());
  for (unsigned worker = 0; worker < node_.worker_count(); ++worker) {
    MonitorStation& station = node_.monitor_station(worker);
    if (worker == index_ || station.monitors.load(std::memory_order_acquire) == 0) continue;
    const size_t before = station.bytes_on_the_way.fetch_add(lines->size());
    if (before + lines->size() <= kMonitorLimit) {
      post(worker, MonitorLines{lines});
    } else {
      station.bytes_on_the_way.fetch_sub(lines->size());
      post(worker, MonitorLines{nullptr});
    }
  }
}

void Worker::on_monitor_lines(const MonitorLines& mail) {
  if (mail.lines != nullptr) {
    node_.monitor_station(index_).bytes_on_the_way.fetch_sub(mail.lines->size());
    return show_monitors(*mail.lines);
  }
  // Better no monitor than one that leaves things out.
  for (ConnectionId id : monitors_) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->closing) continue;
    ++stats().output_limit_disconnections;
    close(*connection);
  }
}

}  // namespace larder::server
