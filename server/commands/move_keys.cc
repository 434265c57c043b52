// RENAME, RENAMENX, COPY, MOVE: a value goes to another key or database, with its deadline.
// SWAPDB: two databases change places.
//
// A key has the same hash in every database, so the other database's part lies in shards that the
// command holds anyway.
#include <optional>

#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

constexpr std::string_view kSameObject = "ERR source and destination objects are the same";

// Gives `to` the deadline that `from` has, and its value: shared with it if it is large.
// REQUIRES: `from` exists.
void copy_value(KeyContext& from_context, const Key& from, KeyContext& to_context, const Key& to) {
  // First, because it may remove an entry and with that end the life of handles.
  const Entry old = to_context.find(to);
  const Entry entry = from_context.find(from);
  const int64_t deadline_ms = entry.deadline_ms();
  if (old) to_context.note_new(to);
  if (entry.is_object()) {
    to_context.set_object(to, old, entry.object().copy(), deadline_ms);
    return;
  }
  to_context.set(to, old, storage::HeldValue(entry), deadline_ms);
}

void move_value(KeyContext& from_context, const Key& from, KeyContext& to_context, const Key& to) {
  to_context.find(to);  // as above
  const Entry entry = from_context.find(from);
  if (entry.is_object()) {
    const int64_t deadline_ms = entry.deadline_ms();
    storage::Object* object = from_context.extract(from, entry);
    const Entry old = to_context.find(to);
    if (old) to_context.note_new(to);
    to_context.set_object(to, old, object, deadline_ms);
    return;
  }
  copy_value(from_context, from, to_context, to);
  from_context.erase(from, from_context.find(from));
}

// ---- RENAME, RENAMENX ---------------------------------------------------------------------------

enum class IfTaken : uint8_t { replace, keep };

void rename_to(KeyContext& context, IfTaken if_taken, Reply& reply) {
  const Key& from = context.keys()[0];
  const Key& to = context.keys()[1];
  const bool answers_count = if_taken == IfTaken::keep;
  if (!context.find(from)) return reply.error("ERR no such key");
  if (from.text == to.text) return answers_count ? reply.integer(0) : reply.ok();
  if (if_taken == IfTaken::keep && context.find(to)) return reply.integer(0);
  move_value(context, from, context, to);
  context.wrote(from, EventClass::generic, "rename_from");
  context.wrote(to, EventClass::generic, "rename_to");
  context.effect_as_received();
  if (answers_count) return reply.integer(1);
  reply.ok();
}

void rename(KeyContext& context, Arguments, Reply& reply) {
  rename_to(context, IfTaken::replace, reply);
}

void renamenx(KeyContext& context, Arguments, Reply& reply) {
  rename_to(context, IfTaken::keep, reply);
}

// ---- COPY ---------------------------------------------------------------------------------------

struct CopyOptions {
  unsigned database;
  bool replace = false;
};

