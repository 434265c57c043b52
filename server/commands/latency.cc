// LATENCY: what held workers up and when, and how long commands take.
//
// LATEST, HISTORY and RESET are about latency_history.h, shared by the workers; HISTOGRAM gathers
// the times that each worker keeps. DOCTOR and GRAPH are not built.
#include <string>
#include <vector>

#include "server/commands/parts.h"
#include "server/contexts.h"
#include "server/stats.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

class LatestTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const std::vector<LatencyHistory::Latest> all = context.latency_history.latest();
    reply.array(all.size());
    for (const LatencyHistory::Latest& one : all) {
      reply.array(4);
      reply.bulk(name_of(one.kind));
      reply.integer(one.sample.at_unix_s);
      reply.integer(one.sample.duration_ms);
      reply.integer(one.longest_ms);
    }
  }
};

std::shared_ptr<NodeTask> latest(NodeContext&, Arguments, Reply&) {
  return std::make_shared<LatestTask>();
}

class HistoryTask final : public NodeTask {
 public:
  explicit HistoryTask(std::string_view name) : name_(name) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const std::vector<LatencySample> samples = context.latency_history.samples(name_);
    reply.array(samples.size());
    for (const LatencySample& sample : samples) {
      reply.array(2);
      reply.integer(sample.at_unix_s);
      reply.integer(sample.duration_ms);
    }
  }

 private:
  std::string name_;
};

std::shared_ptr<NodeTask> history(NodeContext&, Arguments arguments, Reply&) {
  return std::make_shared<HistoryTask>(arguments[2]);
}

class ResetTask final : public NodeTask {
 public:
  explicit ResetTask(Arguments names) : names_(names.begin(), names.end()) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    size_t count = 0;
    if (names_.empty()) count = context.latency_history.reset();
    for (const std::string& name : names_) count += context.latency_history.reset(name);
    reply.integer(static_cast<int64_t>(count));
  }

 private:
  std::vector<std::string> names_;
};

std::shared_ptr<NodeTask> reset(NodeContext&, Arguments arguments, Reply&) {
  return std::make_shared<ResetTask>(arguments.subspan(2));
}

// ---- LATENCY HISTOGRAM --------------------------------------------------------------------------

// Buckets end at powers of two of nanoseconds from 2^10 to 2^30, named by the microsecond that
// Redis names them by; everything longer is in the last.
constexpr unsigned kFirstPower = 10;
constexpr unsigned kLastPower = 30;

int64_t bucket_name_us(unsigned power) {
  return ((int64_t{1} << power) + (int64_t{1} << (power - 7)) - 1) / 1000;
}

struct CallTimes {
  uint64_t calls = 0;
  TimeHistogram times;
};

// Calls that were not timed by themselves count as those that stand for them.
void write_histogram(const CallTimes& command, Reply& reply) {
  const double scale =
      static_cast<double>(command.calls) / static_cast<double>(command.times.total());
  std::vector<std::pair<int64_t, int64_t>> buckets;
  uint64_t before = 0;
  for (unsigned power = kFirstPower; power <= kLastPower; ++power) {
    const uint64_t below =
        power == kLastPower ? command.times.total() : command.times.calls_below_power(power);
    if (below == before) continue;
    before = below;
    const double calls = static_cast<double>(below) * scale;
    buckets.emplace_back(bucket_name_us(power), static_cast<int64_t>(calls + 0.5));
  }
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<int64_t>(command.calls));
  reply.bulk("histogram_usec");
  reply.map(buckets.size());
  for (const auto& [name_us, calls] : buckets) {
    reply.integer(name_us);
    reply.integer(calls);
  }
}

class HistogramTask final : public NodeTask {
 public:
  // Empty: all commands.
  HistogramTask(Arguments names, unsigned worker_count)
      : names_(names.begin(), names.end()), by_worker_(worker_count) {}

