// SET key value [condition] [GET] [lifetime]
//
//   condition := NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest
//   lifetime  := EX s | PX ms | EXAT s | PXAT ms | KEEPTTL
//
// At most one of each, but the same word may stand twice, as in Redis: its last value counts. The
// value conditions are those of Redis 8.4 (IFEQ also Valkey 8.1): a key that does not exist equals
// nothing, so IFEQ and IFDEQ fail on it and IFNE and IFDNE hold.
#include "server/commands/set.h"

#include "server/commands/value_digest.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

enum class Condition : uint8_t { none, absent, present, equal, not_equal, digest, not_digest };
enum class Lifetime : uint8_t { endless, keep, until };

struct SetOptions {
  Condition condition = Condition::none;
  std::string_view match;  // what the condition compares with
  uint64_t match_digest = 0;
  bool get = false;
  Lifetime lifetime = Lifetime::endless;
  int64_t deadline_ms = kNoDeadline;
};

struct ConditionWord {
  std::string_view word;
  Condition condition;
  bool takes_value;
};
constexpr ConditionWord kConditions[] = {
    {"nx", Condition::absent, false},   {"xx", Condition::present, false},
    {"ifeq", Condition::equal, true},   {"ifne", Condition::not_equal, true},
    {"ifdeq", Condition::digest, true}, {"ifdne", Condition::not_digest, true},
};

// One step of parsing: did the word at `i` belong to this part of the grammar?
enum class Step : uint8_t { taken, not_mine, failed };

Step read_condition(Arguments arguments, size_t& i, SetOptions& options, Reply& reply) {
  for (const ConditionWord& candidate : kConditions) {
    if (!equals_ignoring_case(arguments[i], candidate.word)) continue;
    if (options.condition != Condition::none && options.condition != candidate.condition) {
      return Step::not_mine;
    }
    if (candidate.takes_value && i + 1 >= arguments.size()) return Step::not_mine;
    options.condition = candidate.condition;
    if (!candidate.takes_value) return Step::taken;
    options.match = arguments[++i];
    if (candidate.condition != Condition::digest && candidate.condition != Condition::not_digest) {
      return Step::taken;
    }
    const std::optional<uint64_t> digest = parse_digest(options.match);
    if (!digest) {
      reply.error("ERR digest must be exactly 16 hexadecimal characters");
      return Step::failed;
    }
    options.match_digest = *digest;
    return Step::taken;
  }
  return Step::not_mine;
}

// The number is only looked at once the whole grammar fits, as Redis does.
struct PendingLifetime {
  const LifetimeWord* word = nullptr;
  std::string_view number;
};

Step read_lifetime(Arguments arguments, size_t& i, SetOptions& options, PendingLifetime& pending) {
  if (equals_ignoring_case(arguments[i], "keepttl")) {
    if (options.lifetime == Lifetime::until) return Step::not_mine;
    options.lifetime = Lifetime::keep;
    return Step::taken;
  }
  if (options.lifetime == Lifetime::keep) return Step::not_mine;
  for (const LifetimeWord& candidate : kLifetimeWords) {
    if (!equals_ignoring_case(arguments[i], candidate.word) || i + 1 >= arguments.size()) continue;
    if (pending.word != nullptr && pending.word != &candidate) return Step::not_mine;
    options.lifetime = Lifetime::until;
    pending = {&candidate, arguments[++i]};
    return Step::taken;
  }
  return Step::not_mine;
}

bool read_options(KeyContext& context, Arguments arguments, SetOptions& options, Reply& reply) {
  PendingLifetime pending;
  for (size_t i = 3; i < arguments.size(); ++i) {
    if (equals_ignoring_case(arguments[i], "get")) {
      options.get = true;
      continue;
    }
    Step step = read_condition(arguments, i, options, reply);
    if (step == Step::not_mine) step = read_lifetime(arguments, i, options, pending);
    if (step == Step::failed) return false;
    if (step == Step::not_mine) {
      reply.error(kSyntaxError);
      return false;
    }
  }
  if (pending.word == nullptr) return true;
  const std::optional<int64_t> deadline =
      read_deadline(pending.number, pending.word->unit, pending.word->base, "set", context, reply);
  if (deadline) options.deadline_ms = *deadline;
  return deadline.has_value();
}

bool condition_holds(const SetOptions& options, const Entry& entry) {
  storage::NumberText scratch;
  switch (options.condition) {
    case Condition::none:
      return true;
    case Condition::absent:
      return !entry;
    case Condition::present:
      return static_cast<bool>(entry);
    case Condition::equal:
      return entry && entry.text(scratch) == options.match;
    case Condition::not_equal:
      return !entry || entry.text(scratch) != options.match;
    case Condition::digest:
      return entry && value_digest(entry.text(scratch)) == options.match_digest;
    case Condition::not_digest:
      return !entry || value_digest(entry.text(scratch)) != options.match_digest;
  }
  return false;
}

void store(KeyContext& context, std::string_view value, const SetOptions& options, Entry entry) {
  const Key& key = context.key();
  int64_t deadline_ms = options.deadline_ms;
  if (options.lifetime == Lifetime::keep && entry) deadline_ms = entry.deadline_ms();
  context.set(key, entry, value, deadline_ms);
  context.wrote(key, EventClass::string, "set");
  if (!context.listening()) [[likely]]
    return;
  if (options.lifetime == Lifetime::until) context.wrote(key, EventClass::generic, "expire");
  if (deadline_ms == kNoDeadline) {
    context.effect({"SET", key.text, value});
  } else {
    context.effect({"SET", key.text, value, "PXAT", IntegerText(deadline_ms)});
  }
}

}  // namespace

void set_command(KeyContext& context, Arguments arguments, Reply& reply) {
  SetOptions options;
  if (arguments.size() > 3 && !read_options(context, arguments, options, reply)) return;
  const Entry entry = options.get ? context.look_up(context.key()) : context.find(context.key());
  const bool holds = condition_holds(options, entry);
  if (options.get) {
    reply_value_or_null(reply, entry);  // before the store: it may free the old value
  } else if (!holds) {
    reply.null();
  }
  if (!holds) return;
  store(context, arguments[2], options, entry);
  if (!options.get) reply.ok();
}

}  // namespace larder::server
