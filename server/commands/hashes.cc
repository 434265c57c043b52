// Hashes: their fields and values. Reading more than single fields is in hash_walks.cc, deadlines
// of fields in field_lifetimes.cc.
#include <cmath>
#include <optional>
#include <string>

#include "server/commands/families.h"
#include "server/commands/hash_commands.h"
#include "server/commands/hash_encoding.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;

// The value of a field as a client knows it, apart from the hash; nothing if it is absent.
struct FieldText {
  std::string value;
  int64_t deadline_ms;
};
std::optional<FieldText> field_text(KeyContext& context, const Entry& entry,
                                    std::string_view name) {
  if (!entry) return std::nullopt;
  const std::optional<HashObject::Field> field = hash_of(entry).find(name, context.field_now_ms());
  if (!field) return std::nullopt;
  storage::NumberText scratch;
  return FieldText{std::string(field->value.bytes(scratch)), field->deadline_ms};
}

// Sets fields to values, given one after the other, creating the hash if there is none. Returns how
// many fields are new.
int64_t set_fields(KeyContext& context, const Key& key, const Entry& entry, Arguments pairs,
                   int64_t deadline_ms) {
  int64_t created = 0;
  const auto set = [&](HashObject& hash) {
    note_fields(hash, pairs, context.hash_limits());
    for (size_t i = 0; i < pairs.size(); i += 2) {
      if (!hash.find(pairs[i], context.field_now_ms())) ++created;
      hash.set(pairs[i], pairs[i + 1], deadline_ms, context.hasher());
    }
    note_field_count(hash, context.hash_limits());
  };
  if (entry) {
    context.edit<HashObject>(key, entry, set);
  } else {
    context.create<HashObject>(key, set);
  }
  return created;
}

// An absent field is about to be created. If one that is due is still in its place, that one is
// said to have gone. HSET, which overwrites whatever there is, does not say it, as in Redis.
void note_due(KeyContext& context, const Entry& entry, std::string_view name) {
  if (!entry || !hash_of(entry).has_deadlines() || !hash_of(entry).find(name)) return;
  context.count_expired_fields(1);
  context.wrote(context.key(), EventClass::hash, "hexpired");
}

// ---- setting ------------------------------------------------------------------------------------

// The number of new fields; nothing if an error was answered.
std::optional<int64_t> set_all(KeyContext& context, Arguments arguments, std::string_view error,
                               Reply& reply) {
  if (arguments.size() % 2 != 0) {
    reply.error(error);
    return std::nullopt;
  }
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_hash_or_absent(entry, reply)) return std::nullopt;
  const int64_t created = set_fields(context, key, entry, arguments.subspan(2), kNoDeadline);
  context.wrote(key, EventClass::hash, "hset");
  context.effect_as_received();
  return created;
}

void hset(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> created =
      set_all(context, arguments, "ERR wrong number of arguments for 'hset' command", reply);
  if (created) reply.integer(*created);
}

void hmset(KeyContext& context, Arguments arguments, Reply& reply) {
  if (set_all(context, arguments, "ERR wrong number of arguments for 'hmset' command", reply)) {
    reply.ok();
  }
}

void hsetnx(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_hash_or_absent(entry, reply)) return;
  if (entry && hash_of(entry).find(arguments[2], context.field_now_ms())) return reply.integer(0);
  note_due(context, entry, arguments[2]);
  set_fields(context, key, entry, arguments.subspan(2), kNoDeadline);
  context.wrote(key, EventClass::hash, "hset");
  if (context.listening()) context.effect({"HSET", key.text, arguments[2], arguments[3]});
  reply.integer(1);
}

void hdel(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) return reply.integer(0);
  int64_t removed = 0;
  int64_t expired = 0;  // were due, so that only followers know them still
  const bool is_left = context.edit<HashObject>(key, entry, [&](HashObject& hash) {
    for (const std::string_view name : arguments.subspan(2)) {
      const bool is_live = hash.find(name, context.field_now_ms()).has_value();
      if (hash.remove(name)) ++(is_live ? removed : expired);
    }
  });
  reply.integer(removed);
  if (removed == 0 && expired == 0) return;
  context.count_expired_fields(static_cast<uint64_t>(expired));
  if (expired > 0) context.wrote(key, EventClass::hash, "hexpired");
  if (removed > 0) context.wrote(key, EventClass::hash, "hdel");
  if (!is_left) context.wrote(key, EventClass::generic, "del");
  context.effect_as_received();
}

// ---- counting -----------------------------------------------------------------------------------

// Gives the field another value; it keeps its deadline. Followers are told the result.
void store_sum(KeyContext& context, const Entry& entry, std::string_view name, std::string_view sum,
               const std::optional<FieldText>& field, std::string_view event) {
  const Key& key = context.key();
  const std::string_view pair[] = {name, sum};
  const int64_t deadline_ms = field ? field->deadline_ms : kNoDeadline;
  if (!field) note_due(context, entry, name);
  set_fields(context, key, entry, pair, deadline_ms);
  context.wrote(key, EventClass::hash, event);
  if (!context.listening()) return;
  context.effect({"HSET", key.text, name, sum});
  if (deadline_ms == kNoDeadline) return;
  context.effect({"HPEXPIREAT", key.text, IntegerText(deadline_ms), "FIELDS", "1", name});
}

