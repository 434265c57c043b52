// Sorted sets: ranges by rank, by score and by the bytes of members: answered, counted, removed and
// stored.
#include <algorithm>
#include <limits>

#include "server/commands/families.h"
#include "server/commands/sorted_sets.h"
#include "server/text/ascii.h"

namespace larder::server {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// ---- what lies in a range -----------------------------------------------------------------------

MemberSpan span_of_ranks(const SortedSet& set, int64_t start, int64_t stop) {
  const auto length = static_cast<int64_t>(set.size());
  if (start < 0) start = start < -length ? 0 : start + length;
  if (stop < 0) stop = stop < -length ? -1 : stop + length;
  stop = std::min(stop, length - 1);
  if (start > stop) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(stop - start + 1)};
}

namespace {

// Between two places that were found by searching for either end.
MemberSpan span_between(size_t first, size_t last) {
  return last > first ? MemberSpan{first, last - first} : MemberSpan{};
}

std::optional<double> read_bound(std::string_view argument, bool& is_excluded) {
  is_excluded = argument.starts_with('(');
  return protocol::parse_lenient_double(argument.substr(is_excluded ? 1 : 0));
}

std::optional<TextBound> read_text_bound(std::string_view argument) {
  using Kind = TextBound::Kind;
  if (argument.empty()) return std::nullopt;
  switch (argument[0]) {
    case '-':
    case '+':
      // As in Redis, a NUL ends the word.
      if (argument.size() > 1 && argument[1] != '\0') return std::nullopt;
      return TextBound{.kind = argument[0] == '-' ? Kind::lowest : Kind::highest, .text = {}};
    case '(':
    case '[':
      return TextBound{
          .kind = Kind::text, .is_excluded = argument[0] == '(', .text = argument.substr(1)};
    default:
      return std::nullopt;
  }
}

// Does the text stand before everything that is at the bound or above it?
bool is_below(std::string_view text, const TextBound& bound) {
  if (bound.kind != TextBound::Kind::text) return bound.kind == TextBound::Kind::highest;
  return bound.is_excluded ? text <= bound.text : text < bound.text;
}

// Does it stand before everything that is above the bound?
bool is_up_to(std::string_view text, const TextBound& bound) {
  if (bound.kind != TextBound::Kind::text) return bound.kind == TextBound::Kind::highest;
  return bound.is_excluded ? text < bound.text : text <= bound.text;
}

}  // namespace

std::optional<ScoreRange> ScoreRange::read(std::string_view min, std::string_view max,
                                           Reply& reply) {
  ScoreRange range;
  const std::optional<double> low = read_bound(min, range.is_min_excluded);
  const std::optional<double> high = read_bound(max, range.is_max_excluded);
  if (!low || !high) {
    reply.error("ERR min or max is not a float");
    return std::nullopt;
  }
  range.min = *low;
  range.max = *high;
  return range;
}

MemberSpan ScoreRange::in(const SortedSet& set) const {
  const size_t first = set.count_before([this](const SortedSet::Member& member) {
    return is_min_excluded ? member.score <= min : member.score < min;
  });
  const size_t last = set.count_before([this](const SortedSet::Member& member) {
    return is_max_excluded ? member.score < max : member.score <= max;
  });
  return span_between(first, last);
}

std::optional<TextRange> TextRange::read(std::string_view min, std::string_view max, Reply& reply) {
  const std::optional<TextBound> low = read_text_bound(min);
  const std::optional<TextBound> high = read_text_bound(max);
  if (!low || !high) {
    reply.error("ERR min or max not valid string range item");
    return std::nullopt;
  }
  return TextRange{*low, *high};
}

MemberSpan TextRange::in(const SortedSet& set) const {
  const size_t first = set.count_before([this](const SortedSet::Member& member) {
    storage::NumberText scratch;
    return is_below(member.bytes(scratch), min);
  });
  const size_t last = set.count_before([this](const SortedSet::Member& member) {
    storage::NumberText scratch;
    return is_up_to(member.bytes(scratch), max);
  });
  return span_between(first, last);
}

namespace {

// ---- ZRANGE and its relatives -------------------------------------------------------------------

enum class RangeBy : uint8_t { rank, score, text };

// What a command asks for. What its name does not say its options may.
struct RangeRequest {
  size_t min_at = 2;  // argument; the other bound stands behind it
  bool is_stored = false;
  std::optional<RangeBy> by;
  std::optional<bool> is_reverse;

