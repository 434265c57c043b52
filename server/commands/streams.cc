// Streams: adding, removing and looking at entries. Reading on is in stream_reads.cc, groups are in
// stream_groups.cc, XINFO is in stream_info.cc.
//
//   XADD key [NOMKSTREAM] [trimming] <* | id> field value [field value ...]
//   XTRIM key trimming
//   trimming := MAXLEN|MINID [=|~] threshold [LIMIT count]
//
// Followers get the id that was chosen, and how far it was trimmed instead of about how far it was
// to be.
#include <algorithm>
#include <optional>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/stream_parts.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

constexpr uint64_t kNoLimit = SIZE_MAX;

// ---- XADD and XTRIM: words ----------------------------------------------------------------------

struct AddWords {
  Stream::Trimming trimming;
  bool trims = false;
  size_t threshold_at = 0;  // of trimming: which argument
  size_t limit_at = 0;      // LIMIT, or 0
  bool creates = true;
  size_t id_at = 0;
  std::optional<StreamId> id;  // nothing: the server chooses
  bool chooses_seq = false;    // of this id's millisecond
};

class AddWordReader {
 public:
  AddWordReader(Arguments arguments, Reply& reply) : arguments_(arguments), reply_(reply) {}

  std::optional<AddWords> read(bool is_xadd, uint64_t entries_per_node) {
    for (at_ = 2; at_ < arguments_.size(); ++at_) {
      const std::string_view word = arguments_[at_];
      const bool has_more = at_ + 1 < arguments_.size();
      if (is_xadd && word == "*") break;
      if (equals_ignoring_case(word, "maxlen") && has_more) {
        if (!read_threshold(/*is_length=*/true)) return std::nullopt;
      } else if (equals_ignoring_case(word, "minid") && has_more) {
        if (!read_threshold(/*is_length=*/false)) return std::nullopt;
      } else if (equals_ignoring_case(word, "limit") && has_more) {
        if (!read_limit()) return std::nullopt;
      } else if (is_xadd && equals_ignoring_case(word, "nomkstream")) {
        words_.creates = false;
      } else if (is_xadd) {
        if (!read_id(word)) return std::nullopt;
        break;
      } else {
        reply_.error(kSyntaxError);
        return std::nullopt;
      }
    }
    words_.id_at = at_;
    if (!check_limit(is_xadd, entries_per_node)) return std::nullopt;
    return words_;
  }

 private:
  bool refuse(std::string_view error) {
    reply_.error(error);
    return false;
  }

