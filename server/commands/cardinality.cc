// Counting different elements: PFADD, PFCOUNT, PFMERGE. What is in the values: hyperloglog.h.
#include <optional>
#include <string>
#include <string_view>

#include "protocol/reply.h"
#include "server/commands/families.h"
#include "server/commands/hyperloglog.h"
#include "server/commands/values.h"
#include "server/key_context.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::NumberText;

constexpr std::string_view kNotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupt = "INVALIDOBJ Corrupted HLL object detected";

// What an entry holds, if it is a HyperLogLog; answers the error and returns nothing if not.
std::optional<std::string_view> read_value(const Entry& entry, NumberText& scratch, Reply& reply) {
  if (!is_string_or_absent(entry, reply)) return std::nullopt;
  const std::string_view value = entry.text(scratch);
  if (hll::is_one(value)) return value;
  reply.error(kNotOne);
  return std::nullopt;
}

void store(KeyContext& context, Entry entry, std::string& value) {
  hll::outdate_estimate(value);
  const int64_t deadline = entry ? entry.deadline_ms() : storage::kNoDeadline;
  context.set(context.key(), entry, value, deadline);
  context.wrote(context.key(), EventClass::string, "pfadd");
  context.effect_as_received();
}

void pfadd(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  std::string value;
  bool changes = !entry;
  size_t next = 2;
  if (entry) {
    NumberText scratch;
    const std::optional<std::string_view> stored = read_value(entry, scratch, reply);
    if (!stored) return;
    // Most elements have been seen: nothing is copied for them.
    if (hll::is_dense(*stored)) {
      while (next < arguments.size() && !hll::would_raise(*stored, hll::observe(arguments[next]))) {
        ++next;
      }
      if (next == arguments.size()) return reply.integer(0);
    }
    value = *stored;
  } else {
    value = hll::empty();
  }
  for (; next < arguments.size(); ++next) {
    switch (hll::raise(value, hll::observe(arguments[next]), context.sparse_limit())) {
      case hll::Change::none:
        break;
      case hll::Change::made:
        changes = true;
        break;
      case hll::Change::corrupt:
        return reply.error(kCorrupt);
    }
  }
  if (changes) store(context, entry, value);
  reply.integer(changes ? 1 : 0);
}

// Merges the values of all keys that are there; false, and an error, if one is not what it should
// be. Says whether one of them is dense.
bool merge_all(KeyContext& context, hll::Registers& registers, bool& is_dense, Reply& reply) {
  for (const Key& key : context.keys()) {
    const Entry entry = context.look_up(key);
    if (!entry) continue;
    NumberText scratch;
    const std::optional<std::string_view> value = read_value(entry, scratch, reply);
    if (!value) return false;
    is_dense = is_dense || hll::is_dense(*value);
    if (hll::merge(*value, registers)) continue;
    reply.error(kCorrupt);
    return false;
  }
  return true;
}

void count_all(KeyContext& context, Reply& reply) {
  hll::Registers registers{};
  bool is_dense = false;
  if (!merge_all(context, registers, is_dense, reply)) return;
  reply.integer(static_cast<int64_t>(hll::estimate(registers)));
}

// The estimate is kept with the value, so whoever holds the value has changed it.
void pfcount(KeyContext& context, Arguments, Reply& reply) {
  if (context.keys().size() > 1) return count_all(context, reply);
  const Key& key = context.key();
  const Entry entry = context.look_up(key);
  if (!entry) return reply.integer(0);
  NumberText scratch;
  const std::optional<std::string_view> value = read_value(entry, scratch, reply);
  if (!value) return;
  if (const std::optional<uint64_t> kept = hll::kept_estimate(*value)) {
    return reply.integer(static_cast<int64_t>(*kept));
  }
  hll::Registers registers{};
  if (!hll::merge(*value, registers)) return reply.error(kCorrupt);
  const uint64_t estimate = hll::estimate(registers);
  const std::array<char, 8> bytes = hll::estimate_bytes(estimate);
  context.set_range(key, entry, hll::kEstimateOffset, {bytes.data(), bytes.size()});
  context.wrote_silently(key);
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(estimate));
}

void pfmerge(KeyContext& context, Arguments, Reply& reply) {
  hll::Registers registers{};
  bool is_dense = false;
  if (!merge_all(context, registers, is_dense, reply)) return;
  const Entry entry = context.find(context.key());
  NumberText scratch;
  std::string value = entry ? std::string(entry.text(scratch)) : hll::empty();
  if (is_dense && !hll::make_dense(value)) return reply.error(kCorrupt);
  for (unsigned i = 0; i < hll::kRegisterCount; ++i) {
    if (registers[i] != 0) hll::raise(value, {i, registers[i]}, context.sparse_limit());
  }
  store(context, entry, value);
  reply.simple("OK");
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHyperLogLogCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = pfadd,
     .docs = {.summary = "Counts elements as seen.",
              .since = "2.8.9",
              .group = "hyperloglog",
              .complexity = "O(1) to add every element",
              .syntax = "key [element [element ...]]"}},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = kHyperLogLogCategory,
     .keys = {1, -1, 1, kKeyReadWrite | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = pfcount,
     .docs = {.summary = "Answers about how many different elements were seen.",
              .since = "2.8.9",
              .group = "hyperloglog",
              .complexity = "O(1) for one key, O(N) for N of them, with a far larger constant",
              .syntax = "key [key ...]"}},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kHyperLogLogCategory,
     .keys = {.first = 1,
              .last = -1,
              .step = 1,
              .flags = kKeyReadWrite | kKeyAccess | kKeyInsert,
              .further_flags = kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = pfmerge,
     .docs = {.summary = "Counts in one key what was seen in any of several.",
              .since = "2.8.9",
              .group = "hyperloglog",
              .complexity = "O(N) to merge N keys, with a large constant",
              .syntax = "destkey [sourcekey [sourcekey ...]]"}},
});

}  // namespace

CommandFamily cardinality_commands() {
  return kRows;
}

}  // namespace larder::server
