// Lifetimes of keys: setting, asking for and removing deadlines.
#include "server/commands/families.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

struct Conditions {
  bool if_none = false;      // NX
  bool if_some = false;      // XX
  bool if_later = false;     // GT
  bool if_earlier = false;   // LT

  // No deadline counts as one that never comes.
  bool hold(int64_t current, int64_t wanted) const {
    if (if_none && current != kNoDeadline) return false;
    if (if_some && current == kNoDeadline) return false;
    if (if_later && (current == kNoDeadline || wanted <= current)) return false;
    if (if_earlier && current != kNoDeadline && wanted >= current) return false;
    return true;
  }
};

bool read_conditions(Arguments arguments, Conditions& conditions, Reply& reply) {
  for (std::string_view word : arguments.subspan(3)) {
    if (equals_ignoring_case(word, "nx")) {
      conditions.if_none = true;
    } else if (equals_ignoring_case(word, "xx")) {
      conditions.if_some = true;
    } else if (equals_ignoring_case(word, "gt")) {
      conditions.if_later = true;
    } else if (equals_ignoring_case(word, "lt")) {
      conditions.if_earlier = true;
    } else {
      reply.error("ERR Unsupported option " + std::string(word.substr(0, 128)));
      return false;
    }
  }
  if (conditions.if_none &&
      (conditions.if_some || conditions.if_later || conditions.if_earlier)) {
    reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions.if_later && conditions.if_earlier) {
    reply.error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

void expire_at(KeyContext& context, Arguments arguments, TimeUnit unit, TimeBase base,
               std::string_view name, Reply& reply) {
  Conditions conditions;
  if (!read_conditions(arguments, conditions, reply)) return;
  const std::optional<int64_t> number = read_integer(arguments[2], reply);
  if (!number) return;
  const std::optional<int64_t> deadline =
      deadline_from(*number, unit, base, context.now_ms());
  if (!deadline) return reply_invalid_expire_time(reply, name);

  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry || !conditions.hold(entry.deadline_ms(), *deadline)) return reply.integer(0);
  expire_key_at(context, key, entry, *deadline);
  reply.integer(1);
}

void expire(KeyContext& context, Arguments arguments, Reply& reply) {
  expire_at(context, arguments, TimeUnit::seconds, TimeBase::from_now, "expire", reply);
}
void pexpire(KeyContext& context, Arguments arguments, Reply& reply) {
  expire_at(context, arguments, TimeUnit::milliseconds, TimeBase::from_now, "pexpire", reply);
}
void expireat(KeyContext& context, Arguments arguments, Reply& reply) {
  expire_at(context, arguments, TimeUnit::seconds, TimeBase::absolute, "expireat", reply);
}
void pexpireat(KeyContext& context, Arguments arguments, Reply& reply) {
  expire_at(context, arguments, TimeUnit::milliseconds, TimeBase::absolute, "pexpireat", reply);
}

// -2: no such key; -1: no deadline; else the deadline, or how long until then.
void answer_deadline(KeyContext& context, TimeUnit unit, TimeBase base, Reply& reply) {
  const Entry entry = context.look_up_untouched(context.key());
  if (!entry) return reply.integer(-2);
  int64_t ms = entry.deadline_ms();
  if (ms == kNoDeadline) return reply.integer(-1);
  if (base == TimeBase::from_now) ms = ms > context.now_ms() ? ms - context.now_ms() : 0;
  // Rounded to the nearest second; adding first would overflow at the end of time.
  if (unit == TimeUnit::seconds) ms = ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
  reply.integer(ms);
}

void ttl(KeyContext& context, Arguments, Reply& reply) {
  answer_deadline(context, TimeUnit::seconds, TimeBase::from_now, reply);
}
void pttl(KeyContext& context, Arguments, Reply& reply) {
  answer_deadline(context, TimeUnit::milliseconds, TimeBase::from_now, reply);
}
void expiretime(KeyContext& context, Arguments, Reply& reply) {
  answer_deadline(context, TimeUnit::seconds, TimeBase::absolute, reply);
}
void pexpiretime(KeyContext& context, Arguments, Reply& reply) {
  answer_deadline(context, TimeUnit::milliseconds, TimeBase::absolute, reply);
}

void persist(KeyContext& context, Arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  reply.integer(entry && persist_key(context, key, entry) ? 1 : 0);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr CommandRow expire_row(std::string_view name, KeysHandler handler,
                                std::string_view summary, std::string_view since,
                                std::string_view syntax) {
  return {.name = name,
          .arity = -3,
          .flags = kWrite | kFast,
          .categories = kKeyspaceCategory,
          .keys = {1, 1, 1, kKeyReadWrite | kKeyUpdate},
          .locks = LockPlan::keys,
          .handler = handler,
          .docs = {.summary = summary,
                   .since = since,
                   .group = "generic",
                   .complexity = "O(1)",
                   .syntax = syntax,
                   .history = "7.0.0: Added `NX`, `XX`, `GT` and `LT`."}};
}

constexpr CommandRow ask_row(std::string_view name, KeysHandler handler, std::string_view summary,
                             std::string_view since, std::string_view tips = {}) {
  return {.name = name,
          .arity = 2,
          .flags = kReadonly | kFast,
          .categories = kKeyspaceCategory,
          .keys = {1, 1, 1, kKeyReadOnly | kKeyAccess},
          .locks = LockPlan::keys,
          .handler = handler,
          .docs = {.summary = summary,
                   .since = since,
                   .group = "generic",
                   .complexity = "O(1)",
                   .syntax = "key",
                   .tips = tips}};
}

constexpr auto kRows = checked({
    expire_row("expire", expire, "Lets a key go after some seconds.", "1.0.0",
               "key seconds [NX | XX | GT | LT]"),
    expire_row("pexpire", pexpire, "Lets a key go after some milliseconds.", "2.6.0",
               "key milliseconds [NX | XX | GT | LT]"),
    expire_row("expireat", expireat, "Lets a key go at a Unix time in seconds.", "1.2.0",
               "key unix-time-seconds [NX | XX | GT | LT]"),
    expire_row("pexpireat", pexpireat, "Lets a key go at a Unix time in milliseconds.", "2.6.0",
               "key unix-time-milliseconds [NX | XX | GT | LT]"),
    ask_row("ttl", ttl, "Answers how many seconds a key has left.", "1.0.0",
            "nondeterministic_output"),
    ask_row("pttl", pttl, "Answers how many milliseconds a key has left.", "2.6.0",
            "nondeterministic_output"),
    ask_row("expiretime", expiretime, "Answers the Unix time in seconds at which a key goes.",
            "7.0.0"),
    ask_row("pexpiretime", pexpiretime,
            "Answers the Unix time in milliseconds at which a key goes.", "7.0.0"),
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = persist,
     .docs = {.summary = "Lets a key stay for ever.",
              .since = "2.2.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key"}},
});

}  // namespace

CommandFamily expiry_commands() { return kRows; }

}  // namespace larder::server
