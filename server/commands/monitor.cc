// MONITOR: from now on the client is sent what others run (monitor_feed.h has the lines).
#include "server/commands/parts.h"
#include "server/contexts.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

// The reply leaves when every worker knows, so that whoever hears it misses nothing after it.
class MonitorTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }

  void finish(FinishContext& context, Reply& reply) override {
    if (context.inside_exec) {
      return reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
    }
    if (context.session.monitoring) return;  // not even an answer, as in Redis
    context.session.monitoring = true;
    context.apply_everywhere = true;
    reply.ok();
  }

  void apply(WorkerView& view) override { view.notice_monitors(); }
};

std::shared_ptr<NodeTask> monitor(NodeContext&, Arguments, Reply&) {
  return std::make_shared<MonitorTask>();
}

constexpr auto kRows = checked({
    {"monitor",
     1,
     kAdmin | kNoScript | kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     monitor,
     {.summary = "Shows the connection every command that the server runs.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
});

}  // namespace

CommandFamily monitor_commands() {
  return kRows;
}

}  // namespace larder::server
