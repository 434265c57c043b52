// OBJECT: how the value of a key is kept.
//
// Told in Redis's words, as far as there is something they can mean here.
#include <cmath>

#include "server/commands/parts.h"
#include "server/commands/values.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::EvictionPolicy;

void encoding(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up_silently(context.key());
  if (!entry) return reply.null();
  reply.bulk(encoding_of(entry));
}

// Keys may share the bytes of a large value, but none of them ever notices.
void refcount(KeyContext& context, Arguments, Reply& reply) {
  if (!context.look_up_silently(context.key())) return reply.null();
  reply.integer(1);
}

// The text goes on as Redis's does.
constexpr std::string_view kNotLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.";
constexpr std::string_view kLfu =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";
constexpr std::string_view kNotLru =
    "ERR An LRU maxmemory policy is not selected, idle time not tracked.";

void freq(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up_silently(context.key());
  if (!entry) return reply.null();
  if (context.policy().policy != EvictionPolicy::lfu) return reply.error(kNotLfu);
  reply.integer(std::llround(context.frequency(context.key(), entry)));
}

void idletime(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up_silently(context.key());
  if (!entry) return reply.null();
  const PolicyInForce policy = context.policy();
  if (policy.policy == EvictionPolicy::lfu) return reply.error(kLfu);
  // `auto` notes times only while LRU does better.
  if (policy.policy != EvictionPolicy::lru || policy.is_automatic) return reply.error(kNotLru);
  reply.integer(context.idle_s(context.key(), entry));
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>",
      "    How the key's value is kept.",
      "FREQ <key>",
      "    How often the key was used, under an LFU policy; older uses count less.",
      "IDLETIME <key>",
      "    Seconds since the key was last used, under an LRU policy.",
      "REFCOUNT <key>",
      "    How many keys share the value: always 1.",
  };
  write_help("object", kLines, reply);
}

constexpr KeyPositions kTheKey{2, 2, 1, kKeyReadOnly};
constexpr std::string_view kVaries = "nondeterministic_output";

constexpr auto kSubcommands = checked({
    {.name = "encoding",
     .arity = 3,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = kTheKey,
     .locks = LockPlan::keys,
     .handler = encoding,
     .docs = {.summary = "Names the form in which a key's value is kept.",
              .since = "2.2.3",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key",
              .tips = kVaries}},
    {.name = "freq",
     .arity = 3,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = kTheKey,
     .locks = LockPlan::keys,
     .handler = freq,
     .docs = {.summary = "Tells how often a key was used, under an LFU policy.",
              .since = "4.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key",
              .tips = kVaries}},
    {.name = "idletime",
     .arity = 3,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = kTheKey,
     .locks = LockPlan::keys,
     .handler = idletime,
     .docs = {.summary = "Tells how long ago a key was last used, under an LRU policy.",
              .since = "2.2.3",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key",
              .tips = kVaries}},
    {.name = "refcount",
     .arity = 3,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = kTheKey,
     .locks = LockPlan::keys,
     .handler = refcount,
     .docs = {.summary = "Counts the keys that share a key's value.",
              .since = "2.2.3",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key",
              .tips = kVaries}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kKeyspaceCategory,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = help,
     .docs = {.summary = "Lists the subcommands of OBJECT.",
              .since = "6.2.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = ""}},
});

constexpr auto kRows = checked({
    {.name = "object",
     .arity = -2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = Handler(),
     .docs = {.summary = "About how values are kept.",
              .since = "2.2.3",
              .group = "generic",
              .complexity = "Depends on subcommand.",
              .syntax = ""},
     .subcommands = kSubcommands},
});

}  // namespace

CommandFamily object_commands() {
  return kRows;
}

}  // namespace larder::server
