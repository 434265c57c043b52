// Keys of whatever type: deleting, asking, walking through all of them.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "server/commands/collection_scan.h"
#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/commands/values.h"
#include "server/key_walk.h"
#include "server/session.h"
#include "server/text/ascii.h"
#include "server/text/glob.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

void del(KeyContext& context, Arguments, Reply& reply) {
  std::vector<std::string_view> effect;
  int64_t deleted = 0;
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (!entry) continue;
    context.erase(key, entry);
    context.wrote(key, EventClass::generic, "del");
    if (context.listening()) effect.push_back(key.text);
    ++deleted;
  }
  if (!effect.empty()) {
    effect.insert(effect.begin(), "DEL");
    context.effect(effect);
  }
  reply.integer(deleted);
}

void exists(KeyContext& context, Arguments, Reply& reply) {
  int64_t count = 0;
  for (const Key& key : context.keys()) count += context.look_up_untouched(key) ? 1 : 0;
  reply.integer(count);
}

void type(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up_untouched(context.key());
  reply.simple(entry ? name_of(entry.type()) : "none");
}

// ---- walking ------------------------------------------------------------------------------------

bool matches(std::string_view pattern, std::string_view key, text::GlobBudget& budget) {
  return text::glob_match(pattern, key, text::GlobCase::exact, budget);
}

// A cursor is a shard and a position in that shard's hash order; below 2^53, so that languages
// whose numbers are doubles can hold it. 0 is both the beginning and the end.
constexpr unsigned kPositionBits = 45;
static_assert(kPositionBits + storage::kShardBits <= 53);

struct Cursor {
  uint64_t shard;
  uint64_t position;

  static Cursor from(uint64_t value) {
    return {value >> kPositionBits, value & ((uint64_t{1} << kPositionBits) - 1)};
  }
  uint64_t value() const {
    return shard >= storage::kShardCount ? 0 : shard << kPositionBits | position;
  }
};

struct ScanOptions {
  std::string_view match;
  bool matches_all = true;
  std::optional<std::string_view> type;  // of any type without it
  int64_t count = 10;
};

