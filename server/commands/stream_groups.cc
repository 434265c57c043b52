// XGROUP, XACK, XPENDING, XCLAIM, XAUTOCLAIM: groups, and what their consumers have not yet
// acknowledged.
//
// Followers get what was claimed as XCLAIM says it came out, and what turned out to be pending of
// entries that are gone as XACK.
#include "server/commands/stream_groups.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/parts.h"
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

void answer_no_key_or_group(Arguments arguments, Reply& reply) {
  reply.error("NOGROUP No such key '" + text::echo(arguments[1]) + "' or consumer group '" +
              text::echo(arguments[2]) + "'");
}

// The group that arguments 1 and 2 name. Answers the error and returns null if there is none.
Group* find_group(const Entry& entry, Arguments arguments, Reply& reply) {
  if (!is_stream_or_absent(entry, reply)) return nullptr;
  Group* group = entry ? stream_of(entry).groups().find(arguments[2]) : nullptr;
  if (group == nullptr) answer_no_key_or_group(arguments, reply);
  return group;
}

// ---- XGROUP -------------------------------------------------------------------------------------

// [MKSTREAM] [ENTRIESREAD entries-read]
struct GroupOptions {
  bool makes_stream = false;
  std::optional<uint64_t> entries_read;
};

std::optional<GroupOptions> read_group_options(Arguments arguments, bool is_create,
                                               Reply& reply) {
  GroupOptions options;
  for (size_t i = 5; i < arguments.size(); ++i) {
    if (is_create && equals_ignoring_case(arguments[i], "mkstream")) {
      options.makes_stream = true;
    } else if (equals_ignoring_case(arguments[i], "entriesread") && i + 1 < arguments.size()) {
      const std::optional<int64_t> count = read_integer(arguments[++i], reply);
      if (!count) return std::nullopt;
      if (*count < -1) {
        reply.error("ERR value for ENTRIESREAD must be positive or -1");
        return std::nullopt;
      }
      options.entries_read.reset();
      if (*count >= 0) options.entries_read = static_cast<uint64_t>(*count);
    } else {
      write_subcommand_syntax_error("XGROUP", arguments[1], reply);
      return std::nullopt;
    }
  }
  return options;
}

// Answers the error and returns false if there is no stream.
bool is_there(const Entry& entry, Reply& reply) {
  if (!is_stream_or_absent(entry, reply)) return false;
  if (entry) return true;
  reply.error(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to "
      "use the MKSTREAM option to create an empty stream automatically.");
  return false;
}

// The group that an XGROUP subcommand names. Answers the error and returns null if there is none.
Group* find_named_group(const Entry& entry, Arguments arguments, Reply& reply) {
  if (!is_there(entry, reply)) return nullptr;
  Group* group = stream_of(entry).groups().find(arguments[3]);
  if (group == nullptr) {
    reply.error("NOGROUP No such consumer group '" + text::echo(arguments[3]) +
                "' for key name '" + text::echo(arguments[2]) + "'");
  }
  return group;
}

// `$` is the stream's last id.
std::optional<StreamId> read_group_id(std::string_view text, const Entry& entry, bool is_create,
                                      Reply& reply) {
  if (text == "$") return entry ? stream_of(entry).last_id() : StreamId();
  if (!is_create && text == "-") return StreamId();
  if (!is_create && text == "+") return kLastStreamId;
  return read_stream_id(text, 0, reply);
}

void xgroup_create(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<GroupOptions> options =
      read_group_options(arguments, /*is_create=*/true, reply);
  if (!options) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (options->makes_stream ? !is_stream_or_absent(entry, reply) : !is_there(entry, reply)) return;
  const std::optional<StreamId> id =
      read_group_id(arguments[4], entry, /*is_create=*/true, reply);
  if (!id) return;
  const std::string_view name = arguments[3];
  if (entry && stream_of(entry).groups().find(name) != nullptr) {
    return reply.error("BUSYGROUP Consumer Group name already exists");
  }
  const auto add = [&](Stream& stream) {
    Group& group = stream.groups().add(name);
    group.last_id = *id;
    group.entries_read = options->entries_read;
  };
  if (entry) {
    context.edit<Stream>(key, entry, add);
  } else {
    context.create<Stream>(key, add);
  }
  context.wrote(key, EventClass::stream, "xgroup-create");
  context.effect_as_received();
  reply.ok();
}

