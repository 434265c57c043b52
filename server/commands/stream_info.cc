// XINFO: what there is to know about a stream, its groups and their consumers.
//
//   XINFO STREAM key [FULL [COUNT count]]; XINFO GROUPS key; XINFO CONSUMERS key group
//
// Radix-tree-keys are Redis's name for nodes of packed entries, radix-tree-nodes for those of the
// tree that finds them.
#include <algorithm>
#include <optional>

#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/commands/stream_parts.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::stream::Consumer;
using storage::stream::Group;
using storage::stream::Pending;
using text::equals_ignoring_case;

void integer_field(Reply& reply, std::string_view name, uint64_t value) {
  reply.bulk(name);
  reply.integer(static_cast<int64_t>(value));
}
void id_field(Reply& reply, std::string_view name, StreamId id) {
  reply.bulk(name);
  reply_id(reply, id);
}
void entry_field(Reply& reply, std::string_view name, const Stream::Cursor& at) {
  reply.bulk(name);
  at ? reply_entry(reply, at) : reply.null();
}

// The stream of the command's key. Answers the error and returns null if there is none.
const Stream* find_stream(KeyContext& context, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!entry) {
    reply.error("ERR no such key");
    return nullptr;
  }
  return is_stream_or_absent(entry, reply) ? &stream_of(entry) : nullptr;
}

void answer_progress(Reply& reply, const Stream& stream, const Group& group) {
  reply.bulk("entries-read");
  group.entries_read ? reply.integer(static_cast<int64_t>(*group.entries_read)) : reply.null();
  reply.bulk("lag");
  const std::optional<int64_t> lag = stream.lag(group);
  lag ? reply.integer(*lag) : reply.null();
}

// ---- STREAM -------------------------------------------------------------------------------------

void answer_consumer_in_full(Reply& reply, const Group& group, const Consumer& consumer,
                             size_t most) {
  reply.map(5);
  reply.bulk("name");
  reply.bulk(consumer.name());
  reply.bulk("seen-time");
  reply.integer(consumer.seen_ms);
  reply.bulk("active-time");
  reply.integer(consumer.active_ms);
  integer_field(reply, "pel-count", consumer.pending().size());
  reply.bulk("pending");
  size_t left = std::min(most, consumer.pending().size());
  reply.array(left);
  for (auto at = consumer.pending().first(); left > 0; --left, at.next()) {
    const Pending& pending = *group.find_pending(*at);
    reply.array(3);
    reply_id(reply, pending.id);
    reply.integer(pending.delivered_ms);
    reply.integer(static_cast<int64_t>(pending.deliveries));
  }
}

void answer_group_in_full(Reply& reply, const Stream& stream, const Group& group, size_t most) {
  reply.map(7);
  reply.bulk("name");
  reply.bulk(group.name());
  id_field(reply, "last-delivered-id", group.last_id);
  answer_progress(reply, stream, group);
  integer_field(reply, "pel-count", group.pending().size());
  reply.bulk("pending");
  size_t left = std::min(most, group.pending().size());
  reply.array(left);
  for (auto at = group.pending().first(); left > 0; --left, at.next()) {
    reply.array(4);
    reply_id(reply, at->id);
    reply.bulk(at->consumer->name());
    reply.integer(at->delivered_ms);
    reply.integer(static_cast<int64_t>(at->deliveries));
  }
  reply.bulk("consumers");
  reply.array(group.consumers().size());
  for (auto at = group.consumers().first(); at; at.next()) {
    answer_consumer_in_full(reply, group, **at, most);
  }
}

// FULL [COUNT count]: how many entries of everything are answered; 0 without FULL. Nothing after an
// error.
std::optional<size_t> read_full(Arguments arguments, Reply& reply) {
  constexpr size_t kUsual = 10;
  if (arguments.size() == 3) return 0;
  const bool is_counted = arguments.size() == 6;
  if ((arguments.size() != 4 && !is_counted) || !equals_ignoring_case(arguments[3], "full") ||
      (is_counted && !equals_ignoring_case(arguments[4], "count"))) {
    write_subcommand_syntax_error("XINFO", arguments[1], reply);
    return std::nullopt;
  }
  if (!is_counted) return kUsual;
  const std::optional<int64_t> count = read_integer(arguments[5], reply);
  if (!count) return std::nullopt;
  if (*count < 0) return kUsual;
  return *count == 0 ? SIZE_MAX : static_cast<size_t>(*count);
}

