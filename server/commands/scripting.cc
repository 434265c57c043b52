// Scripts: EVAL and its relatives, SCRIPT. How a script runs is server/scripting/'s business.
#include <string>

#include "protocol/number.h"
#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/contexts.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

constexpr std::string_view kNoScript404 = "NOSCRIPT No matching script. Please use EVAL.";

// ---- EVAL ---------------------------------------------------------------------------------------

// How many keys the request has; an error is answered.
bool read_key_count(Arguments arguments, size_t& count, Reply& reply) {
  const std::optional<int64_t> said = protocol::parse_int64(arguments[2]);
  if (!said) {
    reply.error("ERR value is not an integer or out of range");
  } else if (*said > static_cast<int64_t>(arguments.size()) - 3) {
    reply.error("ERR Number of keys can't be greater than number of args");
  } else if (*said < 0) {
    reply.error("ERR Number of keys can't be negative");
  } else {
    count = static_cast<size_t>(*said);
    return true;
  }
  return false;
}

void run_script(ScriptContext& context, const Script& script, Arguments arguments, size_t keys,
                bool read_only, Reply& reply) {
  const ScriptFlags& flags = script.flags;
  if (flags.declared && read_only && !flags.no_writes) {
    return reply.error("ERR Can not execute a script with write flag using *_ro command.");
  }
  if (flags.declared && !flags.no_writes && !flags.allow_oom && context.out_of_memory()) {
    return reply.error(
        "OOM allow-oom flag is not set on the script, can not run it when used memory > "
        "'maxmemory'");
  }
  context.host().begin_script({.writes = !read_only && !flags.no_writes,
                               .ignores_memory_limit = flags.allow_oom});
  context.engine().run(script, arguments.subspan(3, keys), arguments.subspan(3 + keys),
                       context.host(), reply);
}

void eval_source(ScriptContext& context, Arguments arguments, bool read_only, Reply& reply) {
  size_t keys = 0;
  if (!read_key_count(arguments, keys, reply)) return;
  std::string error;
  const Script* const script = context.engine().load(arguments[1], /*keep=*/false, error);
  if (script == nullptr) return reply.error(error);
  run_script(context, *script, arguments, keys, read_only, reply);
}

void eval_name(ScriptContext& context, Arguments arguments, bool read_only, Reply& reply) {
  if (arguments[1].size() != Sha1Text().size()) return reply.error(kNoScript404);
  size_t keys = 0;
  if (!read_key_count(arguments, keys, reply)) return;
  const Script* const script = context.engine().find(arguments[1]);
  if (script == nullptr) return reply.error(kNoScript404);
  run_script(context, *script, arguments, keys, read_only, reply);
}

void eval(ScriptContext& context, Arguments arguments, Reply& reply) {
  eval_source(context, arguments, /*read_only=*/false, reply);
}
void eval_ro(ScriptContext& context, Arguments arguments, Reply& reply) {
  eval_source(context, arguments, /*read_only=*/true, reply);
}
void evalsha(ScriptContext& context, Arguments arguments, Reply& reply) {
  eval_name(context, arguments, /*read_only=*/false, reply);
}
void evalsha_ro(ScriptContext& context, Arguments arguments, Reply& reply) {
  eval_name(context, arguments, /*read_only=*/true, reply);
}

// ---- SCRIPT -------------------------------------------------------------------------------------

void script_load(ScriptContext& context, Arguments arguments, Reply& reply) {
  std::string error;
  const Script* const script = context.engine().load(arguments[2], /*keep=*/true, error);
  if (script == nullptr) return reply.error(error);
  reply.bulk(script->name());
}

void script_exists(ScriptContext& context, Arguments arguments, Reply& reply) {
  const Arguments names = arguments.subspan(2);
  reply.array(names.size());
  for (std::string_view name : names) reply.integer(context.engine().knows(name) ? 1 : 0);
}

// Both ways are the same: the state is small (script-memory-limit).
void script_flush(ScriptContext& context, Arguments arguments, Reply& reply) {
  const bool is_valid =
      arguments.size() == 2 ||
      (arguments.size() == 3 && (equals_ignoring_case(arguments[2], "sync") ||
                                 equals_ignoring_case(arguments[2], "async")));
  if (!is_valid) return reply.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  context.engine().flush();
  reply.ok();
}

class KillTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    switch (context.scripts.kill()) {
      case ScriptEngine::Kill::killing:
        return reply.ok();
      case ScriptEngine::Kill::no_script:
        return reply.error("NOTBUSY No scripts in execution right now.");
      case ScriptEngine::Kill::has_written:
        return reply.error(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You "
            "can either wait the script termination or kill the server in a hard way using the "
            "SHUTDOWN NOSAVE command.");
    }
  }
};