  bool has_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;  // negative: all
};

bool read_range_words(Arguments arguments, RangeRequest& request, Reply& reply) {
  for (size_t i = request.min_at + 2; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (!request.is_stored && equals_ignoring_case(word, "withscores")) {
      request.has_scores = true;
    } else if (equals_ignoring_case(word, "limit") && i + 2 < arguments.size()) {
      const std::optional<int64_t> offset = read_integer(arguments[i + 1], reply);
      if (!offset) return false;
      const std::optional<int64_t> limit = read_integer(arguments[i + 2], reply);
      if (!limit) return false;
      request.offset = *offset;
      request.limit = *limit;
      i += 2;
    } else if (!request.is_reverse && equals_ignoring_case(word, "rev")) {
      request.is_reverse = true;
    } else if (!request.by && equals_ignoring_case(word, "bylex")) {
      request.by = RangeBy::text;
    } else if (!request.by && equals_ignoring_case(word, "byscore")) {
      request.by = RangeBy::score;
    } else {
      reply.error(kSyntaxError);
      return false;
    }
  }
  if (!request.by) request.by = RangeBy::rank;
  if (!request.is_reverse) request.is_reverse = false;
  if (request.limit != -1 && request.by == RangeBy::rank) {
    reply.error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (request.has_scores && request.by == RangeBy::text) {
    reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

// The bounds of a range of any kind.
class Bounds {
 public:
  // Answers the error and returns false if they are none.
  bool read(RangeBy by, std::string_view min, std::string_view max, Reply& reply) {
    by_ = by;
    switch (by) {
      case RangeBy::rank: {
        const std::optional<int64_t> start = read_integer(min, reply);
        if (!start) return false;
        const std::optional<int64_t> stop = read_integer(max, reply);
        if (!stop) return false;
        start_ = *start;
        stop_ = *stop;
        return true;
      }
      case RangeBy::score: {
        const std::optional<ScoreRange> range = ScoreRange::read(min, max, reply);
        if (range) scores_ = *range;
        return range.has_value();
      }
      case RangeBy::text:
        break;
    }
    const std::optional<TextRange> range = TextRange::read(min, max, reply);
    if (range) texts_ = *range;
    return range.has_value();
  }

  MemberSpan in(const SortedSet& set) const {
    switch (by_) {
      case RangeBy::rank:
        return span_of_ranks(set, start_, stop_);
      case RangeBy::score:
        return scores_.in(set);
      case RangeBy::text:
        break;
    }
    return texts_.in(set);
  }

 private:
  RangeBy by_ = RangeBy::rank;
  int64_t start_ = 0;
  int64_t stop_ = 0;
  ScoreRange scores_;
  TextRange texts_;
};

// What is asked for: members from a rank on, in one direction.
struct Selection {
  size_t first = 0;
  size_t count = 0;
};

Selection select(const SortedSet& set, const Bounds& bounds, const RangeRequest& request) {
  MemberSpan span;
  const bool is_reverse = *request.is_reverse;
  if (request.by == RangeBy::rank && is_reverse) {
    // Ranks are counted from the end, then.
    span = bounds.in(set);
    span.first = set.size() - span.first - span.count;
  } else {
    span = bounds.in(set);
  }
  if (request.offset < 0 || static_cast<uint64_t>(request.offset) >= span.count) return {};
  const auto skipped = static_cast<size_t>(request.offset);
  size_t count = span.count - skipped;
  if (request.limit >= 0) count = std::min(count, static_cast<size_t>(request.limit));
  if (count == 0) return {};
  return {is_reverse ? span.first + span.count - 1 - skipped : span.first + skipped, count};
}

template <typename Visitor>
void for_each_of(const SortedSet& set, const Selection& selection, bool is_reverse,
                 Visitor visitor) {
  SortedSet::Cursor at = set.at(selection.first);
  for (size_t left = selection.count; left > 0; --left) {
    visitor(at.member());
    is_reverse ? at.previous() : at.next();
  }
}

// Reads all of a request but its keys. Answers the error and returns false if that is wrong.
bool read_request(Arguments arguments, RangeRequest& request, Bounds& bounds, Reply& reply) {
  if (!read_range_words(arguments, request, reply)) return false;
  std::string_view min = arguments[request.min_at];
  std::string_view max = arguments[request.min_at + 1];
  if (*request.is_reverse && request.by != RangeBy::rank) std::swap(min, max);
  return bounds.read(*request.by, min, max, reply);
}

void answer_range(KeyContext& context, Arguments arguments, RangeRequest request, Reply& reply) {
  Bounds bounds;
  if (!read_request(arguments, request, bounds, reply)) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.array(0);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const SortedSet& set = sorted_set_of(entry);
  const Selection selection = select(set, bounds, request);
  reply_members_head(reply, selection.count, request.has_scores);
  for_each_of(set, selection, *request.is_reverse, [&](const SortedSet::Member& member) {
    reply_one_of(reply, member, request.has_scores);
  });
}

void zrange(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {}, reply);
}
void zrevrange(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {.by = RangeBy::rank, .is_reverse = true}, reply);
}
void zrangebyscore(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {.by = RangeBy::score, .is_reverse = false}, reply);
}
void zrevrangebyscore(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {.by = RangeBy::score, .is_reverse = true}, reply);
}
void zrangebylex(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {.by = RangeBy::text, .is_reverse = false}, reply);
}
void zrevrangebylex(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_range(context, arguments, {.by = RangeBy::text, .is_reverse = true}, reply);
}

