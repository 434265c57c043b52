#include "server/commands/client_unblock.h"

#include <optional>
#include <string_view>

#include "server/commands/values.h"
#include "server/contexts.h"
#include "server/text/ascii.h"
#include "server/waiter.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

class UnblockTask final : public NodeTask {
 public:
  UnblockTask(uint64_t id, std::string_view error) : id_(id), error_(error) {}

  // At most one worker has the client.
  void visit(WorkerView& view) override {
    view.for_each_client([this](const Session& session, const ConnectionFacts&) {
      if (session.id == id_ && session.waiter != nullptr) waiter_ = session.waiter;
    });
  }

  // It may have been served since then: then it was not unblocked.
  void finish(FinishContext& context, Reply& reply) override {
    context.apply_everywhere = waiter_ != nullptr && waiter_->claim(Waiter::State::over);
    reply.integer(context.apply_everywhere ? 1 : 0);
  }

  void apply(WorkerView& view) override { view.end_wait(waiter_, error_); }

 private:
  uint64_t id_;
  std::string_view error_;  // a constant
  std::shared_ptr<Waiter> waiter_;
};

}  // namespace

std::shared_ptr<NodeTask> client_unblock(NodeContext&, Arguments arguments, Reply& reply) {
  std::string_view error;
  if (arguments.size() == 4) {
    if (equals_ignoring_case(arguments[3], "error")) {
      error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    } else if (!equals_ignoring_case(arguments[3], "timeout")) {
      reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
      return nullptr;
    }
  } else if (arguments.size() > 4) {
    reply.error(
        "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.");
    return nullptr;
  }
  const std::optional<int64_t> id = read_integer(arguments[2], reply);
  if (!id) return nullptr;
  return std::make_shared<UnblockTask>(static_cast<uint64_t>(*id), error);
}

}  // namespace larder::server