// Answers the error and returns nothing if there is one.
std::optional<CopyOptions> read_copy_options(KeyContext& context, Arguments arguments,
                                             Reply& reply) {
  CopyOptions options{.database = context.database()};
  for (size_t i = 3; i < arguments.size(); ++i) {
    if (equals_ignoring_case(arguments[i], "replace")) {
      options.replace = true;
    } else if (equals_ignoring_case(arguments[i], "db") && i + 1 < arguments.size()) {
      const std::optional<unsigned> database =
          read_database(arguments[++i], context.environment().databases, reply);
      if (!database) return std::nullopt;
      options.database = *database;
    } else {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

void copy(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<CopyOptions> options = read_copy_options(context, arguments, reply);
  if (!options) return;
  const Key& from = context.keys()[0];
  const Key& to = context.keys()[1];
  if (options->database == context.database() && from.text == to.text) {
    return reply.error(kSameObject);
  }
  if (!context.look_up(from)) return reply.integer(0);
  KeyContext there = context.in_database(options->database);
  if (!options->replace && there.find(to)) return reply.integer(0);
  copy_value(context, from, there, to);
  there.wrote(to, EventClass::generic, "copy_to");
  context.effect_as_received();
  reply.integer(1);
}

// ---- MOVE ---------------------------------------------------------------------------------------

void move(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<unsigned> database =
      read_database(arguments[2], context.environment().databases, reply);
  if (!database) return;
  if (*database == context.database()) return reply.error(kSameObject);
  const Key& key = context.key();
  KeyContext there = context.in_database(*database);
  if (!context.find(key) || there.find(key)) return reply.integer(0);
  move_value(context, key, there, key);
  context.wrote(key, EventClass::generic, "move_from");
  there.wrote(key, EventClass::generic, "move_to");
  context.effect_as_received();
  reply.integer(1);
}

// ---- SWAPDB -------------------------------------------------------------------------------------

// A watched key changes if it exists in either database. Looking removes what is past its deadline,
// so that a key which only seemed to be there is no change.
void swap_in_shard(KeyContext& context, unsigned shard, unsigned one, unsigned other) {
  const storage::KeyHasher& hasher = context.environment().keyspace->hasher();
  const auto exists = [&](std::string_view text) {
    const Key key{text, hasher(text)};
    const bool in_one = static_cast<bool>(context.find_in(one, key));
    return static_cast<bool>(context.find_in(other, key)) || in_one;
  };
  context.slot(shard).watches.touch_existing(one, exists);
  context.slot(shard).watches.touch_existing(other, exists);
  context.shard(shard).swap_databases(one, other);
  context.swapped(shard, one, other);
}

void swapdb(KeyContext& context, Arguments arguments, Reply& reply) {
  int64_t indexes[2];
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const std::optional<int64_t> index = protocol::parse_int64(arguments[1 + i]);
    if (!index || *index < INT32_MIN || *index > INT32_MAX) {
      return reply.error(i == 0 ? "ERR invalid first DB index" : "ERR invalid second DB index");
    }
    indexes[i] = *index;
  }
  for (const int64_t index : indexes) {
    if (index < 0 || index >= context.environment().databases) return reply.error(kNoDatabase);
  }
  const auto one = static_cast<unsigned>(indexes[0]);
  const auto other = static_cast<unsigned>(indexes[1]);
  if (one != other) {
    for (unsigned i = 0; i < storage::kShardCount; ++i) swap_in_shard(context, i, one, other);
    context.flushed();
    context.effect_as_received();
  }
  reply.ok();
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .categories = kKeyspaceCategory,
     .keys = {1, 2, 1, kKeyReadWrite | kKeyAccess | kKeyDelete, kKeyOverwrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = rename,
     .docs = {.summary = "Gives a key another name, whoever has that name now.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key newkey"}},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, 2, 1, kKeyReadWrite | kKeyAccess | kKeyDelete, kKeyOverwrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = renamenx,
     .docs = {.summary = "Gives a key another name unless that name is taken.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key newkey",
              .history = "3.2.0: Both names may be the same, which answers 0."}},
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kKeyspaceCategory,
     .keys = {1, 2, 1, kKeyReadOnly | kKeyAccess, kKeyOverwrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = copy,
     .docs = {.summary = "Gives another key the same value and time to live.",
              .since = "6.2.0",
              .group = "generic",
              .complexity = "O(1), with collections O(N) where N is the number of elements",
              .syntax = "source destination [DB destination-db] [REPLACE]"}},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kKeyspaceCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = move,
     .docs = {.summary = "Takes a key to another database unless its name is taken there.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = "O(1)",
              .syntax = "key db"}},
    {.name = "swapdb",
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kKeyspaceCategory | kDangerousCategory,
     .keys = {},
     .locks = LockPlan::all_shards,
     .handler = swapdb,
     .docs = {.summary = "Lets two databases change places.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "O(N) where N is the number of watched keys",
              .syntax = "index1 index2"}},
});

}  // namespace

CommandFamily move_commands() {
  return kRows;
}

}  // namespace larder::server