void zrangestore(KeyContext& context, Arguments arguments, Reply& reply) {
  RangeRequest request{.min_at = 3, .is_stored = true, .by = {}, .is_reverse = {}};
  Bounds bounds;
  if (!read_request(arguments, request, bounds, reply)) return;
  const Entry entry = context.look_up(context.keys()[1]);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  OwnedSortedSet made(SortedSet::create());
  if (entry) {
    const SortedSet& set = sorted_set_of(entry);
    storage::NumberText scratch;
    for_each_of(set, select(set, bounds, request), *request.is_reverse,
                [&](const SortedSet::Member& member) {
                  made->add(member.bytes(scratch), member.score, context.hasher());
                });
  }
  store_sorted_set(context, context.keys()[0], std::move(made), "zrangestore", reply);
}

// ---- counting and removing ----------------------------------------------------------------------

void count_range(KeyContext& context, Arguments arguments, RangeBy by, Reply& reply) {
  Bounds bounds;
  if (!bounds.read(by, arguments[2], arguments[3], reply)) return;
  const Entry entry = context.look_up(context.key());
  if (!is_sorted_set_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(bounds.in(sorted_set_of(entry)).count) : 0);
}

void zcount(KeyContext& context, Arguments arguments, Reply& reply) {
  count_range(context, arguments, RangeBy::score, reply);
}
void zlexcount(KeyContext& context, Arguments arguments, Reply& reply) {
  count_range(context, arguments, RangeBy::text, reply);
}

void remove_range(KeyContext& context, Arguments arguments, RangeBy by, std::string_view event,
                  Reply& reply) {
  Bounds bounds;
  if (!bounds.read(by, arguments[2], arguments[3], reply)) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const MemberSpan span = bounds.in(sorted_set_of(entry));
  reply.integer(static_cast<int64_t>(span.count));
  if (span.count == 0) return;
  const bool is_left = context.edit<SortedSet>(
      key, entry, [&](SortedSet& set) { set.erase_range(span.first, span.count); });
  wrote_removal(context, key, event, is_left);
  context.effect_as_received();
}

