// BZPOPMIN BZPOPMAX BZMPOP: what pops members of sorted sets, and waits for one where there is none
// (server/waiter.h).
#include <optional>

#include "server/commands/families.h"
#include "server/commands/sorted_set_pops.h"
#include "server/commands/waiting.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

bool holds_sorted_set(KeyContext& context, const Key& ready, Arguments) {
  const Entry entry = context.find(ready);
  return entry && entry.type() == storage::Type::sorted_set;
}

// ---- BZPOPMIN, BZPOPMAX -------------------------------------------------------------------------

void pop_named(KeyContext& context, const Key& key, End end, Reply& reply) {
  reply.array(3);
  reply.bulk(key.text);
  pop_extreme(context, key, context.find(key), end, reply);
}

void pop_or_wait(KeyContext& context, Arguments arguments, End end, Reply& reply) {
  const std::optional<int64_t> timeout_ms = read_timeout_ms(arguments.back(), reply);
  if (!timeout_ms) return;
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (!is_sorted_set_or_absent(entry, reply)) return;
    if (entry) return pop_named(context, key, end, reply);
  }
  wait_for_any(context, *timeout_ms, reply);
}

void bzpopmin(KeyContext& context, Arguments arguments, Reply& reply) {
  pop_or_wait(context, arguments, End::front, reply);
}
void bzpopmax(KeyContext& context, Arguments arguments, Reply& reply) {
  pop_or_wait(context, arguments, End::back, reply);
}
void serve_bzpopmin(KeyContext& context, const Key& ready, Arguments, Reply& reply) {
  pop_named(context, ready, End::front, reply);
}
void serve_bzpopmax(KeyContext& context, const Key& ready, Arguments, Reply& reply) {
  pop_named(context, ready, End::back, reply);
}

// ---- BZMPOP -------------------------------------------------------------------------------------

void bzmpop(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(2), find_extreme, reply);
  if (!wish) return;
  const std::optional<int64_t> timeout_ms = read_timeout_ms(arguments[1], reply);
  if (!timeout_ms) return;
  if (pop_extremes_of_first(context, *wish, reply)) return;
  wait_for_any(context, *timeout_ms, reply);
}

void serve_bzmpop(KeyContext& context, const Key& ready, Arguments arguments, Reply& reply) {
  // The words were right when it began to wait.
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(2), find_extreme, reply);
  if (wish) pop_named_extremes(context, ready, context.find(ready), *wish, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr std::string_view kTimeoutHistory = "6.0.0: The timeout may have decimals.";
constexpr std::string_view kCost = "O(log(N)) where N is the number of members";

constexpr auto kRows = checked({
    {.name = "bzpopmin",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .categories = kSortedSetCategory,
     .keys = {1, -2, 1, kKeyOfPop},
     .locks = LockPlan::keys,
     .handler = bzpopmin,
     .docs = {.summary = "Takes the lowest member of the first sorted set that has one, or waits.",
              .since = "5.0.0",
              .group = "sorted-set",
              .complexity = kCost,
              .syntax = "key [key ...] timeout",
              .history = kTimeoutHistory},
     .serving = {holds_sorted_set, serve_bzpopmin}},
    {.name = "bzpopmax",
     .arity = -3,
     .flags = kWrite | kNoScript | kFast | kBlocking,
     .categories = kSortedSetCategory,
     .keys = {1, -2, 1, kKeyOfPop},
     .locks = LockPlan::keys,
     .handler = bzpopmax,
     .docs = {.summary = "Takes the highest member of the first sorted set that has one, or waits.",
              .since = "5.0.0",
              .group = "sorted-set",
              .complexity = kCost,
              .syntax = "key [key ...] timeout",
              .history = kTimeoutHistory},
     .serving = {holds_sorted_set, serve_bzpopmax}},
    {.name = "bzmpop",
     .arity = -5,
     .flags = kWrite | kMovableKeys | kBlocking,
     .categories = kSortedSetCategory,
     .keys = {.first = 3, .last = -1, .step = 1, .flags = kKeyOfPop, .count_at = 2},
     .locks = LockPlan::keys,
     .handler = bzmpop,
     .docs = {.summary = "Takes members of the first sorted set that has any, or waits for some.",
              .since = "7.0.0",
              .group = "sorted-set",
              .complexity = "O(K)+O(M*log(N)) where K is the number of keys, N of members and M of "
                            "those answered",
              .syntax = "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]"},
     .serving = {holds_sorted_set, serve_bzmpop}},
});

}  // namespace

CommandFamily blocking_sorted_set_commands() {
  return kRows;
}

}  // namespace larder::server
