// Hashes as a whole: all fields, some at random, some at each call.
#include <algorithm>
#include <limits>
#include <vector>

#include "server/commands/collection_scan.h"
#include "server/commands/families.h"
#include "server/commands/hash_commands.h"
#include "server/commands/random_sample.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Dialect;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// The fields of a hash that are not due at a time, as a collection of its own.
class LiveFields {
 public:
  LiveFields(const HashObject& hash, int64_t now_ms)
      : hash_(hash), now_ms_(now_ms), size_(hash.live_count(now_ms)) {}

  size_t size() const { return size_; }
  template <typename Visitor>
  bool visit(Visitor visitor) const {
    return hash_.visit(
        [&](const HashObject::Field& field) { return field.is_due(now_ms_) || visitor(field); });
  }
  template <typename Visitor>
  void for_each(Visitor visitor) const {
    visit([&](const HashObject::Field& field) {
      visitor(field);
      return true;
    });
  }
  // May find one that is due, instead of which another one is wanted.
  HashObject::Field random(uint64_t random) const { return hash_.random(random); }
  bool has(const HashObject::Field& field) const { return !field.is_due(now_ms_); }
  // Are most fields still to be had? Else looking for them at random would take long.
  bool are_most() const { return size_ > hash_.size() / 2; }
  static const char* address_of(const HashObject::Field& field) {
    return HashObject::address_of(field);
  }

 private:
  const HashObject& hash_;
  int64_t now_ms_;
  size_t size_;
};

void hgetall(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) return reply.map(0);
  const LiveFields fields(hash_of(entry), context.field_now_ms());
  reply.map(fields.size());
  fields.for_each([&](const HashObject::Field& field) {
    reply_text(reply, field.name);
    reply_text(reply, field.value);
  });
}

void hkeys(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) return reply.array(0);
  const LiveFields fields(hash_of(entry), context.field_now_ms());
  reply.array(fields.size());
  fields.for_each([&](const HashObject::Field& field) { reply_text(reply, field.name); });
}

void hvals(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) return reply.array(0);
  const LiveFields fields(hash_of(entry), context.field_now_ms());
  reply.array(fields.size());
  fields.for_each([&](const HashObject::Field& field) { reply_text(reply, field.value); });
}

void hscan(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> cursor = read_cursor(arguments[2], reply);
  if (!cursor) return;
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) {
    reply.array(2);
    reply_cursor(0, reply);
    return reply.array(0);
  }
  std::optional<CollectionScan> scan =
      read_collection_scan(arguments.subspan(3), /*knows_novalues=*/true, reply);
  if (!scan) return;
  std::vector<HashObject::Field> found;
  uint64_t position = *cursor;
  const auto matches = [&](const HashObject::Field& field) {
    storage::NumberText scratch;
    return !field.is_due(context.field_now_ms()) && scan->matches(field.name.bytes(scratch));
  };
  if (!scan_some(hash_of(entry), *scan, position, found, matches)) {
    return reply.error(text::kGlobTooDear);
  }
  reply.array(2);
  reply_cursor(position, reply);
  reply.array(found.size() * (scan->is_without_values ? 1 : 2));
  for (const HashObject::Field& field : found) {
    reply_text(reply, field.name);
    if (!scan->is_without_values) reply_text(reply, field.value);
  }
}

// ---- some fields --------------------------------------------------------------------------------

// A random one. REQUIRES: there are some.
HashObject::Field draw(const LiveFields& fields, KeyContext& context) {
  if (fields.are_most()) {
    for (;;) {
      const HashObject::Field field = fields.random(context.random());
      if (fields.has(field)) return field;
    }
  }
  size_t index = random_below(context.random(), fields.size());
  HashObject::Field drawn;
  fields.visit([&](const HashObject::Field& field) {
    drawn = field;
    return index-- > 0;
  });
  return drawn;
}

// The header of so many fields, and what is written for each.
class FieldReply {
 public:
  FieldReply(Reply& reply, bool with_values) : reply_(reply), with_values_(with_values) {}

  void begin(size_t count) {
    reply_.array(with_values_ && reply_.dialect() == Dialect::resp2 ? 2 * count : count);
  }
  void write(const HashObject::Field& field) {
    if (with_values_ && reply_.dialect() == Dialect::resp3) reply_.array(2);
    reply_text(reply_, field.name);
    if (with_values_) reply_text(reply_, field.value);
  }

