// Sorted sets: adding and removing members, asking about them. Ranges are in sorted_set_ranges.cc.
#include "server/commands/sorted_sets.h"

#include <cmath>
#include <limits>
#include <unordered_set>
#include <vector>

#include "server/commands/collection_scan.h"
#include "server/commands/families.h"
#include "server/commands/random_sample.h"
#include "server/commands/sorted_set_encoding.h"
#include "server/commands/sorted_set_pops.h"
#include "server/text/ascii.h"

namespace larder::server {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// ---- shared -------------------------------------------------------------------------------------

void reply_members_head(Reply& reply, size_t count, bool has_scores) {
  reply.array(has_scores && reply.dialect() == protocol::Dialect::resp2 ? 2 * count : count);
}

std::optional<double> read_score(std::string_view argument, Reply& reply, std::string_view error) {
  const std::optional<double> score = protocol::parse_double(argument);
  if (!score) reply.error(error);
  return score;
}

void put_member(KeyContext& context, SortedSet& set, const SortedSet::Place& place,
                std::string_view text, double score) {
  if (place) return set.update(place, score);
  set.insert(place, text, score, context.hasher());
  note_added(set, text.size(), context.sorted_set_limits());
}

void wrote_removal(KeyContext& context, const Key& key, std::string_view event, bool is_left) {
  context.wrote(key, EventClass::sorted_set, event);
  if (!is_left) context.wrote(key, EventClass::generic, "del");
}

void store_sorted_set(KeyContext& context, const Key& key, OwnedSortedSet made,
                      std::string_view event, Reply& reply) {
  const Entry entry = context.find(key);
  const size_t size = made->size();
  if (size == 0) {
    if (entry) delete_key(context, key, entry);
    return reply.integer(0);
  }
  if (!may_grow(context, 0, made->bytes(), reply)) return;
  note_made(*made, context.sorted_set_limits());
  context.set_object(key, entry, made.release(), storage::kNoDeadline);
  if (entry) context.note_new(key);
  context.wrote(key, EventClass::sorted_set, event);
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(size));
}

namespace {

// ---- ZADD, ZINCRBY ------------------------------------------------------------------------------

// Returns the first argument that is none of them.
size_t read_add_words(Arguments arguments, AddOptions& options) {
  size_t at = 2;
  for (; at < arguments.size(); ++at) {
    const std::string_view word = arguments[at];
    if (equals_ignoring_case(word, "nx")) {
      options.only_new = true;
    } else if (equals_ignoring_case(word, "xx")) {
      options.only_known = true;
    } else if (equals_ignoring_case(word, "gt")) {
      options.only_greater = true;
    } else if (equals_ignoring_case(word, "lt")) {
      options.only_less = true;
    } else if (equals_ignoring_case(word, "ch")) {
      options.counts_changes = true;
    } else if (equals_ignoring_case(word, "incr")) {
      options.is_increment = true;
    } else {
      break;
    }
  }
  return at;
}

// What is wrong with the words; empty if nothing is.
std::string_view fault_of(const AddOptions& options, size_t words) {
  if (words % 2 != 0 || words == 0) return kSyntaxError;
  if (options.only_new && options.only_known) {
    return "ERR XX and NX options at the same time are not compatible";
  }
  if (options.only_new + options.only_greater + options.only_less > 1) {
    return "ERR GT, LT, and/or NX options at the same time are not compatible";
  }
  if (options.is_increment && words > 2) {
    return "ERR INCR option supports a single increment-element pair";
  }
  return {};
}

// What becomes of members one after the other.
class Addition {
 public:
  Addition(KeyContext& context, const AddOptions& options) : context_(context), options_(options) {}

  void add(SortedSet& set, std::string_view text, double score) {
    const SortedSet::Place place = set.find(text);
    if (!place) {
      if (options_.only_known) return;
      ++added_;
      result_ = score;
      return put_member(context_, set, place, text, score);
    }
    if (options_.only_new) return;
    const double before = place.score();
    if (options_.is_increment) score += before;
    if (std::isnan(score)) {
      is_nan_ = true;
      return;
    }
    if ((options_.only_less && score >= before) || (options_.only_greater && score <= before)) {
      return;
    }
    result_ = score;
    if (score == before) return;
    ++updated_;
    set.update(place, score);
  }

  bool has_changed() const { return added_ + updated_ > 0; }
  void answer(Reply& reply) const {
    if (is_nan_) return reply.error("ERR resulting score is not a number (NaN)");
    if (options_.is_increment) return result_ ? reply.real(*result_) : reply.null();
    reply.integer(static_cast<int64_t>(options_.counts_changes ? added_ + updated_ : added_));
  }

