// Commands for rate limits: CL.THROTTLE, and the row of INCREX, with which a counter limits itself.
//
//   CL.THROTTLE key max_burst count period [quantity]
//
// As the module redis-cell answers it, and Dragonfly after it: five integers, is it limited (1) or
// not (0), the limit (max_burst + 1), how much of it remains, in how many seconds this quantity
// would be allowed (-1: it is, or never will be), in how many nothing will have been taken. gcra.h
// has the arithmetic. A key holds what redis-cell stores there: its arrival in Unix nanoseconds as
// a decimal text, until the arrival has passed; so whoever knows the one can read the other, and to
// followers and listeners it is a SET with a deadline. A quantity that is refused or 0 writes
// nothing.
//
// The texts of errors are Dragonfly's where it has them; redis-cell's are of its language's
// runtime. Where redis-cell wraps around or ends the server (negative numbers, a value that is no
// arrival), this answers an error.
#include "server/commands/families.h"
#include "server/commands/gcra.h"
#include "server/commands/increx.h"
#include "server/commands/values.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

struct Request {
  Rate rate;
  int64_t quantity = 1;
};

std::optional<Request> read_request(Arguments arguments, Reply& reply) {
  if (arguments.size() > 6) {
    reply.error("ERR wrong number of arguments for 'cl.throttle' command");
    return std::nullopt;
  }
  int64_t numbers[] = {0, 0, 0, 1};  // max_burst, count, period, quantity
  for (size_t i = 2; i < arguments.size(); ++i) {
    const std::optional<int64_t> number = read_integer(arguments[i], reply);
    if (!number) return std::nullopt;
    numbers[i - 2] = *number;
  }
  Request request{.rate = {}, .quantity = numbers[3]};
  RateFault fault = make_rate(numbers[0], numbers[1], numbers[2], request.rate);
  if (request.quantity < 0) fault = RateFault::out_of_range;
  switch (fault) {
    case RateFault::none:
      return request;
    case RateFault::zero:
      reply.error("ERR zero rates are not supported");
      return std::nullopt;
    case RateFault::out_of_range:
      break;
  }
  reply.error(kNotAnInteger);
  return std::nullopt;
}

void store_arrival(KeyContext& context, Entry entry, int64_t arrival_ns) {
  const Key& key = context.key();
  const IntegerText arrival(arrival_ns);
  const int64_t deadline_ms = arrival_deadline_ms(arrival_ns);
  context.set(key, entry, arrival, deadline_ms);
  context.wrote(key, EventClass::string, "set");
  if (!context.notes_events()) [[likely]]
    return;
  context.wrote(key, EventClass::generic, "expire");
  if (!context.listening()) return;
  context.effect({"SET", key.text, arrival, "PXAT", IntegerText(deadline_ms)});
}

void throttle(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<Request> request = read_request(arguments, reply);
  if (!request) return;
  const Entry entry = context.find(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  std::optional<int64_t> stored_ns;
  if (entry) {
    storage::NumberText scratch;
    stored_ns = protocol::parse_int64(entry.text(scratch));
    if (!stored_ns || *stored_ns < 0) return reply.error(kNotAnInteger);
  }
  const std::optional<Verdict> verdict =
      judge(request->rate, stored_ns, context.now_us() * 1000, request->quantity);
  if (!verdict) return reply.error(kNotAnInteger);
  if (verdict->arrival_ns) store_arrival(context, entry, *verdict->arrival_ns);
  reply.array(5);
  reply.integer(verdict->limited ? 1 : 0);
  reply.integer(request->rate.limit);
  reply.integer(verdict->remaining);
  reply.integer(verdict->retry_after_ns ? reply_seconds(*verdict->retry_after_ns) : -1);
  reply.integer(reply_seconds(verdict->reset_after_ns));
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kChangeKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate};

constexpr auto kRows = checked({
    {.name = "increx",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = increx,
     .docs = {.summary = "Adds to a number within bounds, and says how long the key lives.",
              .since = "8.8.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key [BYFLOAT float | BYINT integer] [LBOUND lowerbound] "
                        "[UBOUND upperbound] [SATURATE] [EX seconds | PX milliseconds | "
                        "EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX] "
                        "[NX | XX]"}},
    {.name = "cl.throttle",
     .arity = -5,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = throttle,
     .docs = {.summary = "Takes from a key's limit of actions per period, if it leaves that much.",
              .since = "0.2.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key max-burst count period [quantity]",
              .history = "0.2.0: A command of the module redis-cell."}},
});

}  // namespace

CommandFamily rate_limit_commands() {
  return kRows;
}

}  // namespace larder::server
