// XREAD and XREADGROUP: reading on in streams, and waiting for entries (server/waiter.h).
//
//   XREAD [COUNT count] [BLOCK ms] STREAMS key [key ...] id [id ...]
//   XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS ...
//
// Who reads in a group changes it: followers hear of each delivery as an XCLAIM that says how it
// came out, then of how far the group is, then of a consumer that is new and got nothing. That
// repeating what is pending counts as a delivery they hear of, too.
//
// Who waits for several streams is answered with the first that is written to.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/stream_groups.h"
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
using text::equals_ignoring_case;

// ---- words --------------------------------------------------------------------------------------

struct ReadWords {
  size_t most = SIZE_MAX;
  std::optional<int64_t> timeout_ms;  // with BLOCK
  std::optional<std::string_view> group;
  std::string_view consumer;
  bool is_noack = false;
  size_t keys_at = 0;
  size_t count = 0;  // of streams

  bool is_group() const { return group.has_value(); }
};

std::optional<int64_t> read_timeout(KeyContext& context, std::string_view argument, Reply& reply) {
  const std::optional<int64_t> timeout_ms = protocol::parse_int64(argument);
  if (!timeout_ms) {
    reply.error("ERR timeout is not an integer or out of range");
  } else if (*timeout_ms < 0) {
    reply.error("ERR timeout is negative");
  } else if (*timeout_ms > INT64_MAX - context.now_ms()) {
    reply.error("ERR timeout is out of range");
  } else {
    return timeout_ms;
  }
  return std::nullopt;
}