 private:
  KeyContext& context_;
  const AddOptions& options_;
  size_t added_ = 0;
  size_t updated_ = 0;
  std::optional<double> result_;  // of the last one
  bool is_nan_ = false;
};

}  // namespace

void add_members(KeyContext& context, const AddOptions& options,
                 std::span<const ScoredMember> members, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  Addition addition(context, options);
  const auto add_all = [&](SortedSet& set) {
    for (const ScoredMember& member : members) addition.add(set, member.text, member.score);
  };
  const SortedSetLimits& limits = context.sorted_set_limits();
  if (entry) {
    context.edit<SortedSet>(key, entry, [&](SortedSet& set) {
      note_additions(set, members.size(), limits);
      add_all(set);
    });
  } else if (!options.only_known) {
    context.create<SortedSet>(key, [&](SortedSet& set) {
      note_begun(set, members.size(), members[0].text.size(), limits);
      add_all(set);
    });
  }
  addition.answer(reply);
  if (!addition.has_changed()) return;
  context.wrote(key, EventClass::sorted_set, options.is_increment ? "zincr" : "zadd");
  context.effect_as_received();
}

namespace {

void read_and_add(KeyContext& context, Arguments arguments, AddOptions options, Reply& reply) {
  const size_t first = read_add_words(arguments, options);
  const Arguments words = arguments.subspan(first);
  const std::string_view fault = fault_of(options, words.size());
  if (!fault.empty()) return reply.error(fault);
  // All scores are read before anything changes; few of them find room here.
  constexpr size_t kFew = 16;
  ScoredMember few[kFew];
  std::vector<ScoredMember> many;
  const size_t count = words.size() / 2;
  std::span<ScoredMember> members(few, std::min(count, kFew));
  if (count > kFew) {
    many.resize(count);
    members = many;
  }
  for (size_t i = 0; i < count; ++i) {
    const std::optional<double> score = read_score(words[2 * i], reply);
    if (!score) return;
    members[i] = {*score, words[2 * i + 1]};
  }
  add_members(context, options, members, reply);
}

void zadd(KeyContext& context, Arguments arguments, Reply& reply) {
  read_and_add(context, arguments, {}, reply);
}

void zincrby(KeyContext& context, Arguments arguments, Reply& reply) {
  read_and_add(context, arguments, {.is_increment = true}, reply);
}

void zrem(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  size_t removed = 0;
  const bool is_left = context.edit<SortedSet>(key, entry, [&](SortedSet& set) {
    for (const std::string_view text : arguments.subspan(2)) {
      const SortedSet::Place place = set.find(text);
      if (!place) continue;
      set.erase(place);
      ++removed;
    }
  });
  reply.integer(static_cast<int64_t>(removed));
  if (removed == 0) return;
  wrote_removal(context, key, "zrem", is_left);
  context.effect_as_received();
}

// ---- asking about members -----------------------------------------------------------------------

void zcard(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_sorted_set_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(sorted_set_of(entry).size()) : 0);
}

void reply_score_of(const SortedSet& set, std::string_view text, Reply& reply) {
  const SortedSet::Place place = set.find(text);
  place ? reply.real(place.score()) : reply.null();
}

void zscore(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.null();
  if (!is_sorted_set_or_absent(entry, reply)) return;
  reply_score_of(sorted_set_of(entry), arguments[2], reply);
}

void zmscore(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const Arguments members = arguments.subspan(2);
  reply.array(members.size());
  for (const std::string_view text : members) {
    entry ? reply_score_of(sorted_set_of(entry), text, reply) : reply.null();
  }
}

void rank_of_member(KeyContext& context, Arguments arguments, bool is_reverse, Reply& reply) {
  if (arguments.size() > 4) {
    return reply.error(is_reverse ? "ERR wrong number of arguments for 'zrevrank' command"
                                  : "ERR wrong number of arguments for 'zrank' command");
  }
  const bool has_score = arguments.size() == 4;
  if (has_score && !equals_ignoring_case(arguments[3], "withscore")) {
    return reply.error(kSyntaxError);
  }
  const auto absent = [&] { has_score ? reply.null_array() : reply.null(); };
  const Entry entry = context.look_up(context.key());
  if (!entry) return absent();
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const SortedSet& set = sorted_set_of(entry);
  const SortedSet::Place place = set.find(arguments[2]);
  if (!place) return absent();
  const size_t rank = set.rank_of(place);
  if (has_score) reply.array(2);
  reply.integer(static_cast<int64_t>(is_reverse ? set.size() - 1 - rank : rank));
  if (has_score) reply.real(place.score());
}