  bool read_threshold(bool is_length) {
    if (words_.trims) {
      return refuse(
          "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    }
    const std::string_view next = arguments_[at_ + 1];
    words_.trimming.whole_nodes = false;
    if (at_ + 2 < arguments_.size() && (next == "~" || next == "=")) {
      words_.trimming.whole_nodes = next == "~";
      ++at_;
    }
    const std::string_view threshold = arguments_[++at_];
    if (is_length) {
      const std::optional<int64_t> most = read_integer(threshold, reply_);
      if (!most) return false;
      if (*most < 0) return refuse("ERR The MAXLEN argument must be >= 0.");
      words_.trimming.most = static_cast<uint64_t>(*most);
    } else {
      const std::optional<StreamId> least = read_stream_id(threshold, 0, reply_);
      if (!least) return false;
      words_.trimming.least = *least;
    }
    words_.trims = true;
    words_.threshold_at = at_;
    return true;
  }

  bool read_limit() {
    words_.limit_at = at_;
    const std::optional<int64_t> limit = read_integer(arguments_[++at_], reply_);
    if (!limit) return false;
    if (*limit < 0) return refuse("ERR The LIMIT argument must be >= 0.");
    words_.trimming.limit = static_cast<uint64_t>(*limit);
    return true;
  }

  // An id, of which `*` may be the second part.
  bool read_id(std::string_view word) {
    words_.chooses_seq = word.size() > 2 && word.ends_with("-*") &&
                         word.find('-') == word.size() - 2;
    if (words_.chooses_seq) word.remove_suffix(2);
    words_.id = read_stream_id(word, 0, reply_);
    return words_.id.has_value();
  }

  bool check_limit(bool is_xadd, uint64_t entries_per_node) {
    Stream::Trimming& trimming = words_.trimming;
    if (trimming.limit > 0 && !words_.trims) {
      return refuse(
          "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    }
    if (!is_xadd && !words_.trims) {
      return refuse("ERR syntax error, XTRIM must be called with a trimming strategy");
    }
    if (words_.limit_at > 0) {
      if (trimming.whole_nodes) return true;
      return refuse(
          "ERR syntax error, LIMIT cannot be used without the special ~ option");
    }
    if (!trimming.whole_nodes) return true;
    // A hundred nodes, so that nobody waits for long.
    constexpr uint64_t kMostNodes = 100;
    constexpr uint64_t kWithoutNodes = 10'000;
    constexpr uint64_t kMostEntries = 1'000'000;
    trimming.limit = entries_per_node == 0
                         ? kWithoutNodes
                         : std::min(entries_per_node, kMostEntries / kMostNodes) * kMostNodes;
    return true;
  }

  Arguments arguments_;
  Reply& reply_;
  size_t at_ = 0;
  AddWords words_;
};

// The command with what it came to, as followers get it.
class Settled {
 public:
  explicit Settled(Arguments arguments) : words_(arguments.begin(), arguments.end()) {}

  void replace(size_t at, std::string_view word) { words_[at] = word; }
  // What a stream was trimmed to that was to be trimmed about so far.
  void settle_trimming(const AddWords& words, const Stream& stream) {
    if (!words.trims || !words.trimming.whole_nodes) return;
    if (words.trimming.most) {
      length_.emplace(static_cast<int64_t>(stream.size()));
      words_[words.threshold_at] = *length_;
    } else if (stream.size() > 0) {
      first_id_.emplace(stream.first_id());
      words_[words.threshold_at] = *first_id_;
    }  // else all that it could reach is gone
    words_[words.threshold_at - 1] = "=";
    if (words.limit_at == 0) return;
    const auto limit = words_.begin() + static_cast<ptrdiff_t>(words.limit_at);
    words_.erase(limit, limit + 2);
  }
  std::span<const std::string_view> words() const { return words_; }

 private:
  std::vector<std::string_view> words_;
  std::optional<IntegerText> length_;
  std::optional<StreamIdText> first_id_;
};

// ---- XADD ---------------------------------------------------------------------------------------

// The id of the next entry of a stream that has this last one; nothing if there is none behind it.
std::optional<StreamId> choose_id(const AddWords& words, StreamId last_id, int64_t now_ms) {
  StreamId id;
  if (words.id && !words.chooses_seq) {
    id = *words.id;
  } else if (words.id) {
    if (words.id->ms != last_id.ms) {
      id = {words.id->ms, 0};
    } else if (last_id.seq == UINT64_MAX) {
      return std::nullopt;
    } else {
      id = {last_id.ms, last_id.seq + 1};
    }
  } else if (static_cast<uint64_t>(now_ms) > last_id.ms) {
    id = {static_cast<uint64_t>(now_ms), 0};
  } else {
    return last_id.next();
  }
  if (id <= last_id) return std::nullopt;
  return id;
}

void xadd(KeyContext& context, Arguments arguments, Reply& reply) {
  const Stream::NodeLimits& limits = context.stream_limits();
  const std::optional<AddWords> words =
      AddWordReader(arguments, reply).read(/*is_xadd=*/true, limits.entries);
  if (!words) return;
  const size_t fields_at = words->id_at + 1;
  if (arguments.size() < fields_at + 2 || (arguments.size() - fields_at) % 2 == 1) {
    return reply.error("ERR wrong number of arguments for 'xadd' command");
  }
  if (words->id && !words->chooses_seq && words->id->is_zero()) {
    return reply.error("ERR The ID specified in XADD must be greater than 0-0");
  }
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_stream_or_absent(entry, reply)) return;
  if (!entry && !words->creates) return reply.null();
  const StreamId last_id = entry ? stream_of(entry).last_id() : StreamId();
  if (last_id == kLastStreamId) {
    return reply.error(
        "ERR The stream has exhausted the last possible ID, unable to add more items");
  }
  const std::optional<StreamId> id = choose_id(*words, last_id, context.now_ms());
  if (!id) {
    return reply.error(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item");
  }
  const Stream::Fields fields = arguments.subspan(fields_at);
  if (!Stream::is_storable(fields)) {
    return reply.error("ERR Elements are too large to be stored");
  }

  const StreamIdText id_text(*id);
  Settled settled({});
  size_t trimmed = 0;
  const auto add = [&](Stream& stream) {
    stream.append(*id, fields, limits);
    if (words->trims) trimmed = stream.trim(words->trimming);
    if (!context.listening()) return;
    settled = Settled(arguments);
    settled.replace(words->id_at, id_text);
    settled.settle_trimming(*words, stream);
  };
  if (entry) {
    context.edit<Stream>(key, entry, add);
  } else {
    context.create<Stream>(key, add);
  }
  reply.bulk(id_text);
  context.wrote(key, EventClass::stream, "xadd");
  if (trimmed > 0) context.wrote(key, EventClass::stream, "xtrim");
  if (context.listening()) context.effect(settled.words());
}

// ---- XTRIM, XDEL, XSETID ------------------------------------------------------------------------

void xtrim(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<AddWords> words =
      AddWordReader(arguments, reply).read(/*is_xadd=*/false, context.stream_limits().entries);
  if (!words) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_stream_or_absent(entry, reply)) return;
  size_t trimmed = 0;
  context.edit<Stream>(key, entry,
                       [&](Stream& stream) { trimmed = stream.trim(words->trimming); });
  reply.integer(static_cast<int64_t>(trimmed));
  if (trimmed == 0) return;
  context.wrote(key, EventClass::stream, "xtrim");
  if (!context.listening()) return;
  Settled settled(arguments);
  settled.settle_trimming(*words, stream_of(entry));
  context.effect(settled.words());
}

void xdel(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_stream_or_absent(entry, reply)) return;
  const std::optional<std::vector<StreamId>> ids = read_stream_ids(arguments.subspan(2), reply);
  if (!ids) return;
  int64_t deleted = 0;
  context.edit<Stream>(key, entry, [&](Stream& stream) {
    for (const StreamId id : *ids) deleted += stream.erase(id) ? 1 : 0;
  });
  reply.integer(deleted);
  if (deleted == 0) return;
  context.wrote(key, EventClass::stream, "xdel");
  context.effect_as_received();
}

struct SetIdOptions {
  std::optional<uint64_t> entries_added;
  StreamId max_deleted_id;  // 0-0: as it is
};

std::optional<SetIdOptions> read_set_id_options(Arguments arguments, StreamId id, Reply& reply) {
  SetIdOptions options;
  for (size_t i = 3; i < arguments.size(); ++i) {
    const bool has_more = i + 1 < arguments.size();
    if (equals_ignoring_case(arguments[i], "entriesadded") && has_more) {
      const std::optional<int64_t> count = read_integer(arguments[++i], reply);
      if (!count) return std::nullopt;
      if (*count < 0) {
        reply.error("ERR entries_added must be positive");
        return std::nullopt;
      }
      options.entries_added = static_cast<uint64_t>(*count);
    } else if (equals_ignoring_case(arguments[i], "maxdeletedid") && has_more) {
      const std::optional<StreamId> deleted = read_stream_id(arguments[++i], 0, reply);
      if (!deleted) return std::nullopt;
      if (id < *deleted) {
        reply.error(
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
        return std::nullopt;
      }
      options.max_deleted_id = *deleted;
    } else {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

void xsetid(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<StreamId> id = read_stream_id(arguments[2], 0, reply);
  if (!id) return;
  const std::optional<SetIdOptions> options = read_set_id_options(arguments, *id, reply);
  if (!options) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.error("ERR no such key");
  if (!is_stream_or_absent(entry, reply)) return;
  const Stream& before = stream_of(entry);
  if (*id < before.max_deleted_id()) {
    return reply.error(
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  if (*id < before.last_entry_id()) {
    return reply.error("ERR The ID specified in XSETID is smaller than the target stream top item");
  }
  if (before.size() > 0 && options->entries_added && before.size() > *options->entries_added) {
    return reply.error(
        "ERR The entries_added specified in XSETID is smaller than the target stream length");
  }
  context.edit<Stream>(key, entry, [&](Stream& stream) {
    stream.set_last_id(*id);
    if (options->entries_added) stream.set_entries_added(*options->entries_added);
    if (!options->max_deleted_id.is_zero()) stream.set_max_deleted_id(options->max_deleted_id);
  });
  context.wrote(key, EventClass::stream, "xsetid");
  context.effect_as_received();
  reply.ok();
}

// ---- looking ------------------------------------------------------------------------------------

void xlen(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_stream_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(stream_of(entry).size()) : 0);
}

// [COUNT count], the last one said; nothing after an error.
std::optional<uint64_t> read_count_option(Arguments arguments, Reply& reply) {
  uint64_t most = kNoLimit;
  for (size_t i = 4; i < arguments.size(); ++i) {
    if (!equals_ignoring_case(arguments[i], "count") || i + 1 == arguments.size()) {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
    const std::optional<int64_t> count = read_integer(arguments[++i], reply);
    if (!count) return std::nullopt;
    most = static_cast<uint64_t>(std::max<int64_t>(*count, 0));
  }
  return most;
}

void range(KeyContext& context, Arguments arguments, bool is_backwards, Reply& reply) {
  const std::optional<StreamInterval> interval =
      read_interval(arguments[is_backwards ? 3 : 2], arguments[is_backwards ? 2 : 3], reply);
  if (!interval) return;
  const std::optional<uint64_t> most = read_count_option(arguments, reply);
  if (!most) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.array(0);
  if (!is_stream_or_absent(entry, reply)) return;
  if (*most == 0) return reply.null_array();
  const auto answer = is_backwards ? reply_range_backwards : reply_range;
  answer(reply, stream_of(entry), *interval, *most);
}

void xrange(KeyContext& context, Arguments arguments, Reply& reply) {
  range(context, arguments, /*is_backwards=*/false, reply);
}

void xrevrange(KeyContext& context, Arguments arguments, Reply& reply) {
  range(context, arguments, /*is_backwards=*/true, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "xadd",
     .arity = -5,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStreamCategory,
     .keys = kUpdateStream,
     .locks = LockPlan::keys,
     .handler = xadd,
     .docs = {.summary = "Adds an entry to a stream, creating it if absent.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1) for the entry, O(N) for N entries that are trimmed",
              .syntax = "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] "
                        "<* | id> field value [field value ...]",
              .history = "6.2.0: Added `NOMKSTREAM`, `MINID` and `LIMIT`.|7.0.0: The server may "
                         "choose the second part of the id alone: `<ms>-*`.",
              .tips = "nondeterministic_output"}},
    {.name = "xlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kStreamCategory,
     .keys = {1, 1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = xlen,
     .docs = {.summary = "Answers the number of entries of a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "xrange",
     .arity = -4,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadStream,
     .locks = LockPlan::keys,
     .handler = xrange,
     .docs = {.summary = "Answers the entries between two ids.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log S + N) where S is the length of the stream and N the number of "
                            "entries answered",
              .syntax = "key start end [COUNT count]",
              .history = "6.2.0: Ends may be excluded."}},
    {.name = "xrevrange",
     .arity = -4,
     .flags = kReadonly,
     .categories = kStreamCategory,
     .keys = kReadStream,
     .locks = LockPlan::keys,
     .handler = xrevrange,
     .docs = {.summary = "Answers the entries between two ids, the last one first.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(log S + N) where S is the length of the stream and N the number of "
                            "entries answered",
              .syntax = "key end start [COUNT count]",
              .history = "6.2.0: Ends may be excluded."}},
    {.name = "xdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kStreamCategory,
     .keys = kDeleteFromStream,
     .locks = LockPlan::keys,
     .handler = xdel,
     .docs = {.summary = "Removes entries from a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1) for each entry",
              .syntax = "key id [id ...]"}},
    {.name = "xtrim",
     .arity = -4,
     .flags = kWrite,
     .categories = kStreamCategory,
     .keys = kDeleteFromStream,
     .locks = LockPlan::keys,
     .handler = xtrim,
     .docs = {.summary = "Removes entries from the beginning of a stream.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(N) where N is the number of entries removed",
              .syntax = "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
              .history = "6.2.0: Added `MINID` and `LIMIT`.",
              .tips = "nondeterministic_output"}},
    {.name = "xsetid",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStreamCategory,
     .keys = kUpdateStream,
     .locks = LockPlan::keys,
     .handler = xsetid,
     .docs = {.summary = "Sets what a stream takes for its last id.",
              .since = "5.0.0",
              .group = "stream",
              .complexity = "O(1)",
              .syntax = "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
              .history = "7.0.0: Added `ENTRIESADDED` and `MAXDELETEDID`."}},
});

}  // namespace

CommandFamily stream_commands() {
  return kRows;
}

}  // namespace larder::server
