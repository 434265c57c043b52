// Strings: whole values, parts of them, several at once. Counters are in counters.cc, SET in
// set.cc.
#include <algorithm>

#include "server/commands/counters.h"
#include "server/commands/families.h"
#include "server/commands/set.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

constexpr std::string_view kTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

void get(KeyContext& context, Arguments, Reply& reply) {
  reply_value_or_null(reply, context.look_up(context.key()));
}

void strlen(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(entry.length()) : 0);
}

void getdel(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  reply_value_or_null(reply, entry);
  if (entry) delete_key(context, context.key(), entry);
}

// SETs without options share this: the value, maybe with a deadline.
void store_value(KeyContext& context, const Key& key, Entry entry, std::string_view value,
                 int64_t deadline_ms) {
  context.set(key, entry, value, deadline_ms);
  context.wrote(key, EventClass::string, "set");
  if (!context.notes_events()) [[likely]]
    return;
  if (deadline_ms != kNoDeadline) context.wrote(key, EventClass::generic, "expire");
  if (!context.listening()) return;
  if (deadline_ms == kNoDeadline) return context.effect({"SET", key.text, value});
  context.effect({"SET", key.text, value, "PXAT", IntegerText(deadline_ms)});
}

void getset(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  reply_value_or_null(reply, entry);
  store_value(context, context.key(), entry, arguments[2], kNoDeadline);
}

void setnx(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  if (!entry) store_value(context, context.key(), entry, arguments[2], kNoDeadline);
  reply.integer(entry ? 0 : 1);
}

template <TimeUnit unit>
void setex(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::string_view name = unit == TimeUnit::seconds ? "setex" : "psetex";
  const std::optional<int64_t> deadline =
      read_deadline(arguments[2], unit, TimeBase::from_now, name, context, reply);
  if (!deadline) return;
  store_value(context, context.key(), context.find(context.key()), arguments[3], *deadline);
  reply.ok();
}

// PERSIST or one word of time with its number; the same word may stand again, its last number
// counts.
bool read_getex_option(Arguments arguments, size_t& i, bool& persists,
                       const LifetimeWord*& lifetime, std::string_view& number) {
  if (equals_ignoring_case(arguments[i], "persist")) {
    persists = true;
    return lifetime == nullptr;
  }
  for (const LifetimeWord& candidate : kLifetimeWords) {
    if (!equals_ignoring_case(arguments[i], candidate.word)) continue;
    if (persists || (lifetime != nullptr && lifetime != &candidate)) return false;
    if (i + 1 >= arguments.size()) return false;
    lifetime = &candidate;
    number = arguments[++i];
    return true;
  }
  return false;
}

void getex(KeyContext& context, Arguments arguments, Reply& reply) {
  bool persists = false;
  const LifetimeWord* lifetime = nullptr;
  std::string_view number;
  for (size_t i = 2; i < arguments.size(); ++i) {
    if (!read_getex_option(arguments, i, persists, lifetime, number)) {
      return reply.error(kSyntaxError);
    }
  }
  // An absent key is null whatever the number says, as in Redis.
  const Key& key = context.key();
  const Entry entry = context.look_up(key);
  if (!entry) return reply.null();
  if (!is_string_or_absent(entry, reply)) return;
  std::optional<int64_t> deadline;
  if (lifetime != nullptr) {
    deadline = read_deadline(number, lifetime->unit, lifetime->base, "getex", context, reply);
    if (!deadline) return;
  }
  reply_value(reply, entry);
  if (persists) persist_key(context, key, entry);
  if (deadline) expire_key_at(context, key, entry, *deadline);
}

void mget(KeyContext& context, Arguments, Reply& reply) {
  reply.array(context.keys().size());
  for (const Key& key : context.keys()) {
    const Entry entry = context.look_up(key);
    entry && !entry.is_object() ? reply_value(reply, entry) : reply.null();
  }
}

// Key i of MSET and MSETNX goes with argument 2 + 2 i.
void store_pairs(KeyContext& context, Arguments arguments) {
  for (size_t i = 0; i < context.keys().size(); ++i) {
    const Key& key = context.keys()[i];
    context.set(key, context.find(key), arguments[2 + 2 * i], kNoDeadline);
    context.wrote(key, EventClass::string, "set");
  }
  if (!context.listening()) [[likely]]
    return;
  std::vector<std::string_view> command(arguments.begin(), arguments.end());
  command[0] = "MSET";
  context.effect(command);
}