void zrank(KeyContext& context, Arguments arguments, Reply& reply) {
  rank_of_member(context, arguments, /*is_reverse=*/false, reply);
}

void zrevrank(KeyContext& context, Arguments arguments, Reply& reply) {
  rank_of_member(context, arguments, /*is_reverse=*/true, reply);
}

// ---- ZRANDMEMBER, ZSCAN -------------------------------------------------------------------------

void reply_drawn(KeyContext& context, const SortedSet& set, uint64_t count, bool has_scores,
                 Reply& reply) {
  reply_members_head(reply, count, has_scores);
  for (uint64_t left = count; left > 0; --left) {
    reply_one_of(reply, set.random(context.random()), has_scores);
    // The client is about to be closed: nobody waits for the rest.
    if (reply.buffer().has_lost_content()) return;
  }
}

// Different ones, each combination equally likely.
void reply_sample(KeyContext& context, const SortedSet& set, size_t count, bool has_scores,
                  Reply& reply) {
  reply_members_head(reply, count, has_scores);
  const size_t size = set.size();
  if (count > size / 4) {
    // One after the other: each is taken with the chance that so many of the rest have to be.
    size_t wanted = count;
    SortedSet::Cursor at = set.at(0);
    for (size_t left = size; wanted > 0; --left, at.next()) {
      if (context.random() % left >= wanted) continue;
      reply_one_of(reply, at.member(), has_scores);
      --wanted;
    }
    return;
  }
  std::unordered_set<size_t> drawn;
  while (drawn.size() < count) {
    const size_t rank = context.random() % size;
    if (drawn.insert(rank).second) reply_one_of(reply, set.at(rank).member(), has_scores);
  }
}

void zrandmember(KeyContext& context, Arguments arguments, Reply& reply) {
  const bool has_count = arguments.size() > 2;
  std::optional<int64_t> count = 1;
  if (has_count) {
    count = read_integer(arguments[2], reply);
    if (!count) return;
    if (*count == std::numeric_limits<int64_t>::min()) {
      return reply.error(
          "ERR value is out of range, value must between -9223372036854775807 and "
          "9223372036854775807");
    }
  }
  const bool has_scores = arguments.size() == 4;
  if (arguments.size() > 4 || (has_scores && !equals_ignoring_case(arguments[3], "withscores"))) {
    return reply.error(kSyntaxError);
  }
  constexpr int64_t kMostWithScores = std::numeric_limits<int64_t>::max() / 2;
  if (has_scores && (*count < -kMostWithScores || *count > kMostWithScores)) {
    return reply.error("ERR value is out of range");
  }
  const Entry entry = context.look_up(context.key());
  if (!entry) return has_count ? reply.array(0) : reply.null();
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const SortedSet& set = sorted_set_of(entry);
  if (!has_count) return reply_member(reply, set.random(context.random()));
  if (*count < -kMostDrawn) return reply.error("ERR value is out of range");
  if (*count < 0) {
    return reply_drawn(context, set, static_cast<uint64_t>(-*count), has_scores, reply);
  }
  const size_t distinct = std::min(static_cast<uint64_t>(*count), uint64_t{set.size()});
  reply_sample(context, set, distinct, has_scores, reply);
}

void zscan(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> cursor = read_cursor(arguments[2], reply);
  if (!cursor) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) {  // as in Redis, whatever the options are
    reply.array(2);
    reply_cursor(0, reply);
    return reply.array(0);
  }
  if (!is_sorted_set_or_absent(entry, reply)) return;
  std::optional<CollectionScan> scan =
      read_collection_scan(arguments.subspan(3), /*knows_novalues=*/false, reply);
  if (!scan) return;
  std::vector<SortedSet::Member> found;
  uint64_t position = *cursor;
  const auto matches = [&](const SortedSet::Member& member) {
    storage::NumberText scratch;
    return scan->matches(member.bytes(scratch));
  };
  if (!scan_some(sorted_set_of(entry), *scan, position, found, matches)) {
    return reply.error(text::kGlobTooDear);
  }
  reply.array(2);
  reply_cursor(position, reply);
  reply.array(2 * found.size());
  for (const SortedSet::Member& member : found) {
    reply_member(reply, member);
    char score[protocol::kMaxRealChars];
    reply.bulk({score, static_cast<size_t>(protocol::write_real(member.score, score) - score)});
  }
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kPopFromKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete};
constexpr std::string_view kLookUp = "O(1)";
constexpr std::string_view kRankCost = "O(log(N)) where N is the number of members";
constexpr std::string_view kPopCost =
    "O(log(N)*M) where N is the number of members and M of those answered";

