// Sorted sets: ZUNION ZINTER ZDIFF ZINTERCARD and their forms that store.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/sorted_sets.h"
#include "server/text/ascii.h"
#include "storage/set/set.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

enum class Operation : uint8_t { unite, intersect, subtract };
enum class Aggregate : uint8_t { sum, min, max };

// What a member weighs, and what comes of two.
double weighed(double weight, double score) {
  const double value = weight * score;
  return std::isnan(value) ? 0 : value;
}
double aggregated(double a, double b, Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::sum: {
      const double sum = a + b;
      return std::isnan(sum) ? 0 : sum;  // of infinities
    }
    case Aggregate::min:
      return b < a ? b : a;
    case Aggregate::max:
      break;
  }
  return b > a ? b : a;
}

// What members are taken from: a sorted set, a set, whose members have 1 for their score, or
// nothing.
class Source {
 public:
  // Answers the error and returns false if the entry holds something else.
  bool open(const Entry& entry, Reply& reply) {
    if (entry && entry.is_object() && entry.type() == storage::Type::set) {
      plain_ = &entry.object().as<storage::Set>();
      return true;
    }
    if (!is_sorted_set_or_absent(entry, reply)) return false;
    if (entry) set_ = &sorted_set_of(entry);
    return true;
  }

  double weight = 1;

  size_t size() const {
    if (plain_ != nullptr) return plain_->size();
    return set_ == nullptr ? 0 : set_->size();
  }
  std::optional<double> score_of(std::string_view text) const {
    if (plain_ != nullptr) return plain_->contains(text) ? std::optional(1.0) : std::nullopt;
    if (set_ == nullptr) return std::nullopt;
    const SortedSet::Place place = set_->find(text);
    return place ? std::optional(place.score()) : std::nullopt;
  }
  // Calls visitor(text, score) for each member until it returns false.
  template <typename Visitor>
  void visit(Visitor visitor) const {
    storage::NumberText scratch;
    if (plain_ != nullptr) {
      plain_->visit([&](const storage::Set::Member& member) {
        return static_cast<bool>(visitor(member.bytes(scratch), 1.0));
      });
    }
    if (set_ == nullptr) return;
    for (SortedSet::Cursor at = set_->at(0); at; at.next()) {
      const SortedSet::Member member = at.member();
      if (!visitor(member.bytes(scratch), member.score)) return;
    }
  }

 private:
  const SortedSet* set_ = nullptr;
  const storage::Set* plain_ = nullptr;
};

struct Request {
  Operation operation = Operation::unite;
  bool is_stored = false;
  bool counts = false;  // ZINTERCARD
  std::string_view name;
  size_t count_at = 1;  // argument

  std::vector<Source> sources;
  Aggregate aggregate = Aggregate::sum;
  bool has_scores = false;
  uint64_t limit = 0;  // 0: none
};

bool read_sources(KeyContext& context, Arguments arguments, Request& request, Reply& reply) {
  const std::optional<int64_t> count = read_integer(arguments[request.count_at], reply);
  if (!count) return false;
  if (*count < 1) {
    reply.error("ERR at least 1 input key is needed for '" + std::string(request.name) +
                "' command");
    return false;
  }
  if (static_cast<uint64_t>(*count) > arguments.size() - request.count_at - 1) {
    reply.error(kSyntaxError);
    return false;
  }
  const std::span<const Key> keys = context.keys().subspan(request.is_stored ? 1 : 0);
  // Each look may remove what is past its deadline, after which handles would not hold.
  for (const Key& key : keys) context.find(key);
  request.sources.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!request.sources[i].open(context.look_up(keys[i]), reply)) return false;
  }
  return true;
}

bool read_aggregate(std::string_view word, Aggregate& aggregate) {
  if (equals_ignoring_case(word, "sum")) {
    aggregate = Aggregate::sum;
  } else if (equals_ignoring_case(word, "min")) {
    aggregate = Aggregate::min;
  } else if (equals_ignoring_case(word, "max")) {
    aggregate = Aggregate::max;
  } else {
    return false;
  }
  return true;
}