std::shared_ptr<NodeTask> script_kill(NodeContext&, Arguments, Reply&) {
  return std::make_shared<KillTask>();
}

void script_help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "EXISTS <sha1> [<sha1> ...]",
      "    Which of the scripts EVALSHA would find: 1 or 0 for each.",
      "FLUSH [ASYNC|SYNC]",
      "    Forgets all scripts.",
      "KILL",
      "    Ends the script that is running, unless it has written.",
      "LOAD <script>",
      "    Keeps a script for EVALSHA, without running it, and answers its SHA1.",
  };
  write_help("script", kLines, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr uint32_t kEvalFlags =
    kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys;
constexpr KeyPositions kAnyKeys = {
    .first = 3, .last = -1, .step = 1, .flags = kKeyReadWrite | kKeyAccess | kKeyUpdate,
    .count_at = 2};
constexpr KeyPositions kKeysToRead = {
    .first = 3, .last = -1, .step = 1, .flags = kKeyReadOnly | kKeyAccess, .count_at = 2};

constexpr auto kSubcommands = checked({
    {"exists",
     -3,
     kNoScript,
     kScriptingCategory,
     {},
     LockPlan::nothing,
     script_exists,
     {.summary = "Says which scripts EVALSHA would find.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = "O(N) with N being the number of scripts to check (so checking a single script "
                    "is an O(1) operation).",
      .syntax = "sha1 [sha1 ...]",
      .tips = "request_policy:all_shards response_policy:agg_logical_and"}},
    {"flush",
     -2,
     kNoScript,
     kScriptingCategory,
     {},
     LockPlan::nothing,
     script_flush,
     {.summary = "Forgets all scripts.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = "O(N) with N being the number of scripts in cache",
      .syntax = "[ASYNC | SYNC]",
      .history = "6.2.0: Takes `ASYNC` and `SYNC`.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"kill",
     2,
     kNoScript | kAllowBusy,
     kScriptingCategory,
     {},
     LockPlan::nothing,
     script_kill,
     {.summary = "Ends the script that is running, unless it has written.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = "O(1)",
      .syntax = "",
      .tips = "request_policy:all_shards response_policy:one_succeeded"}},
    {"load",
     3,
     kNoScript | kStale,
     kScriptingCategory,
     {},
     LockPlan::nothing,
     script_load,
     {.summary = "Keeps a script for EVALSHA, without running it.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = "O(N) with N being the length in bytes of the script body.",
      .syntax = "script",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"help",
     2,
     kLoading | kStale,
     kScriptingCategory,
     {},
     LockPlan::nothing,
     script_help,
     {.summary = "Lists the subcommands of SCRIPT.",
      .since = "5.0.0",
      .group = "scripting",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr std::string_view kEvalComplexity = "Depends on the script that is executed.";

constexpr auto kRows = checked({
    {"eval",
     -3,
     kEvalFlags,
     kScriptingCategory,
     kAnyKeys,
     LockPlan::script,
     eval,
     {.summary = "Runs a Lua script at one instant.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = kEvalComplexity,
      .syntax = "script numkeys [key [key ...]] [arg [arg ...]]"}},
    {"evalsha",
     -3,
     kEvalFlags,
     kScriptingCategory,
     kAnyKeys,
     LockPlan::script,
     evalsha,
     {.summary = "Runs a Lua script that is known by its SHA1.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = kEvalComplexity,
      .syntax = "sha1 numkeys [key [key ...]] [arg [arg ...]]"}},
    {"eval_ro",
     -3,
     kEvalFlags | kReadonly,
     kScriptingCategory,
     kKeysToRead,
     LockPlan::script,
     eval_ro,
     {.summary = "Runs a Lua script that may not write.",
      .since = "7.0.0",
      .group = "scripting",
      .complexity = kEvalComplexity,
      .syntax = "script numkeys [key [key ...]] [arg [arg ...]]"}},
    {"evalsha_ro",
     -3,
     kEvalFlags | kReadonly,
     kScriptingCategory,
     kKeysToRead,
     LockPlan::script,
     evalsha_ro,
     {.summary = "Runs a Lua script that is known by its SHA1 and may not write.",
      .since = "7.0.0",
      .group = "scripting",
      .complexity = kEvalComplexity,
      .syntax = "sha1 numkeys [key [key ...]] [arg [arg ...]]"}},
    {"script",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "Scripts that EVALSHA finds, and the one that is running.",
      .since = "2.6.0",
      .group = "scripting",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily script_commands() {
  return kRows;
}

}  // namespace larder::server
