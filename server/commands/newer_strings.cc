// String commands that came after Redis 7.0, and LCS: several values under one condition and with
// one lifetime, deleting under a condition.
//
//   MSETEX numkeys (key value)+ [NX | XX] [lifetime]      as in Redis 8.4; lifetime: set_options.h
//   DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]       as in Redis 8.4
//   DELIFEQ key value                                                       as in Valkey 9
#include <algorithm>
#include <limits>
#include <string>

#include "server/commands/families.h"
#include "server/commands/lcs.h"
#include "server/commands/set_options.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

// ---- MSETEX -------------------------------------------------------------------------------------

void store_one(KeyContext& context, const Key& key, std::string_view value,
               const SetOptions& options) {
  const Entry entry = context.find(key);
  const int64_t deadline_ms = options.deadline_of(entry);
  context.set(key, entry, value, deadline_ms);
  context.wrote(key, EventClass::string, "set");
  if (!context.notes_events()) [[likely]]
    return;
  if (options.lifetime == Lifetime::until) context.wrote(key, EventClass::generic, "expire");
  if (!context.listening()) return;
  if (deadline_ms == storage::kNoDeadline) {
    context.effect({"SET", key.text, value});
  } else {
    context.effect({"SET", key.text, value, "PXAT", IntegerText(deadline_ms)});
  }
}

// Key i goes with argument 3 + 2 i.
void msetex(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> pairs = protocol::parse_int64(arguments[1]);
  if (!pairs || *pairs < 1 || *pairs > std::numeric_limits<int32_t>::max()) {
    return reply.error("ERR invalid numkeys value");
  }
  const size_t options_at = 2 + 2 * static_cast<size_t>(*pairs);
  if (options_at > arguments.size()) return reply.error("ERR wrong number of key-value pairs");
  const std::optional<SetOptions> options = read_set_options(
      arguments.subspan(options_at), SetGrammar::many_keys, "msetex", context, reply);
  if (!options) return;
  for (const Key& key : context.keys()) {
    if (!options->condition.holds(context.find(key))) return reply.integer(0);
  }
  for (size_t i = 0; i < context.keys().size(); ++i) {
    store_one(context, context.keys()[i], arguments[3 + 2 * i], *options);
  }
  reply.integer(1);
}

// ---- DELEX, DELIFEQ -----------------------------------------------------------------------------

void delete_if(KeyContext& context, Entry entry, const ValueCondition& condition, Reply& reply) {
  if (condition.compares() && !is_string_or_absent(entry, reply)) return;
  const bool deletes = entry && condition.holds(entry);
  if (deletes) delete_key(context, context.key(), entry);
  reply.integer(deletes ? 1 : 0);
}

void delex(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  ValueCondition condition;
  if (arguments.size() == 2) return delete_if(context, entry, condition, reply);
  if (arguments.size() != 4)
    return reply.error("ERR wrong number of arguments for 'delex' command");
  if (!entry) return reply.integer(0);
  const std::optional<Condition> chosen = find_value_condition(arguments[2]);
  if (!chosen) return reply.error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
  condition.condition = *chosen;
  if (read_match(arguments[3], condition, reply)) delete_if(context, entry, condition, reply);
}

void delifeq(KeyContext& context, Arguments arguments, Reply& reply) {
  const ValueCondition condition{.condition = Condition::equal, .match = arguments[2]};
  delete_if(context, context.find(context.key()), condition, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "lcs",
     .arity = -3,
     .flags = kReadonly,
     .categories = kStringCategory,
     .keys = {1, 2, 1, kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = lcs,
     .docs = {.summary = "Answers what two values have in common, in order but with gaps.",
              .since = "7.0.0",
              .group = "string",
              .complexity = "O(N*M) where N and M are the lengths of the values",
              .syntax = "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]"}},
    {.name = "msetex",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kStringCategory,
     .keys =
         {.first = 2, .last = -1, .step = 2, .flags = kKeyOverwrite | kKeyUpdate, .count_at = 1},
     .locks = LockPlan::keys,
     .handler = msetex,
     .docs = {.summary = "Stores several values for the same time, if a condition holds for all.",
              .since = "8.4.0",
              .group = "string",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "numkeys key value [key value ...] [NX | XX] [EX seconds | "
                        "PX milliseconds | EXAT unix-time-seconds | "
                        "PXAT unix-time-milliseconds | KEEPTTL]"}},
    {.name = "delex",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = delex,
     .docs = {.summary = "Deletes a key if its value is, or is not, what it should be.",
              .since = "8.4.0",
              .group = "string",
              .complexity = "O(1), O(N) where N is the length of a value to compare",
              .syntax = "key [IFEQ match-value | IFNE match-value | IFDEQ match-digest | "
                        "IFDNE match-digest]"}},
    {.name = "delifeq",
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = delifeq,
     .docs = {.summary = "Deletes a key if it holds this value, as whoever gives a lock back does.",
              .since = "9.0.0",
              .group = "string",
              .complexity = "O(N) where N is the length of the value",
              .syntax = "key value"}},
});

}  // namespace

CommandFamily newer_string_commands() {
  return kRows;
}

}  // namespace larder::server