bool read_words(Arguments words, Request& request, Reply& reply) {
  const bool has_weights = request.operation != Operation::subtract && !request.counts;
  const auto fail = [&reply](std::string_view error) {
    reply.error(error);
    return false;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const size_t further = words.size() - i - 1;
    if (has_weights && further >= request.sources.size() && equals_ignoring_case(word, "weights")) {
      for (Source& source : request.sources) {
        const std::optional<double> weight =
            read_score(words[++i], reply, "ERR weight value is not a float");
        if (!weight) return false;
        source.weight = *weight;
      }
    } else if (has_weights && further >= 1 && equals_ignoring_case(word, "aggregate")) {
      if (!read_aggregate(words[++i], request.aggregate)) return fail(kSyntaxError);
    } else if (!request.is_stored && !request.counts && equals_ignoring_case(word, "withscores")) {
      request.has_scores = true;
    } else if (request.counts && further >= 1 && equals_ignoring_case(word, "limit")) {
      const std::optional<int64_t> limit = protocol::parse_int64(words[++i]);
      if (!limit || *limit < 0) return fail("ERR LIMIT can't be negative");
      request.limit = static_cast<uint64_t>(*limit);
    } else {
      return fail(kSyntaxError);
    }
  }
  return true;
}

// ---- what comes of the sources ------------------------------------------------------------------

// Calls visitor(text, score) for each member of all sources, the smallest of which comes first,
// until it returns false.
template <typename Visitor>
void visit_intersection(const Request& request, Visitor visitor) {
  const std::vector<Source>& sources = request.sources;
  sources[0].visit([&](std::string_view text, double score) {
    double result = weighed(sources[0].weight, score);
    for (size_t i = 1; i < sources.size(); ++i) {
      const std::optional<double> other = sources[i].score_of(text);
      if (!other) return true;
      // Not as in a union: 0 times infinity is taken as it is.
      result = aggregated(result, sources[i].weight * *other, request.aggregate);
    }
    return static_cast<bool>(visitor(text, result));
  });
}

OwnedSortedSet intersection(KeyContext& context, const Request& request) {
  OwnedSortedSet made(SortedSet::create());
  visit_intersection(request, [&](std::string_view text, double score) {
    made->add(text, score, context.hasher());
    return true;
  });
  return made;
}

OwnedSortedSet united(KeyContext& context, const Request& request) {
  OwnedSortedSet made(SortedSet::create());
  for (const Source& source : request.sources) {
    source.visit([&](std::string_view text, double score) {
      const double value = weighed(source.weight, score);
      const SortedSet::Place place = made->find(text);
      if (place) {
        made->update(place, aggregated(place.score(), value, request.aggregate));
      } else {
        made->insert(place, text, value, context.hasher());
      }
      return true;
    });
  }
  return made;
}

OwnedSortedSet difference(KeyContext& context, const Request& request) {
  OwnedSortedSet made(SortedSet::create());
  const std::vector<Source>& sources = request.sources;
  sources[0].visit([&](std::string_view text, double score) {
    for (size_t i = 1; i < sources.size(); ++i) {
      if (sources[i].score_of(text)) return true;
    }
    made->add(text, score, context.hasher());
    return true;
  });
  return made;
}

OwnedSortedSet result_of(KeyContext& context, const Request& request) {
  switch (request.operation) {
    case Operation::unite:
      return united(context, request);
    case Operation::intersect:
      return intersection(context, request);
    case Operation::subtract:
      break;
  }
  return difference(context, request);
}

// The order of floating-point sums, and so their last digits, are those of Redis: by size.
bool read_request(KeyContext& context, Arguments arguments, Request& request, Reply& reply) {
  if (!read_sources(context, arguments, request, reply)) return false;
  const size_t words_at = request.count_at + 1 + request.sources.size();
  if (!read_words(arguments.subspan(words_at), request, reply)) return false;
  if (request.operation != Operation::subtract) {
    std::stable_sort(request.sources.begin(), request.sources.end(),
                     [](const Source& a, const Source& b) { return a.size() < b.size(); });
  }
  return true;
}

void answer(KeyContext& context, Arguments arguments, Request request, Reply& reply) {
  if (!read_request(context, arguments, request, reply)) return;
  const OwnedSortedSet made = result_of(context, request);
  reply_members_head(reply, made->size(), request.has_scores);
  for (SortedSet::Cursor at = made->at(0); at; at.next()) {
    reply_one_of(reply, at.member(), request.has_scores);
  }
}

void store(KeyContext& context, Arguments arguments, Request request, Reply& reply) {
  request.is_stored = true;
  request.count_at = 2;
  if (!read_request(context, arguments, request, reply)) return;
  store_sorted_set(context, context.keys()[0], result_of(context, request), request.name, reply);
}

