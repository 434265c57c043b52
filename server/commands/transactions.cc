// Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. EXEC itself is the dispatcher's.
#include "server/commands/families.h"
#include "server/contexts.h"
#include "server/key_context.h"
#include "server/session.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

void multi(SessionContext& context, Arguments, Reply& reply) {
  Session& session = context.session();
  if (session.in_transaction()) return reply.error("ERR MULTI calls can not be nested");
  session.transaction = std::make_unique<Transaction>();
  reply.ok();
}

void discard(KeyContext& context, Session& session, Arguments, Reply& reply) {
  if (!session.in_transaction()) return reply.error("ERR DISCARD without MULTI");
  session.transaction.reset();
  context.unwatch_all(session);
  reply.ok();
}

void watch(KeyContext& context, Session& session, Arguments, Reply& reply) {
  if (session.in_transaction()) return reply.error("ERR WATCH inside MULTI is not allowed");
  if (!context.may_watch_keys(session)) {
    return reply.error("ERR watched keys exceed client-query-buffer-limit");
  }
  for (const Key& key : context.keys()) context.watch(session, key);
  reply.ok();
}

void unwatch(KeyContext& context, Session& session, Arguments, Reply& reply) {
  context.unwatch_all(session);
  reply.ok();
}

constexpr uint32_t kControlFlags =
    kNoScript | kLoading | kStale | kFast | kAllowBusy | kTransactionControl;

constexpr auto kRows = checked({
    {.name = "multi",
     .arity = 1,
     .flags = kControlFlags,
     .categories = kTransactionCategory,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = multi,
     .docs = {.summary = "Begins a transaction: commands are queued until EXEC.",
              .since = "1.2.0",
              .group = "transactions",
              .complexity = "O(1)",
              .syntax = ""}},
    {.name = "exec",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog | kTransactionControl,
     .categories = kTransactionCategory,
     .keys = {},
     .locks = LockPlan::exec,
     .handler = ExecHandler{},
     .docs = {.summary = "Runs the queued commands at one instant, unless a watched key changed.",
              .since = "1.2.0",
              .group = "transactions",
              .complexity = "That of the queued commands",
              .syntax = ""}},
    {.name = "discard",
     .arity = 1,
     .flags = kControlFlags,
     .categories = kTransactionCategory,
     .keys = {},
     .locks = LockPlan::watched,
     .handler = discard,
     .docs = {.summary = "Forgets the queued commands.",
              .since = "2.0.0",
              .group = "transactions",
              .complexity = "O(N) where N is the number of watched keys",
              .syntax = ""}},
    {.name = "watch",
     .arity = -2,
     .flags = kControlFlags,
     .categories = kTransactionCategory,
     .keys = {1, -1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = watch,
     .docs = {.summary = "Makes the next EXEC depend on the keys staying as they are.",
              .since = "2.2.0",
              .group = "transactions",
              .complexity = "O(1) for every key",
              .syntax = "key [key ...]"}},
    {.name = "unwatch",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kTransactionCategory,
     .keys = {},
     .locks = LockPlan::watched,
     .handler = unwatch,
     .docs = {.summary = "Forgets all watched keys.",
              .since = "2.2.0",
              .group = "transactions",
              .complexity = "O(N) where N is the number of watched keys",
              .syntax = ""}},
});

}  // namespace

CommandFamily transaction_commands() { return kRows; }

}  // namespace larder::server