void xinfo_stream(KeyContext& context, Arguments arguments, Reply& reply) {
  const Stream* stream = find_stream(context, reply);
  if (stream == nullptr) return;
  const std::optional<size_t> most = read_full(arguments, reply);
  if (!most) return;
  const bool is_full = *most > 0;
  reply.map(is_full ? 9 : 10);
  integer_field(reply, "length", stream->size());
  integer_field(reply, "radix-tree-keys", stream->node_count());
  integer_field(reply, "radix-tree-nodes", stream->tree_nodes());
  id_field(reply, "last-generated-id", stream->last_id());
  id_field(reply, "max-deleted-entry-id", stream->max_deleted_id());
  integer_field(reply, "entries-added", stream->entries_added());
  id_field(reply, "recorded-first-entry-id", stream->first_id());
  const storage::stream::GroupSet::Tree& groups = stream->groups().all();
  if (!is_full) {
    integer_field(reply, "groups", groups.size());
    entry_field(reply, "first-entry", stream->first());
    return entry_field(reply, "last-entry", stream->last());
  }
  reply.bulk("entries");
  reply_range(reply, *stream, {StreamId(), kLastStreamId}, *most);
  reply.bulk("groups");
  reply.array(groups.size());
  for (auto at = groups.first(); at; at.next()) {
    answer_group_in_full(reply, *stream, **at, *most);
  }
}

// ---- GROUPS, CONSUMERS --------------------------------------------------------------------------

void xinfo_groups(KeyContext& context, Arguments, Reply& reply) {
  const Stream* stream = find_stream(context, reply);
  if (stream == nullptr) return;
  const storage::stream::GroupSet::Tree& groups = stream->groups().all();
  reply.array(groups.size());
  for (auto at = groups.first(); at; at.next()) {
    const Group& group = **at;
    reply.map(6);
    reply.bulk("name");
    reply.bulk(group.name());
    integer_field(reply, "consumers", group.consumers().size());
    integer_field(reply, "pending", group.pending().size());
    id_field(reply, "last-delivered-id", group.last_id);
    answer_progress(reply, *stream, group);
  }
}

void xinfo_consumers(KeyContext& context, Arguments arguments, Reply& reply) {
  const Stream* stream = find_stream(context, reply);
  if (stream == nullptr) return;
  const Group* group = stream->groups().find(arguments[3]);
  if (group == nullptr) {
    return reply.error("NOGROUP No such consumer group '" + text::echo(arguments[3]) +
                       "' for key name '" + text::echo(arguments[2]) + "'");
  }
  const auto since = [&context](int64_t ms) {
    return std::max<int64_t>(context.now_ms() - ms, 0);
  };
  reply.array(group->consumers().size());
  for (auto at = group->consumers().first(); at; at.next()) {
    const Consumer& consumer = **at;
    reply.map(4);
    reply.bulk("name");
    reply.bulk(consumer.name());
    integer_field(reply, "pending", consumer.pending().size());
    reply.bulk("idle");
    reply.integer(since(consumer.seen_ms));
    reply.bulk("inactive");
    const bool was_active = consumer.active_ms != Consumer::kNever;
    reply.integer(was_active ? since(consumer.active_ms) : -1);
  }
}

void xinfo_help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "CONSUMERS <key> <groupname>",
      "    The consumers of a group.",
      "GROUPS <key>",
      "    The groups of a stream.",
      "STREAM <key> [FULL [COUNT <count>]",
      "    A stream; with FULL its entries and groups, too, so many of each.",
  };
  write_help("xinfo", kLines, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadSecond{2, 2, 1, kKeyReadOnly | kKeyAccess};

constexpr auto kSubcommands = checked({
    {.name = "stream",
     .arity = -3,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadSecond,
     .locks = LockPlan::keys,
     .handler = xinfo_stream,
     .docs = {.summary = "Tells about a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1), with FULL O(N) where N is the number of entries answered",
              .syntax = "key [FULL [COUNT count]]",
              .history = "6.0.0: Added `FULL`.|7.0.0: Tells max-deleted-entry-id, entries-added, "
                         "recorded-first-entry-id, entries-read and lag.|"
                         "7.2.0: Tells active-time."}},
    {.name = "groups",
     .arity = 3,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadSecond,
     .locks = LockPlan::keys,
     .handler = xinfo_groups,
     .docs = {.summary = "Tells about the groups of a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(N) where N is the number of groups",
              .syntax = "key",
              .history = "7.0.0: Tells entries-read and lag."}},
    {.name = "consumers",
     .arity = 4,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadSecond,
     .locks = LockPlan::keys,
     .handler = xinfo_consumers,
     .docs = {.summary = "Tells about the consumers of a group.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(N) where N is the number of consumers",
              .syntax = "key group",
              .history = "7.2.0: Tells inactive.",
              .tips = "nondeterministic_output"}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kStreamCategory,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = xinfo_help,
     .docs = {.summary = "Lists the subcommands of XINFO.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1)",
              .syntax = ""}},
});

constexpr auto kRows = checked({
    {.name = "xinfo",
     .arity = -2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = Handler(),
     .docs = {.summary = "Tells about streams.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "Depends on subcommand.",
              .syntax = ""},
     .subcommands = kSubcommands},
});

}  // namespace

CommandFamily stream_info_commands() {
  return kRows;
}

}  // namespace larder::server