void zremrangebyrank(KeyContext& context, Arguments arguments, Reply& reply) {
  remove_range(context, arguments, RangeBy::rank, "zremrangebyrank", reply);
}
void zremrangebyscore(KeyContext& context, Arguments arguments, Reply& reply) {
  remove_range(context, arguments, RangeBy::score, "zremrangebyscore", reply);
}
void zremrangebylex(KeyContext& context, Arguments arguments, Reply& reply) {
  remove_range(context, arguments, RangeBy::text, "zremrangebylex", reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kDeleteFromKey{1, 1, 1, kKeyReadWrite | kKeyDelete};
constexpr std::string_view kRangeCost =
    "O(log(N)+M) where N is the number of members and M of those answered";
constexpr std::string_view kCountCost = "O(log(N)) where N is the number of members";
constexpr std::string_view kRemoveCost =
    "O(log(N)+M) where N is the number of members and M of those removed";

constexpr auto kRows = checked({
    {.name = "zrange",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrange,
     .docs = {.summary = "Answers members in a range of ranks, scores or texts.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
              .history = "6.2.0: Added `REV`, `BYSCORE`, `BYLEX` and `LIMIT`."}},
    {.name = "zrangestore",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kSortedSetCategory,
     .keys = {1, 2, 1, kKeyOverwrite | kKeyUpdate, kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = zrangestore,
     .docs = {.summary = "Makes a sorted set of members in a range of another one.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = "O(log(N)+M*log(M)) where N is the number of members and M of those "
                            "stored",
              .syntax = "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]"}},
    {.name = "zrevrange",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrevrange,
     .docs = {.summary = "Answers members in a range of ranks, counted from the highest score.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key start stop [WITHSCORES]",
              .deprecated_since = "6.2.0",
              .replaced_by = "`ZRANGE` with `REV`"}},
    {.name = "zrangebyscore",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrangebyscore,
     .docs = {.summary = "Answers members in a range of scores.",
              .since = "1.0.5",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key min max [WITHSCORES] [LIMIT offset count]",
              .history = "2.0.0: Added `WITHSCORES`.",
              .deprecated_since = "6.2.0",
              .replaced_by = "`ZRANGE` with `BYSCORE`"}},
    {.name = "zrevrangebyscore",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrevrangebyscore,
     .docs = {.summary = "Answers members in a range of scores, the highest first.",
              .since = "2.2.0",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key max min [WITHSCORES] [LIMIT offset count]",
              .history = "2.1.6: `min` and `max` may be excluded.",
              .deprecated_since = "6.2.0",
              .replaced_by = "`ZRANGE` with `REV` and `BYSCORE`"}},
    {.name = "zrangebylex",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrangebylex,
     .docs = {.summary = "Answers members in a range of texts, where all scores are the same.",
              .since = "2.8.9",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key min max [LIMIT offset count]",
              .deprecated_since = "6.2.0",
              .replaced_by = "`ZRANGE` with `BYLEX`"}},
    {.name = "zrevrangebylex",
     .arity = -4,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrevrangebylex,
     .docs = {.summary = "Answers members in a range of texts, the highest first, where all scores "
                         "are the same.",
              .since = "2.8.9",
              .group = "sorted-set",
              .complexity = kRangeCost,
              .syntax = "key max min [LIMIT offset count]",
              .deprecated_since = "6.2.0",
              .replaced_by = "`ZRANGE` with `REV` and `BYLEX`"}},
    {.name = "zcount",
     .arity = 4,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zcount,
     .docs = {.summary = "Counts members in a range of scores.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kCountCost,
              .syntax = "key min max"}},
    {.name = "zlexcount",
     .arity = 4,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zlexcount,
     .docs = {.summary = "Counts members in a range of texts, where all scores are the same.",
              .since = "2.8.9",
              .group = "sorted-set",
              .complexity = kCountCost,
              .syntax = "key min max"}},
    {.name = "zremrangebyrank",
     .arity = 4,
     .flags = kWrite,
     .categories = kSortedSetCategory,
     .keys = kDeleteFromKey,
     .locks = LockPlan::keys,
     .handler = zremrangebyrank,
     .docs = {.summary = "Removes members in a range of ranks.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kRemoveCost,
              .syntax = "key start stop"}},
    {.name = "zremrangebyscore",
     .arity = 4,
     .flags = kWrite,
     .categories = kSortedSetCategory,
     .keys = kDeleteFromKey,
     .locks = LockPlan::keys,
     .handler = zremrangebyscore,
     .docs = {.summary = "Removes members in a range of scores.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kRemoveCost,
              .syntax = "key min max"}},
    {.name = "zremrangebylex",
     .arity = 4,
     .flags = kWrite,
     .categories = kSortedSetCategory,
     .keys = kDeleteFromKey,
     .locks = LockPlan::keys,
     .handler = zremrangebylex,
     .docs = {.summary = "Removes members in a range of texts, where all scores are the same.",
              .since = "2.8.9",
              .group = "sorted-set",
              .complexity = kRemoveCost,
              .syntax = "key min max"}},
});

}  // namespace

CommandFamily sorted_set_range_commands() {
  return kRows;
}

}  // namespace larder::server