void hincrby(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> amount = read_integer(arguments[3], reply);
  if (!amount) return;
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<FieldText> field = field_text(context, entry, arguments[2]);
  const std::optional<int64_t> value = field ? protocol::parse_int64(field->value) : 0;
  if (!value) return reply.error("ERR hash value is not an integer");
  int64_t sum;
  if (__builtin_add_overflow(*value, *amount, &sum)) {
    return reply.error("ERR increment or decrement would overflow");
  }
  store_sum(context, entry, arguments[2], IntegerText(sum), field, "hincrby");
  reply.integer(sum);
}

void hincrbyfloat(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<long double> amount = protocol::parse_long_double(arguments[3]);
  if (!amount) return reply.error("ERR value is not a valid float");
  if (!std::isfinite(*amount)) return reply.error("ERR value is NaN or Infinity");
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<FieldText> field = field_text(context, entry, arguments[2]);
  const std::optional<long double> value = field ? protocol::parse_long_double(field->value) : 0.0L;
  if (!value) return reply.error("ERR hash value is not a float");
  const long double sum = *value + *amount;
  if (!std::isfinite(sum)) return reply.error("ERR increment would produce NaN or Infinity");
  char text[protocol::kMaxLongDoubleChars];
  const std::string_view written(
      text, static_cast<size_t>(protocol::write_long_double(sum, text) - text));
  store_sum(context, entry, arguments[2], written, field, "hincrbyfloat");
  reply.bulk(written);
}

// ---- single fields ------------------------------------------------------------------------------

void reply_value_of(KeyContext& context, const Entry& entry, std::string_view name, Reply& reply) {
  const std::optional<HashObject::Field> field =
      entry ? hash_of(entry).find(name, context.field_now_ms()) : std::nullopt;
  field ? reply_text(reply, field->value) : reply.null();
}

void hget(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  reply_value_of(context, entry, arguments[2], reply);
}

void hmget(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const Arguments names = arguments.subspan(2);
  reply.array(names.size());
  for (const std::string_view name : names) reply_value_of(context, entry, name, reply);
}

void hexists(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  reply.integer(entry && hash_of(entry).find(arguments[2], context.field_now_ms()) ? 1 : 0);
}

void hstrlen(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<HashObject::Field> field =
      entry ? hash_of(entry).find(arguments[2], context.field_now_ms()) : std::nullopt;
  storage::NumberText scratch;
  reply.integer(field ? static_cast<int64_t>(field->value.bytes(scratch).size()) : 0);
}

void hlen(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const size_t fields = entry ? hash_of(entry).live_count(context.field_now_ms()) : 0;
  reply.integer(static_cast<int64_t>(fields));
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kAskKey{1, 1, 1, kKeyReadOnly};
constexpr KeyPositions kUpdateKey{1, 1, 1, kKeyReadWrite | kKeyUpdate};
constexpr KeyPositions kCountInKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate};

constexpr auto kRows = checked({
    {.name = "hset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = kUpdateKey,
     .locks = LockPlan::keys,
     .handler = hset,
     .docs = {.summary = "Sets fields of a hash to values, creating it if absent. Deadlines that "
                         "they had are gone.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields set",
              .syntax = "key field value [field value ...]",
              .history = "4.0.0: Takes several fields with values."}},
    {.name = "hmset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = kUpdateKey,
     .locks = LockPlan::keys,
     .handler = hmset,
     .docs = {.summary = "Sets fields of a hash to values, creating it if absent.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields set",
              .syntax = "key field value [field value ...]",
              .deprecated_since = "4.0.0",
              .replaced_by = "`HSET` with multiple field-value pairs"}},
    {.name = "hsetnx",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = hsetnx,
     .docs = {.summary = "Sets a field of a hash to a value if the field is absent.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field value"}},
    {.name = "hdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kHashCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = hdel,
     .docs = {.summary = "Removes fields of a hash, and the key with the last of them.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields removed",
              .syntax = "key field [field ...]",
              .history = "2.4.0: Takes several fields."}},
    {.name = "hincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = kCountInKey,
     .locks = LockPlan::keys,
     .handler = hincrby,
     .docs = {.summary = "Adds to the integer in a field of a hash; an absent one counts as 0.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field increment"}},
    {.name = "hincrbyfloat",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = kCountInKey,
     .locks = LockPlan::keys,
     .handler = hincrbyfloat,
     .docs = {.summary = "Adds to the number in a field of a hash; an absent one counts as 0.",
              .since = "2.6.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field increment"}},
    {.name = "hget",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hget,
     .docs = {.summary = "Answers the value of a field of a hash.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field"}},
    {.name = "hmget",
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hmget,
     .docs = {.summary = "Answers the values of several fields of a hash.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields asked for",
              .syntax = "key field [field ...]"}},
    {.name = "hexists",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHashCategory,
     .keys = kAskKey,
     .locks = LockPlan::keys,
     .handler = hexists,
     .docs = {.summary = "Answers whether a hash has a field.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field"}},
    {.name = "hstrlen",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHashCategory,
     .keys = kAskKey,
     .locks = LockPlan::keys,
     .handler = hstrlen,
     .docs = {.summary = "Answers the length of the value of a field of a hash.",
              .since = "3.2.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key field"}},
    {.name = "hlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kHashCategory,
     .keys = kAskKey,
     .locks = LockPlan::keys,
     .handler = hlen,
     .docs = {.summary = "Answers the number of fields of a hash.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(1)",
              .syntax = "key"}},
});

}  // namespace

CommandFamily hash_commands() {
  return kRows;
}

}  // namespace larder::server