void mset(KeyContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() % 2 == 0) {
    return reply.error("ERR wrong number of arguments for 'mset' command");
  }
  store_pairs(context, arguments);
  reply.ok();
}

void msetnx(KeyContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() % 2 == 0) {
    return reply.error("ERR wrong number of arguments for 'msetnx' command");
  }
  for (const Key& key : context.keys()) {
    if (context.find(key)) return reply.integer(0);
  }
  store_pairs(context, arguments);
  reply.integer(1);
}

void append(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const std::string_view tail = arguments[2];
  Entry entry = context.find(key);
  if (!is_string_or_absent(entry, reply)) return;
  const size_t length = (entry ? entry.length() : 0) + tail.size();
  if (length > context.max_string_bytes()) return reply.error(kTooLong);
  if (entry) {
    context.append(key, entry, tail);
  } else {
    context.set(key, entry, tail, kNoDeadline);
  }
  context.wrote(key, EventClass::string, "append");
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(length));
}

void setrange(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> offset = read_integer(arguments[2], reply);
  if (!offset) return;
  if (*offset < 0) return reply.error("ERR offset is out of range");
  const Key& key = context.key();
  const std::string_view patch = arguments[3];
  Entry entry = context.find(key);
  if (!is_string_or_absent(entry, reply)) return;
  if (patch.empty()) return reply.integer(entry ? static_cast<int64_t>(entry.length()) : 0);
  const auto from = static_cast<uint64_t>(*offset);
  if (from > context.max_string_bytes() || patch.size() > context.max_string_bytes() - from) {
    return reply.error(kTooLong);
  }
  if (!may_grow(context, entry ? entry.length() : 0, from + patch.size(), reply)) return;
  if (!entry) entry = context.set(key, entry, {}, kNoDeadline);
  entry = context.set_range(key, entry, from, patch);
  context.wrote(key, EventClass::string, "setrange");
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(entry.length()));
}

void getrange(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> start = read_integer(arguments[2], reply);
  if (!start) return;
  const std::optional<int64_t> end = read_integer(arguments[3], reply);
  if (!end) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.bulk({});
  if (!is_string_or_absent(entry, reply)) return;
  storage::NumberText scratch;
  const std::string_view value = entry.text(scratch);
  const auto length = static_cast<int64_t>(value.size());
  if (*start < 0 && *end < 0 && *start > *end) return reply.bulk({});
  // Negative positions count from the end; what lies outside is cut off.
  const auto position = [length](int64_t at) {
    return at >= 0 ? at : std::max<int64_t>(at + length, 0);
  };
  const int64_t first = position(*start < -length ? -length : *start);
  const int64_t last = std::min(position(*end < -length ? -length : *end), length - 1);
  if (first > last || length == 0) return reply.bulk({});
  const auto size = static_cast<size_t>(last - first + 1);
  // A large part is sent from where it lies, like a large value; unless it is a small part of one
  // that a slow reader would keep alive.
  if (size >= storage::kLargeValue && size >= value.size() / 8 && entry.is_large()) {
    const storage::Pin pin = entry.pin();
    return reply.bulk_pinned({pin.data + first, size, pin.owner, pin.release});
  }
  reply.bulk(value.substr(static_cast<size_t>(first), size));
}

// ---- rows
// ----------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kWriteKey{1, 1, 1, kKeyOverwrite | kKeyUpdate};
constexpr KeyPositions kChangeKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate};
constexpr KeyPositions kInsertIntoKey{1, 1, 1, kKeyReadWrite | kKeyInsert};
constexpr KeyPositions kUpdateKey{1, 1, 1, kKeyReadWrite | kKeyUpdate};

