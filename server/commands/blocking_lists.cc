// BLPOP BRPOP BLMPOP BLMOVE BRPOPLPUSH: what pops and moves elements of lists, and waits for one
// where there is none (server/waiter.h).
#include <optional>

#include "server/commands/families.h"
#include "server/commands/list_ends.h"
#include "server/commands/waiting.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

bool holds_list(KeyContext& context, const Key& ready, Arguments) {
  const Entry entry = context.find(ready);
  return entry && entry.type() == storage::Type::list;
}

// ---- BLPOP, BRPOP -------------------------------------------------------------------------------

void pop_named(KeyContext& context, const Key& key, End end, Reply& reply) {
  reply.array(2);
  reply.bulk(key.text);
  pop_element(context, key, context.find(key), end, reply);
}

void pop_or_wait(KeyContext& context, Arguments arguments, End end, Reply& reply) {
  const std::optional<int64_t> timeout_ms = read_timeout_ms(arguments.back(), reply);
  if (!timeout_ms) return;
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (!is_list_or_absent(entry, reply)) return;
    if (entry) return pop_named(context, key, end, reply);
  }
  wait_for_any(context, *timeout_ms, reply);
}

void blpop(KeyContext& context, Arguments arguments, Reply& reply) {
  pop_or_wait(context, arguments, End::front, reply);
}
void brpop(KeyContext& context, Arguments arguments, Reply& reply) {
  pop_or_wait(context, arguments, End::back, reply);
}
void serve_blpop(KeyContext& context, const Key& ready, Arguments, Reply& reply) {
  pop_named(context, ready, End::front, reply);
}
void serve_brpop(KeyContext& context, const Key& ready, Arguments, Reply& reply) {
  pop_named(context, ready, End::back, reply);
}

// ---- BLMPOP -------------------------------------------------------------------------------------

void blmpop(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(2), find_end, reply);
  if (!wish) return;
  const std::optional<int64_t> timeout_ms = read_timeout_ms(arguments[1], reply);
  if (!timeout_ms) return;
  if (pop_from_first(context, *wish, reply)) return;
  wait_for_any(context, *timeout_ms, reply);
}

void serve_blmpop(KeyContext& context, const Key& ready, Arguments arguments, Reply& reply) {
  // The words were right when it began to wait.
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(2), find_end, reply);
  if (wish) pop_named_elements(context, ready, context.find(ready), *wish, reply);
}

// ---- BLMOVE, BRPOPLPUSH -------------------------------------------------------------------------

struct Ends {
  End from;
  End to;
};

std::string_view word_of(End end) {
  return end == End::front ? "LEFT" : "RIGHT";
}

// REQUIRES: the source holds a list.
void move_now(KeyContext& context, Ends ends, bool is_rpoplpush, Reply& reply) {
  const Key& source = context.keys()[0];
  const Key& destination = context.keys()[1];
  if (!is_list_or_absent(context.find(destination), reply)) return;
  move_element(context, source, ends.from, destination, ends.to, reply);
  if (!context.listening()) return;
  if (is_rpoplpush) return context.effect({"RPOPLPUSH", source.text, destination.text});
  context.effect({"LMOVE", source.text, destination.text, word_of(ends.from), word_of(ends.to)});
}

void move_or_wait(KeyContext& context, Ends ends, std::string_view timeout, bool is_rpoplpush,
                  Reply& reply) {
  const std::optional<int64_t> timeout_ms = read_timeout_ms(timeout, reply);
  if (!timeout_ms) return;
  // The second look may remove what is past its deadline, after which the first would not hold.
  context.find(context.keys()[1]);
  const Entry entry = context.find(context.keys()[0]);
  if (!is_list_or_absent(entry, reply)) return;
  if (entry) return move_now(context, ends, is_rpoplpush, reply);
  if (!context.may_wait()) return reply.null();
  context.wait({.awaited = 1, .timeout_ms = *timeout_ms});
}