// `waits`: it waits already, and its timeout was in range then.
std::optional<ReadWords> read_words(KeyContext& context, Arguments arguments, bool is_group,
                                    Reply& reply, bool waits = false) {
  ReadWords words;
  const auto refuse = [&reply](std::string_view error) {
    reply.error(error);
    return std::nullopt;
  };
  for (size_t i = 1; i < arguments.size() && words.keys_at == 0; ++i) {
    const std::string_view word = arguments[i];
    const size_t more = arguments.size() - i - 1;
    if (equals_ignoring_case(word, "block") && more > 0) {
      if (context.is_in_script()) {
        return refuse("ERR " + text::echo(arguments[0]) +
                      " command is not allowed with BLOCK option from scripts");
      }
      ++i;
      if (waits) continue;
      words.timeout_ms = read_timeout(context, arguments[i], reply);
      if (!words.timeout_ms) return std::nullopt;
    } else if (equals_ignoring_case(word, "count") && more > 0) {
      const std::optional<int64_t> count = read_integer(arguments[++i], reply);
      if (!count) return std::nullopt;
      words.most = *count <= 0 ? SIZE_MAX : static_cast<size_t>(*count);
    } else if (equals_ignoring_case(word, "streams") && more > 0) {
      if (more % 2 != 0) {
        return refuse(is_group ? "ERR Unbalanced 'xreadgroup' list of streams: for each stream key "
                                 "an ID or '>' must be specified."
                               : "ERR Unbalanced 'xread' list of streams: for each stream key an "
                                 "ID or '$' must be specified.");
      }
      words.keys_at = i + 1;
      words.count = more / 2;
    } else if (equals_ignoring_case(word, "group") && more >= 2) {
      if (!is_group) {
        return refuse(
            "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
      }
      words.group = arguments[i + 1];
      words.consumer = arguments[i + 2];
      i += 2;
    } else if (equals_ignoring_case(word, "noack")) {
      if (!is_group) {
        return refuse(
            "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
      }
      words.is_noack = true;
    } else {
      return refuse(kSyntaxError);
    }
  }
  if (words.keys_at == 0) return refuse(kSyntaxError);
  if (is_group && !words.is_group()) return refuse("ERR Missing GROUP option for XREADGROUP");
  return words;
}

void answer_no_group(const Key& key, std::string_view group, Reply& reply) {
  reply.error("NOGROUP No such key '" + text::echo(key.text) + "' or consumer group '" +
              text::echo(group) + "' in XREADGROUP with GROUP option");
}

// A key and its entries as one of those that are answered.
void begin_stream(Reply& reply, const Key& key) {
  if (reply.dialect() == protocol::Dialect::resp2) reply.array(2);
  reply.bulk(key.text);
}

// ---- XREAD --------------------------------------------------------------------------------------

bool has_behind(const Entry& entry, StreamId id) {
  return entry && stream_of(entry).last_entry_id() > id;
}

// REQUIRES: there are entries behind it.
void answer_behind(const Key& key, const Stream& stream, StreamId id, size_t most, Reply& reply) {
  begin_stream(reply, key);
  reply_range(reply, stream, {*id.next(), kLastStreamId}, most);
}

// The id that one is to read on behind. `$` is the stream's last one; `+` that before its last
// entry, so that this comes once more.
std::optional<StreamId> read_position(std::string_view text, const Entry& entry, Reply& reply) {
  if (text == "$") return entry ? stream_of(entry).last_id() : StreamId();
  if (text == "+") {
    if (!entry || stream_of(entry).size() == 0) {
      return entry ? stream_of(entry).last_id() : StreamId();
    }
    return stream_of(entry).last_entry_id().previous();
  }
  if (text == ">") {
    reply.error(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
        "<consumer> option.");
    return std::nullopt;
  }
  return read_stream_id(text, 0, reply);
}

void xread(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<ReadWords> words =
      read_words(context, arguments, /*is_group=*/false, reply);
  if (!words) return;
  std::vector<StreamId> positions;
  for (size_t i = 0; i < words->count; ++i) {
    const Entry entry = context.look_up(context.keys()[i]);
    if (!is_stream_or_absent(entry, reply)) return;
    const std::optional<StreamId> id =
        read_position(arguments[words->keys_at + words->count + i], entry, reply);
    if (!id) return;
    positions.push_back(*id);
  }
  size_t found = 0;
  for (size_t i = 0; i < words->count; ++i) {
    found += has_behind(context.find(context.keys()[i]), positions[i]) ? 1 : 0;
  }
  if (found > 0) {
    reply.dialect() == protocol::Dialect::resp2 ? reply.array(found) : reply.map(found);
    for (size_t i = 0; i < words->count; ++i) {
      const Key& key = context.keys()[i];
      const Entry entry = context.find(key);
      if (!has_behind(entry, positions[i])) continue;
      answer_behind(key, stream_of(entry), positions[i], words->most, reply);
    }
    return;
  }
  if (!words->timeout_ms || !context.may_wait()) return reply.null_array();
  WaitRequest wish{.awaited = words->count, .timeout_ms = *words->timeout_ms};
  for (size_t i = 0; i < words->count; ++i) {
    const size_t at = words->keys_at + words->count + i;
    // What is the last id now is meant, and not the one when it is served.
    if (arguments[at] == "$" || arguments[at] == "+") {
      wish.settled.push_back({at, std::string(StreamIdText(positions[i]))});
    }
  }
  context.wait(wish);
}

// Where the waiting command has the id for a key of its.
size_t id_argument(const ReadWords& words, Arguments arguments, const Key& ready) {
  for (size_t i = 0; i < words.count; ++i) {
    const size_t key_at = words.keys_at + i;
    if (arguments[key_at] == ready.text) return key_at + words.count;
  }
  return 0;
}

// The words were right when it began to wait: they are read again without a word.
template <typename Use>
auto with_words(KeyContext& context, Arguments arguments, bool is_group, Use use) {
  protocol::ReplyBuffer unsaid;
  Reply none(unsaid, protocol::Dialect::resp2);
  return use(*read_words(context, arguments, is_group, none, /*waits=*/true));
}

bool finds_behind(KeyContext& context, const Key& ready, Arguments arguments) {
  return with_words(context, arguments, /*is_group=*/false, [&](const ReadWords& words) {
    const Entry entry = context.find(ready);
    if (!entry || entry.type() != storage::Type::stream) return false;
    const size_t at = id_argument(words, arguments, ready);
    return has_behind(entry, *parse_stream_id(arguments[at], 0));
  });
}

void serve_xread(KeyContext& context, const Key& ready, Arguments arguments, Reply& reply) {
  with_words(context, arguments, /*is_group=*/false, [&](const ReadWords& words) {
    const StreamId id = *parse_stream_id(arguments[id_argument(words, arguments, ready)], 0);
    reply.dialect() == protocol::Dialect::resp2 ? reply.array(1) : reply.map(1);
    answer_behind(ready, stream_of(context.find(ready)), id, words.most, reply);
  });
}

// ---- XREADGROUP ---------------------------------------------------------------------------------

// Where a consumer is to read on: nothing is `>`, what nobody of the group has got yet.
struct GroupRead {
  std::optional<StreamId> history_behind;
};

std::optional<GroupRead> read_group_position(std::string_view text, Reply& reply) {
  if (text == ">") return GroupRead{};
  for (const char symbol : {'$', '+'}) {
    if (text != std::string_view(&symbol, 1)) continue;
    const std::string id(1, symbol);
    reply.error("ERR The " + id + " ID is meaningless in the context of XREADGROUP: you want to "
                "read the history of this consumer by specifying a proper ID, or use the > ID to "
                "get new messages. The " + id + " ID would just return an empty result set.");
    return std::nullopt;
  }
  const std::optional<StreamId> id = read_stream_id(text, 0, reply);
  if (!id) return std::nullopt;
  // As in Redis: the last of all ids is another word for `>`.
  if (*id == kLastStreamId) return GroupRead{};
  return GroupRead{id};
}

bool has_undelivered(const Stream& stream, const Group& group) {
  return stream.last_entry_id() > group.last_id;
}

// What nobody of the group has got yet goes to the consumer. REQUIRES: there is something.
void deliver(KeyContext& context, const Key& key, Stream& stream, Group& group, Consumer& consumer,
             const ReadWords& words, Reply& reply) {
  const StreamInterval interval{*group.last_id.next(), kLastStreamId};
  size_t left = stream.count_between(interval.first, interval.last, words.most);
  reply.array(left);
  std::vector<StreamId> delivered;
  for (Stream::Cursor at = stream.from(interval.first); left > 0; --left, at.next()) {
    reply_entry(reply, at);
    stream.note_delivered(group, at.id());
    if (words.is_noack) continue;
    group.set_pending({.id = at.id(),
                       .delivered_ms = context.now_ms(),
                       .deliveries = 1,
                       .consumer = &consumer});
    consumer.active_ms = context.now_ms();
    if (context.listening()) delivered.push_back(at.id());
  }
  if (!context.listening()) return;
  for (const StreamId id : delivered) claim_effect(context, key, group, id);
  group_id_effect(context, key, group);
}

// What the consumer got before and has not acknowledged, once more.
void repeat(KeyContext& context, const Key& key, const Stream& stream, Group& group,
            Consumer& consumer, StreamId behind, size_t most, Reply& reply) {
  std::vector<StreamId> ids;
  const std::optional<StreamId> first = behind.next();
  if (first) {
    for (auto at = consumer.pending().lower_bound(*first); at && ids.size() < most; at.next()) {
      ids.push_back(*at);
    }
  }
  reply.array(ids.size());
  for (const StreamId id : ids) {
    const Stream::Cursor at = stream.from(id);
    if (!at || at.id() != id) {
      reply.array(2);
      reply_id(reply, id);
      reply.null_array();
      continue;
    }
    reply_entry(reply, at);
    storage::stream::Pending pending = *group.find_pending(id);
    pending.delivered_ms = context.now_ms();
    ++pending.deliveries;
    group.set_pending(pending);
    if (context.listening()) claim_effect(context, key, group, id);
  }
}

// Answers what there is for the consumer in one stream. REQUIRES: there is something, or what it
// got before is asked for.
void read_in_group(KeyContext& context, const Key& key, const ReadWords& words,
                   const GroupRead& read, Reply& reply) {
  begin_stream(reply, key);
  context.edit<Stream>(key, context.find(key), [&](Stream& stream) {
    Group& group = *stream.groups().find(*words.group);
    Consumer& consumer = *group.find_consumer(words.consumer);
    if (read.history_behind) {
      return repeat(context, key, stream, group, consumer, *read.history_behind, words.most,
                    reply);
    }
    deliver(context, key, stream, group, consumer, words, reply);
  });
}

// The group of this name that a key's stream has, or null.
Group* group_of(const Entry& entry, std::string_view name) {
  return entry ? stream_of(entry).groups().find(name) : nullptr;
}

void xreadgroup(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<ReadWords> words =
      read_words(context, arguments, /*is_group=*/true, reply);
  if (!words) return;
  std::vector<GroupRead> reads;
  for (size_t i = 0; i < words->count; ++i) {
    const Key& key = context.keys()[i];
    const Entry entry = context.look_up(key);
    if (!is_stream_or_absent(entry, reply)) return;
    if (group_of(entry, *words->group) == nullptr) {
      return answer_no_group(key, *words->group, reply);
    }
    const std::optional<GroupRead> read =
        read_group_position(arguments[words->keys_at + words->count + i], reply);
    if (!read) return;
    reads.push_back(*read);
  }
  // Each is looked at before any is read: reading in one may be reading in another, too.
  std::vector<size_t> found;
  for (size_t i = 0; i < words->count; ++i) {
    const Key& key = context.keys()[i];
    const Entry entry = context.find(key);
    see_consumer(context, key, *words->group, words->consumer);
    const Stream& stream = stream_of(entry);
    const bool is_repeated =
        std::any_of(found.begin(), found.end(), [&](size_t other) {
          return !reads[other].history_behind && context.keys()[other].text == key.text;
        });
    const bool has_any = !is_repeated && has_undelivered(stream, *group_of(entry, *words->group));
    if (reads[i].history_behind || has_any) found.push_back(i);
  }
  if (!found.empty()) {
    reply.dialect() == protocol::Dialect::resp2 ? reply.array(found.size())
                                                : reply.map(found.size());
    for (const size_t i : found) {
      read_in_group(context, context.keys()[i], *words, reads[i], reply);
    }
    return;
  }
  if (!words->timeout_ms || !context.may_wait()) return reply.null_array();
  context.wait({.awaited = words->count, .timeout_ms = *words->timeout_ms});
}

// Something for the group, or no group any more.
bool finds_in_group(KeyContext& context, const Key& ready, Arguments arguments) {
  return with_words(context, arguments, /*is_group=*/true, [&](const ReadWords& words) {
    const Entry entry = context.find(ready);
    if (!entry || entry.type() != storage::Type::stream) return true;
    const Group* group = group_of(entry, *words.group);
    return group == nullptr || has_undelivered(stream_of(entry), *group);
  });
}

void serve_xreadgroup(KeyContext& context, const Key& ready, Arguments arguments, Reply& reply) {
  with_words(context, arguments, /*is_group=*/true, [&](const ReadWords& words) {
    const Entry entry = context.find(ready);
    if (!is_stream_or_absent(entry, reply)) return;
    if (group_of(entry, *words.group) == nullptr) {
      return answer_no_group(ready, *words.group, reply);
    }
    see_consumer(context, ready, *words.group, words.consumer);
    reply.dialect() == protocol::Dialect::resp2 ? reply.array(1) : reply.map(1);
    read_in_group(context, ready, words, {}, reply);
  });
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "xread",
     .arity = -4,
     .flags = kReadonly | kBlocking | kMovableKeys,
     .categories = kStreamCategory,
     .keys = {.first = 1,
              .last = -1,
              .step = 1,
              .flags = kKeyReadOnly | kKeyAccess,
              .count_at = KeyPositions::kAfterStreams},
     .locks = LockPlan::keys,
     .handler = xread,
     .docs = {.summary = "Answers entries of streams behind given ids, or waits for some.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log S + N) for each stream, where S is its length and N the number "
                            "of entries answered",
              .syntax = "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
              .history = "7.4.0: `+` stands for the last entry."},
     .serving = {finds_behind, serve_xread}},
    {.name = "xreadgroup",
     .arity = -7,
     .flags = kWrite | kBlocking | kMovableKeys,
     .categories = kStreamCategory,
     .keys = {.first = 4,
              .last = -1,
              .step = 1,
              .flags = kKeyReadOnly | kKeyAccess,
              .count_at = KeyPositions::kAfterStreams},
     .locks = LockPlan::keys,
     .handler = xreadgroup,
     .docs = {.summary = "Answers entries that a group has not got yet, or waits for some; or what "
                         "a consumer got and has not acknowledged.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log S + N log P) for each stream, where S is its length, N the "
                            "number of entries answered and P that of pending ones",
              .syntax = "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS "
                        "key [key ...] id [id ...]"},
     .serving = {finds_in_group, serve_xreadgroup}},
});

}  // namespace

CommandFamily stream_read_commands() {
  return kRows;
}

}  // namespace larder::server
