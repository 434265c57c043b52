// DBSIZE, TIME, FLUSHDB, FLUSHALL, SHUTDOWN.
//
// Flushing empties the tables at once under all locks; their memory is freed afterwards, in slices,
// by whichever worker flushed. SYNC and ASYNC differ only in name: nobody waits for either.
#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/contexts.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

void dbsize(KeyContext& context, Arguments, Reply& reply) {
  size_t keys = 0;
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    keys += context.shard(i).size(context.database());
  }
  reply.integer(static_cast<int64_t>(keys));
}

void time(SessionContext& context, Arguments, Reply& reply) {
  reply.array(2);
  reply.bulk(std::to_string(context.now_us() / 1'000'000));
  reply.bulk(std::to_string(context.now_us() % 1'000'000));
}

// ---- FLUSHDB, FLUSHALL --------------------------------------------------------------------------

bool are_flush_arguments(Arguments arguments) {
  return arguments.size() == 1 ||
         (arguments.size() == 2 && (equals_ignoring_case(arguments[1], "async") ||
                                    equals_ignoring_case(arguments[1], "sync")));
}

// Empties one database of every shard. Watched keys that were there have changed.
void clear_database(KeyContext& context, unsigned database) {
  const storage::KeyHasher& hasher = context.environment().keyspace->hasher();
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    storage::Shard& shard = context.shard(i);
    if (shard.size(database) == 0) continue;
    context.slot(i).watches.touch_existing(database, [&](std::string_view key) {
      return static_cast<bool>(shard.find(database, key, hasher(key)));
    });
    context.emptied(i, database);
    shard.clear(database);
  }
  context.environment().garbage = true;
}

void flushdb(KeyContext& context, Arguments arguments, Reply& reply) {
  if (!are_flush_arguments(arguments)) return reply.error("ERR syntax error");
  clear_database(context, context.database());
  context.flushed();
  context.effect_as_received();
  reply.ok();
}

void flushall(KeyContext& context, Arguments arguments, Reply& reply) {
  if (!are_flush_arguments(arguments)) return reply.error("ERR syntax error");
  for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
    clear_database(context, database);
  }
  context.flushed();
  context.effect_as_received();
  reply.ok();
}

// ---- SHUTDOWN -----------------------------------------------------------------------------------

// There is nothing to save to, so there is nothing to wait for either: NOW alone tells something,
// not to wait for replies that clients are slow to read. Nothing is answered: the connection
// closes.
class ShutdownTask final : public NodeTask {
 public:
  ShutdownTask(bool at_once, bool no_save) : at_once_(at_once), no_save_(no_save) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    // Half of what a script writes would be saved.
    if (context.scripts.is_busy() && !no_save_) return reply.error(ScriptEngine::kBusyError);
    context.session.close_after_reply = true;
    context.services.stop(at_once_);
  }

 private:
  bool at_once_;
  bool no_save_;
};

std::shared_ptr<NodeTask> shutdown(NodeContext&, Arguments arguments, Reply& reply) {
  bool save = false, no_save = false, now = false, force = false, abort = false;
  bool valid = true;
  for (std::string_view word : arguments.subspan(1)) {
    if (equals_ignoring_case(word, "nosave")) {
      no_save = true;
    } else if (equals_ignoring_case(word, "save")) {
      save = true;
    } else if (equals_ignoring_case(word, "now")) {
      now = true;
    } else if (equals_ignoring_case(word, "force")) {
      force = true;
    } else if (equals_ignoring_case(word, "abort")) {
      abort = true;
    } else {
      valid = false;
    }
  }
  if (!valid || (save && no_save) || (abort && arguments.size() > 2)) {
    reply.error("ERR syntax error");
  } else if (abort) {
    reply.error("ERR No shutdown in progress.");
  } else if (save && !force) {
    reply.error(
        "ERR SHUTDOWN SAVE is not possible: this server keeps its data in memory only. Use "
        "SHUTDOWN "
        "or SHUTDOWN NOSAVE to end it without saving.");
  } else {
    return std::make_shared<ShutdownTask>(now, no_save);
  }
  return nullptr;
}

constexpr auto kRows = checked({
    {"dbsize",
     1,
     kReadonly | kFast,
     kKeyspaceCategory,
     {},
     LockPlan::all_shards,
     dbsize,
     {.summary = "Counts the keys of the database.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "",
      .tips = "request_policy:all_shards response_policy:agg_sum"}},
    {"time",
     1,
     kLoading | kStale | kFast,
     0,
     {},
     LockPlan::nothing,
     time,
     {.summary = "Answers the server's clock: seconds and microseconds since 1970.",
      .since = "2.6.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "",
      .tips = "nondeterministic_output"}},
    {"flushdb",
     -1,
     kWrite,
     kKeyspaceCategory | kDangerousCategory,
     {},
     LockPlan::all_shards,
     flushdb,
     {.summary = "Empties the database.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(N) where N is the number of keys in the selected database",
      .syntax = "[ASYNC | SYNC]",
      .history = "4.0.0: Takes `ASYNC`.|"
                 "6.2.0: Takes `SYNC`.",
      .tips = "request_policy:all_shards response_policy:all_succeeded"}},
    {"flushall",
     -1,
     kWrite,
     kKeyspaceCategory | kDangerousCategory,
     {},
     LockPlan::all_shards,
     flushall,
     {.summary = "Empties every database.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(N) where N is the total number of keys in all databases",
      .syntax = "[ASYNC | SYNC]",
      .history = "4.0.0: Takes `ASYNC`.|"
                 "6.2.0: Takes `SYNC`.",
      .tips = "request_policy:all_shards response_policy:all_succeeded"}},
    {"shutdown",
     -1,
     kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     0,
     {},
     LockPlan::nothing,
     shutdown,
     {.summary = "Ends the server.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(N) when saving, where N is the total number of keys in all databases when "
                    "saving data, otherwise O(1)",
      .syntax = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
      .history = "7.0.0: Takes `NOW`, `FORCE` and `ABORT`."}},
});

}  // namespace

CommandFamily server_commands() {
  static const std::vector<CommandRow> rows =
      joined({kRows, info_commands(), configuration_commands(), introspection_commands(),
              memory_commands(), identity_commands(), slow_log_commands(), latency_commands(),
              monitor_commands(), debug_commands()});
  return rows;
}

}  // namespace larder::server