bool read_scan_options(Arguments arguments, ScanOptions& options, Reply& reply) {
  for (size_t i = 2; i < arguments.size(); i += 2) {
    const std::string_view word = arguments[i];
    if (i + 1 >= arguments.size()) {
      reply.error(kSyntaxError);
      return false;
    }
    const std::string_view value = arguments[i + 1];
    if (equals_ignoring_case(word, "count")) {
      const std::optional<int64_t> count = read_integer(value, reply);
      if (!count) return false;
      options.count = *count;
    } else if (equals_ignoring_case(word, "match")) {
      options.match = value;
      options.matches_all = text::glob_matches_all(value);
    } else if (equals_ignoring_case(word, "type")) {
      options.type = value;
    } else {
      options.count = 0;
    }
    if (options.count < 1) {
      reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

void scan(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> start = read_cursor(arguments[1], reply);
  if (!start) return;
  ScanOptions options;
  if (!read_scan_options(arguments, options, reply)) return;

  std::vector<std::string_view> found;
  text::GlobBudget budget;
  int64_t visited = 0;
  Cursor cursor = Cursor::from(*start);
  const uint64_t first = cursor.shard;
  while (cursor.shard < storage::kShardCount && visited < options.count && !budget.is_spent()) {
    const auto index = static_cast<unsigned>(cursor.shard);
    if (!context.try_lock_also(index)) {
      // What was found so far is an answer; with nothing to show for it, try again later.
      if (cursor.shard == first) return context.park();
      break;
    }
    storage::Shard& shard = context.shard(index);
    cursor.position = shard.scan(context.database(), cursor.position, [&](const Entry& entry) {
      ++visited;
      if (context.is_due(entry)) return;
      const std::string_view key = entry.key();
      if (!options.matches_all && !matches(options.match, key, budget)) return;
      if (options.type && !equals_ignoring_case(*options.type, name_of(entry.type()))) {
        return;
      }
      found.push_back(key);
    });
    if (cursor.position == 0) ++cursor.shard;
  }
  if (budget.is_spent()) return reply.error(text::kGlobTooDear);
  reply.array(2);
  reply_cursor(cursor.value(), reply);
  reply.array(found.size());
  for (std::string_view key : found) reply.bulk(key);
}

// So many keys at a time: about a tenth of a millisecond in which others wait.
constexpr size_t kKeysAtOnce = 1024;

// In parts, but for transactions and scripts, where nothing may happen in between.
void keys(KeyContext& context, Session& session, Arguments arguments, Reply& reply) {
  std::unique_ptr<KeyWalk> walk = std::move(session.key_walk);
  if (walk == nullptr) walk = std::make_unique<KeyWalk>();
  const bool ended =
      walk->go_on(context, arguments[1], context.may_wait() ? kKeysAtOnce : SIZE_MAX);
  if (walk->is_too_dear()) return reply.error(text::kGlobTooDear);
  // What is more than the client may be sent need not be found.
  if (ended || reply.buffer().is_beyond_limit(walk->bytes())) return walk->answer(reply);
  session.key_walk = std::move(walk);
  context.park();
}

// Any key that is not past its deadline; used when picking at random keeps hitting due ones.
std::string_view first_live_key(KeyContext& context) {
  std::string_view live;
  for (unsigned index = 0; index < storage::kShardCount && live.empty(); ++index) {
    context.shard(index).for_each(context.database(), [&](const Entry& entry) {
      if (live.data() == nullptr && !context.is_due(entry)) live = entry.key();
    });
  }
  return live;
}

void randomkey(KeyContext& context, Arguments, Reply& reply) {
  constexpr int kTries = 100;
  size_t total = 0;
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    total += context.shard(i).size(context.database());
  }
  for (int tries = 0; tries < kTries && total > 0; ++tries) {
    size_t pick = context.random() % total;
    unsigned index = 0;
    while (pick >= context.shard(index).size(context.database())) {
      pick -= context.shard(index++).size(context.database());
    }
    const Entry entry = context.shard(index).random(context.database(), context.random());
    if (entry && !context.is_due(entry)) return reply.bulk(entry.key());
  }
  const std::string_view live = total > 0 ? first_live_key(context) : std::string_view();
  if (live.data() == nullptr) return reply.null();
  reply.bulk(live);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "del",
     .arity = -2,
     .flags = kWrite,
     .categories = kKeyspaceCategory,
     .keys = {1, -1, 1, kKeyRemove | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = del,
     .docs = {.summary = "Deletes keys.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...]",
              .tips = "request_policy:multi_shard response_policy:agg_sum"}},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, -1, 1, kKeyRemove | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = del,
     .docs = {.summary = "Deletes keys; what they held is freed later.",
              .since = "4.0.0",
              .group = "generic",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...]",
              .tips = "request_policy:multi_shard response_policy:agg_sum"}},
    {.name = "exists",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, -1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = exists,
     .docs = {.summary = "Counts which of the keys exist, each as often as it is named.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...]",
              .history = "3.0.3: Takes several keys.",
              .tips = "request_policy:multi_shard response_policy:agg_sum"}},
    {.name = "touch",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, -1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = exists,
     .docs = {.summary = "Marks keys as used just now, and counts those that exist.",
              .since = "3.2.1",
              .group = "generic",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...]",
              .tips = "request_policy:multi_shard response_policy:agg_sum"}},
    {.name = "type",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, 1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = type,
     .docs = {.summary = "Answers what kind of value a key holds.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "scan",
     .arity = -2,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = {},
     .locks = LockPlan::cursor,
     .handler = scan,
     .docs = {.summary = "Walks through the keys of the database, some at a time.",
              .since = "2.8.0",
              .group = "generic",
              .complexity = "O(1) for every call, O(N) for a whole walk through N keys",
              .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
              .history = "6.0.0: Takes `TYPE`.",
              .tips = "nondeterministic_output request_policy:special"}},
    {.name = "keys",
     .arity = 2,
     .flags = kReadonly,
     .categories = kKeyspaceCategory | kDangerousCategory,
     .keys = {},
     .locks = LockPlan::cursor,
     .handler = keys,
     .docs = {.summary = "Answers all keys that match a pattern, while others go on.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(N) where N is the number of keys in the database",
              .syntax = "pattern",
              .tips = "request_policy:all_shards nondeterministic_output_order"}},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = {},
     .locks = LockPlan::all_shards,
     .handler = randomkey,
     .docs = {.summary = "Answers some key of the database.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "",
              .tips = "request_policy:all_shards nondeterministic_output"}},
});

}  // namespace

CommandFamily key_commands() {
  static const std::vector<CommandRow> rows = joined({kRows, move_commands(), object_commands()});
  return rows;
}

}  // namespace larder::server