constexpr auto kRows = checked({
    {.name = "get",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kStringCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = get,
     .docs = {.summary = "Answers the value of a key.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate | kKeyVariable},
     .locks = LockPlan::keys,
     .handler = set_command,
     .docs = {.summary = "Stores a value, if a condition holds, for some time or for ever.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key value [NX | XX | IFEQ match-value | IFNE match-value | "
                        "IFDEQ match-digest | IFDNE match-digest] [GET] [EX seconds | "
                        "PX milliseconds | EXAT unix-time-seconds | "
                        "PXAT unix-time-milliseconds | KEEPTTL]",
              .history = "2.6.12: Added `EX`, `PX`, `NX` and `XX`.|6.0.0: Added `KEEPTTL`.|"
                         "6.2.0: Added `GET`, `EXAT` and `PXAT`.|7.0.0: `NX` and `GET` together.|"
                         "8.4.0: Added `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`."}},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = getex,
     .docs = {.summary = "Answers the value of a key and changes its lifetime.",
              .since = "6.2.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
                        "PXAT unix-time-milliseconds | PERSIST]"}},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = getdel,
     .docs = {.summary = "Answers the value of a key and deletes it.",
              .since = "6.2.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = getset,
     .docs = {.summary = "Stores a value and answers the one before it.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key value",
              .deprecated_since = "6.2.0",
              .replaced_by = "`SET` with `GET`"}},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyOverwrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = setnx,
     .docs = {.summary = "Stores a value if the key does not exist.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key value",
              .deprecated_since = "2.6.12",
              .replaced_by = "`SET` with `NX`"}},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = kWriteKey,
     .locks = LockPlan::keys,
     .handler = setex<TimeUnit::seconds>,
     .docs = {.summary = "Stores a value for some seconds.",
              .since = "2.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key seconds value",
              .deprecated_since = "2.6.12",
              .replaced_by = "`SET` with `EX`"}},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = kWriteKey,
     .locks = LockPlan::keys,
     .handler = setex<TimeUnit::milliseconds>,
     .docs = {.summary = "Stores a value for some milliseconds.",
              .since = "2.6.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key milliseconds value",
              .deprecated_since = "2.6.12",
              .replaced_by = "`SET` with `PX`"}},
    {.name = "mget",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kStringCategory,
     .keys = {1, -1, 1, kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = mget,
     .docs = {.summary = "Answers the values of several keys at one instant.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...]",
              .tips = "request_policy:multi_shard"}},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = {1, -1, 2, kKeyOverwrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = mset,
     .docs = {.summary = "Stores several values at one instant.",
              .since = "1.0.1",
              .group = "string",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key value [key value ...]",
              .tips = "request_policy:multi_shard response_policy:all_succeeded"}},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = {1, -1, 2, kKeyOverwrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = msetnx,
     .docs = {.summary = "Stores several values if none of the keys exists.",
              .since = "1.0.1",
              .group = "string",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key value [key value ...]",
              .tips = "request_policy:multi_shard response_policy:agg_min"}},
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = append,
     .docs = {.summary = "Adds to the end of a value, creating it if absent.",
              .since = "2.0.0",
              .group = "string",
              .complexity = "O(1), amortised over repeated appends",
              .syntax = "key value"}},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kStringCategory,
     .keys = {1, 1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = strlen,
     .docs = {.summary = "Answers the length of a value in bytes.",
              .since = "2.2.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadonly,
     .categories = kStringCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = getrange,
     .docs = {.summary = "Answers a part of a value.",
              .since = "2.4.0",
              .group = "string",
              .complexity = "O(N) where N is the length of the part",
              .syntax = "key start end"}},
    {.name = "substr",
     .arity = 4,
     .flags = kReadonly,
     .categories = kStringCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = getrange,
     .docs = {.summary = "Answers a part of a value, like GETRANGE.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(N) where N is the length of the part",
              .syntax = "key start end",
              .deprecated_since = "2.0.0",
              .replaced_by = "`GETRANGE`"}},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kStringCategory,
     .keys = kUpdateKey,
     .locks = LockPlan::keys,
     .handler = setrange,
     .docs = {.summary = "Overwrites a part of a value, growing it if need be.",
              .since = "2.2.0",
              .group = "string",
              .complexity = "O(M) where M is the length of the new part, amortised over growth",
              .syntax = "key offset value"}},
    {.name = "incr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = incr,
     .docs = {.summary = "Adds one to an integer.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "decr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = decr,
     .docs = {.summary = "Takes one from an integer.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "incrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = incrby,
     .docs = {.summary = "Adds to an integer.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key increment"}},
    {.name = "decrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = decrby,
     .docs = {.summary = "Takes from an integer.",
              .since = "1.0.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key decrement"}},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = incrbyfloat,
     .docs = {.summary = "Adds to a number with decimals.",
              .since = "2.6.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key increment"}},
});

}  // namespace

CommandFamily string_commands() {
  return kRows;
}

}  // namespace larder::server