 private:
  Reply& reply_;
  bool with_values_;
};

void reply_drawn(KeyContext& context, const LiveFields& fields, uint64_t count,
                 FieldReply& answer) {
  constexpr size_t kFew = 1000;
  std::vector<HashObject::Field> all;  // of few, where looking for one takes longer
  if (count > 1 && (fields.size() <= kFew || !fields.are_most())) {
    fields.for_each([&](const HashObject::Field& field) { all.push_back(field); });
  }
  answer.begin(count);
  for (; count > 0; --count) {
    answer.write(all.empty() ? draw(fields, context)
                             : all[random_below(context.random(), all.size())]);
  }
}

void reply_some(KeyContext& context, const LiveFields& fields, int64_t count, bool with_values,
                Reply& reply) {
  FieldReply answer(reply, with_values);
  if (count < 0) return reply_drawn(context, fields, static_cast<uint64_t>(-count), answer);
  const size_t answered = std::min(static_cast<uint64_t>(count), uint64_t{fields.size()});
  answer.begin(answered);
  sample_distinct(fields, answered, context,
                  [&](const HashObject::Field& field) { answer.write(field); });
}

void hrandfield(KeyContext& context, Arguments arguments, Reply& reply) {
  const bool has_count = arguments.size() > 2;
  std::optional<int64_t> count = 1;
  const bool with_values = arguments.size() == 4;
  if (has_count) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    count = read_integer(arguments[2], reply);
    if (!count) return;
    if (*count < -kMost) {
      return reply.error(
          "ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    }
    if (arguments.size() > 4 ||
        (with_values && !equals_ignoring_case(arguments[3], "withvalues"))) {
      return reply.error(kSyntaxError);
    }
    if (with_values && (*count < -kMost / 2 || *count > kMost / 2)) {
      return reply.error("ERR value is out of range");
    }
  }
  const Entry entry = context.look_up(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  if (!entry) return has_count ? reply.array(0) : reply.null();
  const LiveFields fields(hash_of(entry), context.field_now_ms());
  if (fields.size() == 0) return has_count ? reply.array(0) : reply.null();
  if (!has_count) return reply_text(reply, draw(fields, context).name);
  if (*count == 0) return reply.array(0);
  if (*count < -kMostDrawn) return reply.error("ERR value is out of range");
  reply_some(context, fields, *count, with_values, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};

constexpr auto kRows = checked({
    {.name = "hgetall",
     .arity = 2,
     .flags = kReadonly,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hgetall,
     .docs = {.summary = "Answers all fields of a hash with their values.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields",
              .syntax = "key",
              .tips = "nondeterministic_output_order"}},
    {.name = "hkeys",
     .arity = 2,
     .flags = kReadonly,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hkeys,
     .docs = {.summary = "Answers all fields of a hash.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields",
              .syntax = "key",
              .tips = "nondeterministic_output_order"}},
    {.name = "hvals",
     .arity = 2,
     .flags = kReadonly,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hvals,
     .docs = {.summary = "Answers the values of all fields of a hash.",
              .since = "2.0.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields",
              .syntax = "key",
              .tips = "nondeterministic_output_order"}},
    {.name = "hscan",
     .arity = -3,
     .flags = kReadonly,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hscan,
     .docs = {.summary = "Goes through the fields of a hash, some at each call.",
              .since = "2.8.0",
              .group = "hash",
              .complexity = "O(N) where N is COUNT; O(M) for a whole iteration over M fields",
              .syntax = "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
              .history = "7.4.0: Added `NOVALUES`.",
              .tips = "nondeterministic_output"}},
    {.name = "hrandfield",
     .arity = -2,
     .flags = kReadonly,
     .categories = kHashCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = hrandfield,
     .docs = {.summary = "Answers random fields of a hash: different ones, or, if the number is "
                         "negative, so many that each time may be any.",
              .since = "6.2.0",
              .group = "hash",
              .complexity = "O(N) where N is the number of fields answered, O(M) with M fields in "
                            "the hash if it is more than a third of them",
              .syntax = "key [count [WITHVALUES]]",
              .tips = "nondeterministic_output"}},
});

}  // namespace

CommandFamily hash_walk_commands() {
  return kRows;
}

}  // namespace larder::server