void zunion(KeyContext& context, Arguments arguments, Reply& reply) {
  answer(context, arguments, {.operation = Operation::unite, .name = "zunion", .sources = {}},
         reply);
}
void zinter(KeyContext& context, Arguments arguments, Reply& reply) {
  answer(context, arguments, {.operation = Operation::intersect, .name = "zinter", .sources = {}},
         reply);
}
void zdiff(KeyContext& context, Arguments arguments, Reply& reply) {
  answer(context, arguments, {.operation = Operation::subtract, .name = "zdiff", .sources = {}},
         reply);
}
void zunionstore(KeyContext& context, Arguments arguments, Reply& reply) {
  store(context, arguments, {.operation = Operation::unite, .name = "zunionstore", .sources = {}},
        reply);
}
void zinterstore(KeyContext& context, Arguments arguments, Reply& reply) {
  store(context, arguments,
        {.operation = Operation::intersect, .name = "zinterstore", .sources = {}}, reply);
}
void zdiffstore(KeyContext& context, Arguments arguments, Reply& reply) {
  store(context, arguments, {.operation = Operation::subtract, .name = "zdiffstore", .sources = {}},
        reply);
}

void zintercard(KeyContext& context, Arguments arguments, Reply& reply) {
  Request request{
      .operation = Operation::intersect, .counts = true, .name = "zintercard", .sources = {}};
  if (!read_request(context, arguments, request, reply)) return;
  uint64_t count = 0;
  visit_intersection(request, [&](std::string_view, double) { return ++count != request.limit; });
  reply.integer(static_cast<int64_t>(count));
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr uint32_t kRead = kKeyReadOnly | kKeyAccess;
constexpr KeyPositions kSources{.first = 2, .last = -1, .step = 1, .flags = kRead, .count_at = 1};
constexpr KeyPositions kSourcesAndDestination{.first = 3,
                                              .last = -1,
                                              .step = 1,
                                              .flags = kKeyOverwrite | kKeyUpdate,
                                              .further_flags = kRead,
                                              .count_at = 2,
                                              .destination_at = 1};
constexpr std::string_view kUnionCost =
    "O(N*log(M)) where N is the number of members of all sources and M of the result";
constexpr std::string_view kInterCost =
    "O(N*K+M*log(M)) where N is the number of members of the smallest source, K of sources and M "
    "of members of the result";
constexpr std::string_view kDiffCost =
    "O(N*K+M*log(M)) where N is the number of members of the first source, K of sources and M of "
    "members of the result";
constexpr std::string_view kWeighed =
    "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
    "[WITHSCORES]";
constexpr std::string_view kWeighedAndStored =
    "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
    "[AGGREGATE <SUM | MIN | MAX>]";

constexpr auto kRows = checked({
    {.name = "zunion",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSources,
     .locks = LockPlan::keys,
     .handler = zunion,
     .docs = {.summary = "Answers the members that any of several sorted sets has.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = kUnionCost,
              .syntax = kWeighed}},
    {.name = "zunionstore",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSourcesAndDestination,
     .locks = LockPlan::keys,
     .handler = zunionstore,
     .docs = {.summary = "Makes a sorted set of the members that any of several ones has.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kUnionCost,
              .syntax = kWeighedAndStored}},
    {.name = "zinter",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSources,
     .locks = LockPlan::keys,
     .handler = zinter,
     .docs = {.summary = "Answers the members that all of several sorted sets have.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = kInterCost,
              .syntax = kWeighed}},
    {.name = "zinterstore",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSourcesAndDestination,
     .locks = LockPlan::keys,
     .handler = zinterstore,
     .docs = {.summary = "Makes a sorted set of the members that all of several ones have.",
              .since = "2.0.0",
              .group = "sorted-set",
              .complexity = kInterCost,
              .syntax = kWeighedAndStored}},
    {.name = "zintercard",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSources,
     .locks = LockPlan::keys,
     .handler = zintercard,
     .docs = {.summary = "Counts the members that all of several sorted sets have.",
              .since = "7.0.0",
              .group = "sorted-set",
              .complexity = "O(N*K) where N is the number of members of the smallest source and K "
                            "of sources",
              .syntax = "numkeys key [key ...] [LIMIT limit]"}},
    {.name = "zdiff",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSources,
     .locks = LockPlan::keys,
     .handler = zdiff,
     .docs = {.summary = "Answers the members of a sorted set that others do not have.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = kDiffCost,
              .syntax = "numkeys key [key ...] [WITHSCORES]"}},
    {.name = "zdiffstore",
     .arity = -4,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kSortedSetCategory,
     .keys = kSourcesAndDestination,
     .locks = LockPlan::keys,
     .handler = zdiffstore,
     .docs = {.summary = "Makes a sorted set of the members of one that others do not have.",
              .since = "6.2.0",
              .group = "sorted-set",
              .complexity = kDiffCost,
              .syntax = "destination numkeys key [key ...]"}},
});

}  // namespace

CommandFamily sorted_set_algebra_commands() {
  return kRows;
}

}  // namespace larder::server