void xgroup_setid(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<GroupOptions> options =
      read_group_options(arguments, /*is_create=*/false, reply);
  if (!options) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  Group* group = find_named_group(entry, arguments, reply);
  if (group == nullptr) return;
  const std::optional<StreamId> id =
      read_group_id(arguments[4], entry, /*is_create=*/false, reply);
  if (!id) return;
  group->last_id = *id;
  group->entries_read = options->entries_read;
  context.wrote(key, EventClass::stream, "xgroup-setid");
  context.effect_as_received();
  reply.ok();
}

void xgroup_destroy(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_there(entry, reply)) return;
  Group* group = stream_of(entry).groups().find(arguments[3]);
  if (group == nullptr) return reply.integer(0);
  context.edit<Stream>(key, entry, [&](Stream& stream) { stream.groups().remove(*group); });
  context.wrote(key, EventClass::stream, "xgroup-destroy");
  context.effect_as_received();
  reply.integer(1);
}

void xgroup_createconsumer(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  Group* group = find_named_group(entry, arguments, reply);
  if (group == nullptr) return;
  if (group->find_consumer(arguments[4]) != nullptr) return reply.integer(0);
  see_consumer(context, key, arguments[3], arguments[4]);
  reply.integer(1);
}

void xgroup_delconsumer(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  Group* group = find_named_group(entry, arguments, reply);
  if (group == nullptr) return;
  Consumer* consumer = group->find_consumer(arguments[4]);
  if (consumer == nullptr) return reply.integer(0);
  const size_t pending = consumer->pending().size();
  context.edit<Stream>(key, entry, [&](Stream&) { group->remove_consumer(*consumer); });
  context.wrote(key, EventClass::stream, "xgroup-delconsumer");
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(pending));
}

void xgroup_help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "CREATE <key> <groupname> <id|$> [option]",
      "    Make a group that has got everything up to an id. Options are:",
      "    * MKSTREAM",
      "      Make the stream, too, if it is absent.",
      "    * ENTRIESREAD entries_read",
      "      Say how many entries were ever added up to that id.",
      "CREATECONSUMER <key> <groupname> <consumer>",
      "    Add a consumer to a group.",
      "DELCONSUMER <key> <groupname> <consumer>",
      "    Remove a consumer with all that it has pending.",
      "DESTROY <key> <groupname>",
      "    Remove a group.",
      "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
      "    Say up to which id a group has got everything.",
  };
  write_help("xgroup", kLines, reply);
}

// ---- XACK ---------------------------------------------------------------------------------------

void xack(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_stream_or_absent(entry, reply)) return;
  Group* group = entry ? stream_of(entry).groups().find(arguments[2]) : nullptr;
  if (group == nullptr) return reply.integer(0);
  const std::optional<std::vector<StreamId>> ids = read_stream_ids(arguments.subspan(3), reply);
  if (!ids) return;
  int64_t acknowledged = 0;
  context.edit<Stream>(key, entry, [&](Stream&) {
    for (const StreamId id : *ids) acknowledged += group->acknowledge(id) ? 1 : 0;
  });
  if (acknowledged > 0) context.effect_as_received();
  reply.integer(acknowledged);
}

// ---- XPENDING -----------------------------------------------------------------------------------

int64_t idle_ms(const Pending& pending, int64_t now_ms) { return now_ms - pending.delivered_ms; }