constexpr auto kRows = checked({
    {.name = "zadd",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kSortedSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = zadd,
     .docs = {.summary = "Adds members with their scores, or gives them other scores.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = "O(log(N)) for each member added, where N is the number of members",
              .syntax = "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
              .history = "2.4.0: Takes several members.|3.0.2: Added `XX`, `NX`, `CH` and "
                         "`INCR`.|6.2.0: Added `GT` and `LT`."}},
    {.name = "zincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kSortedSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = zincrby,
     .docs = {.summary = "Adds to the score of a member, which has 0 if it is new.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kRankCost,
              .syntax = "key increment member"}},
    {.name = "zrem",
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kSortedSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = zrem,
     .docs = {.summary = "Removes members, and the key with the last of them.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = "O(M*log(N)) where N is the number of members and M of those removed",
              .syntax = "key member [member ...]",
              .history = "2.4.0: Takes several members."}},
    {.name = "zcard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = {1, 1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = zcard,
     .docs = {.summary = "Answers the number of members of a sorted set.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kLookUp,
              .syntax = "key"}},
    {.name = "zscore",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zscore,
     .docs = {.summary = "Answers the score of a member.",
              .since = "1.2.0",
              .group = "sorted-set",
              .complexity = kLookUp,
              .syntax = "key member"}},
    {.name = "zmscore",
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zmscore,
     .docs = {.summary = "Answers the scores of several members.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = "O(N) where N is the number of members asked for",
              .syntax = "key member [member ...]"}},
    {.name = "zrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrank,
     .docs = {.summary = "Answers how many members stand before one.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kRankCost,
              .syntax = "key member [WITHSCORE]",
              .history = "7.2.0: Added `WITHSCORE`."}},
    {.name = "zrevrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrevrank,
     .docs = {.summary = "Answers how many members stand behind one.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kRankCost,
              .syntax = "key member [WITHSCORE]",
              .history = "7.2.0: Added `WITHSCORE`."}},
    {.name = "zpopmin",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kSortedSetCategory,
     .keys = kPopFromKey,
     .locks = LockPlan::keys,
     .handler = zpopmin,
     .docs = {.summary = "Removes and answers the members with the lowest scores.",
              .since = "5.0.0",
              .group = "sorted-set",
              .complexity = kPopCost,
              .syntax = "key [count]"}},
    {.name = "zpopmax",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kSortedSetCategory,
     .keys = kPopFromKey,
     .locks = LockPlan::keys,
     .handler = zpopmax,
     .docs = {.summary = "Removes and answers the members with the highest scores.",
              .since = "5.0.0",
              .group = "sorted-set",
              .complexity = kPopCost,
              .syntax = "key [count]"}},
    {.name = "zmpop",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = {.first = 2,
              .last = -1,
              .step = 1,
              .flags = kKeyReadWrite | kKeyAccess | kKeyDelete,
              .count_at = 1},
     .locks = LockPlan::keys,
     .handler = zmpop,
     .docs = {.summary = "Removes and answers members of the first sorted set that has any.",
              .since = "7.0.0",
              .group = "sorted-set",
              .complexity = "O(K)+O(M*log(N)) where K is the number of keys, N of members and M of "
                            "those answered",
              .syntax = "numkeys key [key ...] <MIN | MAX> [COUNT count]"}},
    {.name = "zrandmember",
     .arity = -2,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zrandmember,
     .docs = {.summary =
                  "Answers random members: different ones, or, if the number is negative, so "
                  "many that each time may be any.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = "O(M*log(N)) where N is the number of members and M of those answered",
              .syntax = "key [count [WITHSCORES]]",
              .tips = "nondeterministic_output"}},
    {.name = "zscan",
     .arity = -3,
     .flags = kReadonly,
     .categories = kSortedSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = zscan,
     .docs = {.summary = "Walks through the members of a sorted set, some at a time.",
              .since = "2.8.0",
              .group = "sorted-set",
              .complexity = "O(1) for every call, O(N) for a whole walk through N members",
              .syntax = "key cursor [MATCH pattern] [COUNT count]",
              .tips = "nondeterministic_output"}},
});

}  // namespace

CommandFamily sorted_set_commands() {
  return kRows;
}

}  // namespace larder::server
