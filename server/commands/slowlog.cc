// SLOWLOG: which commands took long. What enters it is command_timer.h's business.
#include <string>
#include <vector>

#include "protocol/number.h"
#include "server/commands/parts.h"
#include "server/contexts.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

constexpr int64_t kDefaultCount = 10;
constexpr int64_t kAll = -1;

void write_entry(const SlowEntry& entry, Reply& reply) {
  reply.array(6);
  reply.integer(static_cast<int64_t>(entry.id));
  reply.integer(entry.at_unix_s);
  reply.integer(entry.duration_us);
  reply.array(entry.arguments.size());
  for (const std::string& argument : entry.arguments) reply.bulk(argument);
  reply.bulk(entry.peer);
  reply.bulk(entry.name);
}

class GetTask final : public NodeTask {
 public:
  explicit GetTask(int64_t count) : count_(count) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const size_t most = count_ == kAll ? context.slow_log.size() : static_cast<size_t>(count_);
    const std::vector<SlowEntry> entries = context.slow_log.newest(most);
    reply.array(entries.size());
    for (const SlowEntry& entry : entries) write_entry(entry, reply);
  }

 private:
  int64_t count_;
};

std::shared_ptr<NodeTask> get(NodeContext&, Arguments arguments, Reply& reply) {
  if (arguments.size() > 3) {
    write_subcommand_syntax_error("slowlog", arguments[1], reply);
    return nullptr;
  }
  const auto count = arguments.size() == 3 ? protocol::parse_int64(arguments[2]) : kDefaultCount;
  if (!count || *count < kAll) {
    reply.error("ERR count should be greater than or equal to -1");
    return nullptr;
  }
  return std::make_shared<GetTask>(*count);
}

class LengthTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    reply.integer(static_cast<int64_t>(context.slow_log.size()));
  }
};

std::shared_ptr<NodeTask> length(NodeContext&, Arguments, Reply&) {
  return std::make_shared<LengthTask>();
}

class ResetTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    context.slow_log.clear();
    reply.ok();
  }
};

std::shared_ptr<NodeTask> reset(NodeContext&, Arguments, Reply&) {
  return std::make_shared<ResetTask>();
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "GET [<count>]",
      "    The newest <count> entries (10 if not said, -1 is all). Of each: its id, when it ran,",
      "    how many microseconds it took, its arguments, its client's address and name.",
      "LEN",
      "    How many entries there are.",
      "RESET",
      "    Removes all entries.",
  };
  write_help("slowlog", kLines, reply);
}

constexpr auto kSubcommands = checked({
    {"get",
     -2,
     kAdmin | kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     get,
     {.summary = "Answers the newest entries of the slow log.",
      .since = "2.2.12",
      .group = "server",
      .complexity = "O(N) where N is the number of entries returned",
      .syntax = "[count]",
      .history = "4.0.0: Entries name the client: its address and its name.",
      .tips = "request_policy:all_nodes nondeterministic_output"}},
    {"len",
     2,
     kAdmin | kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     length,
     {.summary = "Counts the entries of the slow log.",
      .since = "2.2.12",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "",
      .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"}},
    {"reset",
     2,
     kAdmin | kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     reset,
     {.summary = "Empties the slow log.",
      .since = "2.2.12",
      .group = "server",
      .complexity = "O(N) where N is the number of entries in the slowlog",
      .syntax = "",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"help",
     2,
     kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of SLOWLOG.",
      .since = "6.2.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"slowlog",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "Which commands took long.",
      .since = "2.2.12",
      .group = "server",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily slow_log_commands() {
  return kRows;
}

}  // namespace larder::server