  void visit(WorkerView& view) override {
    const WorkerStats& stats = view.stats();
    std::vector<CallTimes>& here = by_worker_[view.index()];
    here.resize(stats.commands.size());
    for (size_t i = 0; i < here.size(); ++i) here[i] = {stats.commands[i].calls, stats.times[i]};
  }

  void finish(FinishContext& context, Reply& reply) override {
    std::vector<CallTimes> totals(context.commands.size());
    for (const auto& worker : by_worker_) {
      for (size_t i = 0; i < worker.size(); ++i) {
        totals[i].calls += worker[i].calls;
        totals[i].times.add(worker[i].times);
      }
    }
    std::vector<const Command*> shown;
    for (const Command* command : wanted(context.commands)) {
      if (totals[command->index].times.total() > 0) shown.push_back(command);
    }
    reply.map(shown.size());
    for (const Command* command : shown) {
      reply.bulk(command->full_name);
      write_histogram(totals[command->index], reply);
    }
  }

 private:
  // A container stands for its subcommands; unknown names for nothing.
  std::vector<const Command*> wanted(const CommandTable& commands) const {
    std::vector<const Command*> result;
    const auto add = [&](const Command* wanted_one) {
      for (size_t i = 0; i < commands.size(); ++i) {
        const Command* command = &commands[i];
        const bool is_wanted =
            wanted_one == nullptr || command == wanted_one || command->parent == wanted_one;
        if (is_wanted) result.push_back(command);
      }
    };
    if (names_.empty()) add(nullptr);
    for (const std::string& name : names_) {
      if (const Command* command = commands.find_by_name(name)) add(command);
    }
    return result;
  }

  std::vector<std::string> names_;
  std::vector<std::vector<CallTimes>> by_worker_;
};

std::shared_ptr<NodeTask> histogram(NodeContext& context, Arguments arguments, Reply&) {
  return std::make_shared<HistogramTask>(arguments.subspan(2), context.worker_count());
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "HISTOGRAM [<command> ...]",
      "    How many calls took less than so many microseconds, of these commands or of all.",
      "HISTORY <event>",
      "    When the event held a worker up, and for how many milliseconds each time. Events are",
      "    command, fast-command, expire-cycle and eviction-cycle; see latency-monitor-threshold.",
      "LATEST",
      "    Of each event: its name, when it was last seen, how long it took then and at most.",
      "RESET [<event> ...]",
      "    Forgets these events, or all.",
  };
  write_help("latency", kLines, reply);
}

constexpr uint32_t kAdministration = kAdmin | kNoScript | kLoading | kStale;
constexpr std::string_view kTips =
    "nondeterministic_output request_policy:all_nodes response_policy:special";

constexpr auto kSubcommands = checked({
    {"histogram",
     -2,
     kAdministration,
     0,
     {},
     LockPlan::nothing,
     histogram,
     {.summary = "Answers how long calls of commands took.",
      .since = "7.0.0",
      .group = "server",
      .complexity = "O(N) where N is the number of commands with latency information being "
                    "retrieved.",
      .syntax = "[command [command ...]]",
      .tips = kTips}},
    {"history",
     3,
     kAdministration,
     0,
     {},
     LockPlan::nothing,
     history,
     {.summary = "Answers when an event held the server up.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "event",
      .tips = kTips}},
    {"latest",
     2,
     kAdministration,
     0,
     {},
     LockPlan::nothing,
     latest,
     {.summary = "Answers what held the server up last, by event.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "",
      .tips = kTips}},
    {"reset",
     -2,
     kAdministration,
     0,
     {},
     LockPlan::nothing,
     reset,
     {.summary = "Forgets what held the server up.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "[event [event ...]]",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"help",
     2,
     kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of LATENCY.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"latency",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "What held the server up, and how long commands take.",
      .since = "2.8.13",
      .group = "server",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily latency_commands() {
  return kRows;
}

}  // namespace larder::server