std::optional<Ends> read_ends(Arguments arguments, Reply& reply) {
  const std::optional<End> from = read_end(arguments[3], reply);
  if (!from) return std::nullopt;
  const std::optional<End> to = read_end(arguments[4], reply);
  if (!to) return std::nullopt;
  return Ends{*from, *to};
}

constexpr Ends kRpoplpush{End::back, End::front};

void blmove(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<Ends> ends = read_ends(arguments, reply);
  if (ends) move_or_wait(context, *ends, arguments[5], /*is_rpoplpush=*/false, reply);
}
void brpoplpush(KeyContext& context, Arguments arguments, Reply& reply) {
  move_or_wait(context, kRpoplpush, arguments[3], /*is_rpoplpush=*/true, reply);
}
void serve_blmove(KeyContext& context, const Key&, Arguments arguments, Reply& reply) {
  const std::optional<Ends> ends = read_ends(arguments, reply);
  if (ends) move_now(context, *ends, /*is_rpoplpush=*/false, reply);
}
void serve_brpoplpush(KeyContext& context, const Key&, Arguments, Reply& reply) {
  move_now(context, kRpoplpush, /*is_rpoplpush=*/true, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr std::string_view kTimeoutHistory = "6.0.0: The timeout may have decimals.";

constexpr auto kRows = checked({
    {.name = "blpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .categories = kListCategory,
     .keys = {1, -2, 1, kKeyOfPop},
     .locks = LockPlan::keys,
     .handler = blpop,
     .docs = {.summary = "Takes the first element of the first list that has one, or waits.",
              .since = "2.0.0",
              .group = "list",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...] timeout",
              .history = kTimeoutHistory},
     .serving = {holds_list, serve_blpop}},
    {.name = "brpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .categories = kListCategory,
     .keys = {1, -2, 1, kKeyOfPop},
     .locks = LockPlan::keys,
     .handler = brpop,
     .docs = {.summary = "Takes the last element of the first list that has one, or waits.",
              .since = "2.0.0",
              .group = "list",
              .complexity = "O(N) where N is the number of keys",
              .syntax = "key [key ...] timeout",
              .history = kTimeoutHistory},
     .serving = {holds_list, serve_brpop}},
    {.name = "blmpop",
     .arity = -5,
     .flags = kWrite | kMovableKeys | kBlocking,
     .categories = kListCategory,
     .keys = {.first = 3, .last = -1, .step = 1, .flags = kKeyOfPop, .count_at = 2},
     .locks = LockPlan::keys,
     .handler = blmpop,
     .docs = {.summary = "Takes elements of the first list that has any, or waits for some.",
              .since = "7.0.0",
              .group = "list",
              .complexity = "O(N+M) where N is the number of keys and M of elements answered",
              .syntax = "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]"},
     .serving = {holds_list, serve_blmpop}},
    {.name = "blmove",
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .categories = kListCategory,
     .keys = kFromOneToOther,
     .locks = LockPlan::keys,
     .handler = blmove,
     .docs = {.summary = "Moves an element between the ends of two lists, or waits for one.",
              .since = "6.2.0",
              .group = "list",
              .complexity = "O(1)",
              .syntax = "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout"},
     .serving = {holds_list, serve_blmove}},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .categories = kListCategory,
     .keys = kFromOneToOther,
     .locks = LockPlan::keys,
     .handler = brpoplpush,
     .docs = {.summary = "Moves the last element of a list to the front of another, or waits.",
              .since = "2.2.0",
              .group = "list",
              .complexity = "O(1)",
              .syntax = "source destination timeout",
              .history = kTimeoutHistory,
              .deprecated_since = "6.2.0",
              .replaced_by = "`BLMOVE` with `RIGHT` and `LEFT`"},
     .serving = {holds_list, serve_brpoplpush}},
});

}  // namespace

CommandFamily blocking_list_commands() {
  return kRows;
}

}  // namespace larder::server