void answer_summary(const Group& group, Reply& reply) {
  reply.array(4);
  reply.integer(static_cast<int64_t>(group.pending().size()));
  if (group.pending().is_empty()) {
    reply.null();
    reply.null();
    return reply.null_array();
  }
  reply_id(reply, group.pending().first()->id);
  reply_id(reply, group.pending().last()->id);
  size_t busy = 0;
  for (auto at = group.consumers().first(); at; at.next()) {
    busy += (*at)->pending().is_empty() ? 0 : 1;
  }
  reply.array(busy);
  for (auto at = group.consumers().first(); at; at.next()) {
    if ((*at)->pending().is_empty()) continue;
    reply.array(2);
    reply.bulk((*at)->name());
    reply.bulk(IntegerText(static_cast<int64_t>((*at)->pending().size())));
  }
}

// [IDLE min-idle-time] start end count [consumer]
struct PendingQuery {
  int64_t min_idle_ms = 0;
  StreamInterval interval;
  size_t most = 0;
  std::optional<std::string_view> consumer;
};

std::optional<PendingQuery> read_pending_query(Arguments arguments, Reply& reply) {
  PendingQuery query;
  size_t at = 3;
  if (equals_ignoring_case(arguments[3], "idle")) {
    const std::optional<int64_t> idle = read_integer(arguments[4], reply);
    if (!idle) return std::nullopt;
    if (arguments.size() < 8) {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
    query.min_idle_ms = *idle;
    at = 5;
  }
  const std::optional<int64_t> count = read_integer(arguments[at + 2], reply);
  if (!count) return std::nullopt;
  query.most = static_cast<size_t>(std::max<int64_t>(*count, 0));
  const std::optional<StreamInterval> interval =
      read_interval(arguments[at], arguments[at + 1], reply);
  if (!interval) return std::nullopt;
  query.interval = *interval;
  if (at + 3 < arguments.size()) query.consumer = arguments[at + 3];
  return query;
}

void answer_pending(const Group& group, const PendingQuery& query, int64_t now_ms, Reply& reply) {
  std::vector<Pending> found;
  const auto look_at = [&](const Pending& pending) {
    if (query.min_idle_ms != 0 && idle_ms(pending, now_ms) < query.min_idle_ms) return;
    found.push_back(pending);
  };
  if (query.consumer) {
    const Consumer* consumer = group.find_consumer(*query.consumer);
    if (consumer == nullptr) return reply.array(0);
    for (auto at = consumer->pending().lower_bound(query.interval.first);
         at && *at <= query.interval.last && found.size() < query.most; at.next()) {
      look_at(*group.find_pending(*at));
    }
  } else {
    for (auto at = group.pending_from(query.interval.first);
         at && at->id <= query.interval.last && found.size() < query.most; at.next()) {
      look_at(*at);
    }
  }
  reply.array(found.size());
  for (const Pending& pending : found) {
    reply.array(4);
    reply_id(reply, pending.id);
    reply.bulk(pending.consumer->name());
    reply.integer(std::max<int64_t>(idle_ms(pending, now_ms), 0));
    reply.integer(static_cast<int64_t>(pending.deliveries));
  }
}

void xpending(KeyContext& context, Arguments arguments, Reply& reply) {
  const bool is_summary = arguments.size() == 3;
  if (!is_summary && (arguments.size() < 6 || arguments.size() > 9)) {
    return reply.error(kSyntaxError);
  }
  std::optional<PendingQuery> query;
  if (!is_summary) {
    query = read_pending_query(arguments, reply);
    if (!query) return;
  }
  const Group* group = find_group(context.look_up(context.key()), arguments, reply);
  if (group == nullptr) return;
  if (is_summary) return answer_summary(*group, reply);
  answer_pending(*group, *query, context.now_ms(), reply);
}

// ---- XCLAIM, XAUTOCLAIM -------------------------------------------------------------------------

// An entry that goes to a consumer, or nothing if there is no such entry any more.
class Claims {
 public:
  Claims(KeyContext& context, const Key& key, Stream& stream, Group& group, Consumer& consumer)
      : context_(context), key_(key), stream_(stream), group_(group), consumer_(consumer) {}

  Stream& stream() { return stream_; }
  Group& group() { return group_; }

  // `deliveries`: how many there are then.
  void claim(StreamId id, int64_t delivered_ms, uint64_t deliveries) {
    group_.set_pending({.id = id,
                        .delivered_ms = delivered_ms,
                        .deliveries = deliveries,
                        .consumer = &consumer_});
    consumer_.active_ms = context_.now_ms();
    claimed_.push_back(id);
    if (context_.listening()) claim_effect(context_, key_, group_, id);
  }
  // It is pending, but the stream has no such entry any more.
  void forget(StreamId id) {
    group_.acknowledge(id);
    if (context_.listening()) {
      context_.effect({"XACK", key_.text, group_.name(), StreamIdText(id)});
    }
  }
  void answer(bool ids_only, Reply& reply) const {
    reply.array(claimed_.size());
    for (const StreamId id : claimed_) {
      ids_only ? reply_id(reply, id) : reply_entry(reply, stream_.from(id));
    }
  }
  bool has_any() const { return !claimed_.empty(); }

 private:
  KeyContext& context_;
  const Key& key_;
  Stream& stream_;
  Group& group_;
  Consumer& consumer_;
  std::vector<StreamId> claimed_;
};

struct ClaimWords {
  std::vector<StreamId> ids;
  int64_t delivered_ms = 0;
  std::optional<uint64_t> deliveries;
  StreamId last_id;
  bool forces = false;
  bool ids_only = false;
};

std::optional<int64_t> read_integer_or(std::string_view argument, std::string_view error,
                                       Reply& reply) {
  const std::optional<int64_t> number = protocol::parse_int64(argument);
  if (!number) reply.error(error);
  return number;
}

// A follower's own clock says nothing about the primary's.
std::optional<ClaimWords> read_claim_words(Arguments arguments, int64_t now_ms, bool is_follower,
                                           Reply& reply) {
  ClaimWords words;
  std::optional<int64_t> delivered_ms;
  size_t i = 5;
  for (; i < arguments.size(); ++i) {
    const std::optional<StreamId> id = parse_stream_id(arguments[i], 0);
    if (!id) break;
    words.ids.push_back(*id);
  }
  for (; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const bool has_more = i + 1 < arguments.size();
    if (equals_ignoring_case(word, "force")) {
      words.forces = true;
    } else if (equals_ignoring_case(word, "justid")) {
      words.ids_only = true;
    } else if (equals_ignoring_case(word, "idle") && has_more) {
      delivered_ms = read_integer_or(arguments[++i], "ERR Invalid IDLE option argument for XCLAIM",
                                     reply);
      if (!delivered_ms) return std::nullopt;
      if (__builtin_sub_overflow(now_ms, *delivered_ms, &*delivered_ms)) delivered_ms = now_ms;
    } else if (equals_ignoring_case(word, "time") && has_more) {
      delivered_ms = read_integer_or(arguments[++i], "ERR Invalid TIME option argument for XCLAIM",
                                     reply);
      if (!delivered_ms) return std::nullopt;
    } else if (equals_ignoring_case(word, "retrycount") && has_more) {
      const std::optional<int64_t> count = read_integer_or(
          arguments[++i], "ERR Invalid RETRYCOUNT option argument for XCLAIM", reply);
      if (!count) return std::nullopt;
      words.deliveries.reset();
      if (*count >= 0) words.deliveries = static_cast<uint64_t>(*count);
    } else if (equals_ignoring_case(word, "lastid") && has_more) {
      const std::optional<StreamId> id = read_stream_id(arguments[++i], 0, reply);
      if (!id) return std::nullopt;
      words.last_id = *id;
    } else {
      reply.error("ERR Unrecognized XCLAIM option '" + text::echo(word) + "'");
      return std::nullopt;
    }
  }
  // A time to come is as good as none.
  words.delivered_ms = delivered_ms.value_or(now_ms);
  if (words.delivered_ms < 0 || (words.delivered_ms > now_ms && !is_follower)) {
    words.delivered_ms = now_ms;
  }
  return words;
}

void claim_all(Claims& claims, const ClaimWords& words, int64_t min_idle_ms, int64_t now_ms) {
  for (const StreamId id : words.ids) {
    const Pending* pending = claims.group().find_pending(id);
    if (!claims.stream().contains(id)) {
      if (pending != nullptr) claims.forget(id);
      continue;
    }
    if (pending == nullptr && !words.forces) continue;
    if (pending != nullptr && min_idle_ms > 0 && idle_ms(*pending, now_ms) < min_idle_ms) continue;
    const uint64_t deliveries = pending != nullptr ? pending->deliveries : 1;
    claims.claim(id, words.delivered_ms,
                 words.deliveries.value_or(deliveries + (words.ids_only ? 0 : 1)));
  }
}

void xclaim(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  Group* group = find_group(entry, arguments, reply);
  if (group == nullptr) return;
  const std::optional<int64_t> min_idle_ms = read_integer_or(
      arguments[4], "ERR Invalid min-idle-time argument for XCLAIM", reply);
  if (!min_idle_ms) return;
  const bool is_follower = context.environment().expiry == ExpiryMode::ignore;
  const std::optional<ClaimWords> words =
      read_claim_words(arguments, context.now_ms(), is_follower, reply);
  if (!words) return;
  const bool moves_on = words->last_id > group->last_id;
  if (moves_on) group->last_id = words->last_id;
  see_consumer(context, key, arguments[2], arguments[3]);
  context.edit<Stream>(key, entry, [&](Stream& stream) {
    Claims claims(context, key, stream, *group, *group->find_consumer(arguments[3]));
    claim_all(claims, *words, *min_idle_ms, context.now_ms());
    if (moves_on && !claims.has_any() && context.listening()) {
      group_id_effect(context, key, *group);
    }
    claims.answer(words->ids_only, reply);
  });
}

struct AutoClaimWords {
  int64_t min_idle_ms = 0;
  StreamId first;
  int64_t count = 100;
  bool ids_only = false;
};

std::optional<AutoClaimWords> read_auto_claim_words(Arguments arguments, Reply& reply) {
  AutoClaimWords words;
  const std::optional<int64_t> min_idle_ms = read_integer_or(
      arguments[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM", reply);
  if (!min_idle_ms) return std::nullopt;
  words.min_idle_ms = *min_idle_ms;
  const std::optional<StreamId> first = read_interval_start(arguments[5], reply);
  if (!first) return std::nullopt;
  words.first = *first;
  for (size_t i = 6; i < arguments.size(); ++i) {
    if (equals_ignoring_case(arguments[i], "count") && i + 1 < arguments.size()) {
      constexpr int64_t kMostCount = INT64_MAX / static_cast<int64_t>(sizeof(StreamId));
      const std::optional<int64_t> count = protocol::parse_int64(arguments[++i]);
      if (!count || *count < 1 || *count > kMostCount) {
        reply.error("ERR COUNT must be > 0");
        return std::nullopt;
      }
      words.count = *count;
    } else if (equals_ignoring_case(arguments[i], "justid")) {
      words.ids_only = true;
    } else {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return words;
}

// Claims what was pending for long from an id on, and answers where to go on.
void claim_in_order(Claims& claims, const AutoClaimWords& words, int64_t now_ms, Reply& reply) {
  constexpr int64_t kLooksForEach = 10;
  std::vector<StreamId> gone;
  int64_t left = words.count;
  int64_t looks = words.count * kLooksForEach;
  auto at = claims.group().pending_from(words.first);
  while (at && left > 0 && looks-- > 0) {
    const Pending pending = *at;
    if (!claims.stream().contains(pending.id)) {
      gone.push_back(pending.id);
      claims.forget(pending.id);
      at = claims.group().pending_from(pending.id);
      --left;
      continue;
    }
    if (words.min_idle_ms <= 0 || idle_ms(pending, now_ms) >= words.min_idle_ms) {
      claims.claim(pending.id, now_ms, pending.deliveries + (words.ids_only ? 0 : 1));
      --left;
    }
    at.next();
  }
  reply.array(3);
  reply_id(reply, at ? at->id : StreamId());
  claims.answer(words.ids_only, reply);
  reply.array(gone.size());
  for (const StreamId id : gone) reply_id(reply, id);
}

void xautoclaim(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<AutoClaimWords> words = read_auto_claim_words(arguments, reply);
  if (!words) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  Group* group = find_group(entry, arguments, reply);
  if (group == nullptr) return;
  see_consumer(context, key, arguments[2], arguments[3]);
  context.edit<Stream>(key, entry, [&](Stream& stream) {
    Claims claims(context, key, stream, *group, *group->find_consumer(arguments[3]));
    claim_in_order(claims, *words, context.now_ms(), reply);
  });
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kInsertIntoSecond{2, 2, 1, kKeyReadWrite | kKeyInsert};
constexpr KeyPositions kDeleteFromSecond{2, 2, 1, kKeyReadWrite | kKeyDelete};
constexpr KeyPositions kUpdateSecond{2, 2, 1, kKeyReadWrite | kKeyUpdate};

constexpr auto kSubcommands = checked({
    {.name = "create",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kStreamCategory,
     .keys = kInsertIntoSecond,
     .locks = LockPlan::keys,
     .handler = xgroup_create,
     .docs = {.summary = "Makes a group of a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log N) where N is the number of groups",
              .syntax = "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
              .history = "7.0.0: Added `ENTRIESREAD`."}},
    {.name = "setid",
     .arity = -5,
     .flags = kWrite,
     .categories = kStreamCategory,
     .keys = kUpdateSecond,
     .locks = LockPlan::keys,
     .handler = xgroup_setid,
     .docs = {.summary = "Says up to which id a group has got everything.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log N) where N is the number of groups",
              .syntax = "key group <id | $> [ENTRIESREAD entries-read]",
              .history = "7.0.0: Added `ENTRIESREAD`."}},
    {.name = "destroy",
     .arity = 4,
     .flags = kWrite,
     .categories = kStreamCategory,
     .keys = kDeleteFromSecond,
     .locks = LockPlan::keys,
     .handler = xgroup_destroy,
     .docs = {.summary = "Removes a group.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(N) where N is the number of entries pending in it",
              .syntax = "key group"}},
    {.name = "createconsumer",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kStreamCategory,
     .keys = kInsertIntoSecond,
     .locks = LockPlan::keys,
     .handler = xgroup_createconsumer,
     .docs = {.summary = "Adds a consumer to a group.",
              .since = "6.2.0",
              .group = "stream",
              .complexity = "O(log N) where N is the number of consumers",
              .syntax = "key group consumer"}},
    {.name = "delconsumer",
     .arity = 5,
     .flags = kWrite,
     .categories = kStreamCategory,
     .keys = kDeleteFromSecond,
     .locks = LockPlan::keys,
     .handler = xgroup_delconsumer,
     .docs = {.summary = "Removes a consumer from a group, with all that it has pending.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(N log P) where N is the number of entries pending with it, and P in "
                            "the group",
              .syntax = "key group consumer"}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = kStreamCategory,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = xgroup_help,
     .docs = {.summary = "Lists the subcommands of XGROUP.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1)",
              .syntax = ""}},
});

constexpr auto kRows = checked({
    {.name = "xgroup",
     .arity = -2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = Handler(),
     .docs = {.summary = "Makes, changes and removes groups of streams.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "Depends on subcommand.",
              .syntax = ""},
     .subcommands = kSubcommands},
    {.name = "xack",
     .arity = -4,
     .flags = kWrite | kFast,
     .categories = kStreamCategory,
     .keys = kUpdateStream,
     .locks = LockPlan::keys,
     .handler = xack,
     .docs = {.summary = "Says that entries are done with: they are no longer pending in a group.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log N) for each id, where N is the number of pending entries",
              .syntax = "key group id [id ...]"}},
    {.name = "xpending",
     .arity = -3,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadStream,
     .locks = LockPlan::keys,
     .handler = xpending,
     .docs = {.summary = "Answers what is pending in a group, in short or entry by entry.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log P + N) where P is the number of pending entries and N of those "
                            "looked at, or of consumers",
              .syntax = "key group [[IDLE min-idle-time] start end count [consumer]]",
              .history = "6.2.0: Added `IDLE`; ends may be excluded.",
              .tips = "nondeterministic_output"}},
    {.name = "xclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .categories = kStreamCategory,
     .keys = kUpdateStream,
     .locks = LockPlan::keys,
     .handler = xclaim,
     .docs = {.summary = "Makes pending entries those of another consumer.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log N) for each id, where N is the number of pending entries",
              .syntax = "key group consumer min-idle-time id [id ...] [IDLE ms] "
                        "[TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] "
                        "[LASTID lastid]",
              .tips = "nondeterministic_output"}},
    {.name = "xautoclaim",
     .arity = -6,
     .flags = kWrite | kFast,
     .categories = kStreamCategory,
     .keys = kDeleteFromStream,
     .locks = LockPlan::keys,
     .handler = xautoclaim,
     .docs = {.summary = "Makes entries that were pending for long those of another consumer.",
              .since = "6.2.0",
              .group = "stream",
              .complexity = "O(1) if COUNT is small",
              .syntax = "key group consumer min-idle-time start [COUNT count] [JUSTID]",
              .history = "7.0.0: Answers which entries are gone, and forgets that they were "
                         "pending.",
              .tips = "nondeterministic_output"}},
});

}  // namespace

// ---- what others use ----------------------------------------------------------------------------

void see_consumer(KeyContext& context, const Key& key, std::string_view group,
                  std::string_view consumer) {
  const Entry entry = context.find(key);
  Group& found = *stream_of(entry).groups().find(group);
  if (Consumer* known = found.find_consumer(consumer)) {
    known->seen_ms = context.now_ms();
    return;
  }
  context.edit<Stream>(key, entry,
                       [&](Stream&) { found.add_consumer(consumer, context.now_ms()); });
  context.wrote(key, EventClass::stream, "xgroup-createconsumer");
  if (context.listening()) {
    context.effect({"XGROUP", "CREATECONSUMER", key.text, group, consumer});
  }
}

void claim_effect(KeyContext& context, const Key& key, const Group& group, StreamId id) {
  const Pending& pending = *group.find_pending(id);
  context.effect({"XCLAIM", key.text, group.name(), pending.consumer->name(), "0",
                  StreamIdText(id), "TIME", IntegerText(pending.delivered_ms), "RETRYCOUNT",
                  IntegerText(static_cast<int64_t>(pending.deliveries)), "FORCE", "JUSTID",
                  "LASTID", StreamIdText(group.last_id)});
}

void group_id_effect(KeyContext& context, const Key& key, const Group& group) {
  const int64_t entries_read =
      group.entries_read ? static_cast<int64_t>(*group.entries_read) : int64_t{-1};
  context.effect({"XGROUP", "SETID", key.text, group.name(), StreamIdText(group.last_id),
                  "ENTRIESREAD", IntegerText(entries_read)});
}

CommandFamily stream_group_commands() {
  return kRows;
}

}  // namespace larder::server
