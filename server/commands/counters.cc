#include "server/commands/counters.h"

#include <cmath>
#include <limits>

#include "server/commands/values.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

void add(KeyContext& context, int64_t amount, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  int64_t value = 0;
  if (entry) {
    if (entry.is_integer()) [[likely]] {
      value = entry.integer();
    } else {
      if (!is_string_or_absent(entry, reply)) return;
      storage::NumberText scratch;
      const std::optional<int64_t> parsed = read_integer(entry.text(scratch), reply);
      if (!parsed) return;
      value = *parsed;
    }
  }
  int64_t sum;
  if (__builtin_add_overflow(value, amount, &sum)) {
    return reply.error("ERR increment or decrement would overflow");
  }
  context.set_integer(key, entry, sum);
  context.wrote(key, EventClass::string, "incrby");
  context.effect_as_received();
  reply.integer(sum);
}

}  // namespace

void incr(KeyContext& context, Arguments, Reply& reply) { add(context, 1, reply); }
void decr(KeyContext& context, Arguments, Reply& reply) { add(context, -1, reply); }

void incrby(KeyContext& context, Arguments arguments, Reply& reply) {
  if (const auto amount = read_integer(arguments[2], reply)) add(context, *amount, reply);
}

void decrby(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> amount = read_integer(arguments[2], reply);
  if (!amount) return;
  if (*amount == std::numeric_limits<int64_t>::min()) {
    return reply.error("ERR decrement would overflow");
  }
  add(context, -*amount, reply);
}

void incrbyfloat(KeyContext& context, Arguments arguments, Reply& reply) {
  constexpr std::string_view kNotAFloat = "ERR value is not a valid float";
  const Key& key = context.key();
  const Entry entry = context.find(key);
  long double value = 0;
  if (!is_string_or_absent(entry, reply)) return;
  if (entry) {
    storage::NumberText scratch;
    const std::optional<long double> parsed = protocol::parse_long_double(entry.text(scratch));
    if (!parsed) return reply.error(kNotAFloat);
    value = *parsed;
  }
  const std::optional<long double> amount = protocol::parse_long_double(arguments[2]);
  if (!amount) return reply.error(kNotAFloat);
  value += *amount;
  if (!std::isfinite(value)) return reply.error("ERR increment would produce NaN or Infinity");
  char text[protocol::kMaxLongDoubleChars];
  const std::string_view sum(text,
                             static_cast<size_t>(protocol::write_long_double(value, text) - text));
  context.set(key, entry, sum, entry ? entry.deadline_ms() : storage::kNoDeadline);
  context.wrote(key, EventClass::string, "incrbyfloat");
  // As the result, so that a follower's rounding does not matter.
  if (context.listening()) context.effect({"SET", key.text, sum, "KEEPTTL"});
  reply.bulk(sum);
}

}  // namespace larder::server
