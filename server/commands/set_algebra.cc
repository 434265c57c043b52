// Sets made of several: what they have in common, together, or what only the first has.
#include <algorithm>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/set_commands.h"
#include "server/commands/set_encoding.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::Set;
using storage::SetEncoding;
using text::equals_ignoring_case;

// In the order of the keys; null for an absent one.
using Sources = std::vector<const Set*>;

// The sets of some keys, which stay where they are while nothing is written. Answers the error and
// returns nothing if one of the keys holds something else.
std::optional<Sources> find_sources(KeyContext& context, std::span<const Key> keys, Reply& reply) {
  Sources sources;
  sources.reserve(keys.size());
  for (const Key& key : keys) {
    const Entry entry = context.look_up(key);
    if (!is_set_or_absent(entry, reply)) return std::nullopt;
    sources.push_back(entry ? &set_of(entry) : nullptr);
  }
  return sources;
}

class OwnedSet {
 public:
  OwnedSet() : set_(Set::create()) {}
  ~OwnedSet() {
    if (set_ != nullptr) storage::Object::release(set_);
  }
  OwnedSet(const OwnedSet&) = delete;
  OwnedSet& operator=(const OwnedSet&) = delete;

  Set& operator*() { return *set_; }
  Set* operator->() { return set_; }
  Set* release() { return std::exchange(set_, nullptr); }

 private:
  Set* set_;
};

// ---- the three operations -----------------------------------------------------------------------

// Calls visitor(member) for what all have in common, until it returns false. The smallest is gone
// through.
template <typename Visitor>
void intersect(Sources sources, Visitor visitor) {
  const auto is_smaller = [](const Set* one, const Set* other) {
    return one->size() < other->size();
  };
  std::stable_sort(sources.begin(), sources.end(), is_smaller);
  sources.front()->visit([&](const Set::Member& member) {
    storage::NumberText scratch;
    const std::string_view text = member.bytes(scratch);
    const bool is_in_all = std::all_of(sources.begin() + 1, sources.end(), [&](const Set* other) {
      return other == sources.front() || other->contains(text);
    });
    return !is_in_all || visitor(text);
  });
}

bool are_all_there(const Sources& sources) {
  return std::find(sources.begin(), sources.end(), nullptr) == sources.end();
}

void unite(const Sources& sources, const KeyContext& context, Set& united) {
  storage::NumberText scratch;
  for (const Set* source : sources) {
    if (source == nullptr) continue;
    source->for_each(
        [&](const Set::Member& member) { add_member(united, member.bytes(scratch), context); });
  }
}

// Either each member of the first is looked for in all others, or all of theirs are taken out of
// it, whatever is less work.
void subtract(const Sources& sources, const KeyContext& context, Set& rest) {
  const Set* first = sources.front();
  if (first == nullptr) return;
  Sources others;
  size_t their_members = 0;
  for (size_t i = 1; i < sources.size(); ++i) {
    if (sources[i] == first) return;
    if (sources[i] == nullptr) continue;
    others.push_back(sources[i]);
    their_members += sources[i]->size();
  }
  storage::NumberText scratch;
  // Looking is about half the work of taking out, for it ends where one is found.
  const bool looks = first->size() * sources.size() / 2 <= first->size() + their_members;
  first->for_each([&](const Set::Member& member) {
    const std::string_view text = member.bytes(scratch);
    const auto contains = [&](const Set* other) { return other->contains(text); };
    if (!looks || std::none_of(others.begin(), others.end(), contains)) {
      add_member(rest, text, context);
    }
  });
  if (looks) return;
  for (const Set* other : others) {
    if (rest.is_empty()) return;
    other->for_each([&](const Set::Member& member) { rest.remove(member.bytes(scratch)); });
  }
}

// ---- answering ----------------------------------------------------------------------------------

void sinter(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys(), reply);
  if (!sources) return;
  if (!are_all_there(*sources)) return reply.set(0);
  if (sources->size() == 1) return reply_members(reply, *sources->front());
  // Their number comes first. The members are not kept: to look for them again takes no memory.
  size_t count = 0;
  intersect(*sources, [&](std::string_view) { return ++count > 0; });
  reply.set(count);
  intersect(*sources, [&](std::string_view member) {
    reply.bulk(member);
    return true;
  });
}

void sintercard(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> keys = protocol::parse_int64(arguments[1]);
  if (!keys || *keys < 1) return reply.error("ERR numkeys should be greater than 0");
  if (static_cast<uint64_t>(*keys) > arguments.size() - 2) {
    return reply.error("ERR Number of keys can't be greater than number of args");
  }
  uint64_t limit = 0;  // 0: none
  for (size_t i = 2 + static_cast<size_t>(*keys); i < arguments.size(); ++i) {
    if (!equals_ignoring_case(arguments[i], "limit") || i + 1 == arguments.size()) {
      return reply.error(kSyntaxError);
    }
    const std::optional<int64_t> number = protocol::parse_int64(arguments[++i]);
    if (!number || *number < 0) return reply.error("ERR LIMIT can't be negative");
    limit = static_cast<uint64_t>(*number);
  }
  const std::optional<Sources> sources = find_sources(context, context.keys(), reply);
  if (!sources) return;
  uint64_t count = 0;
  if (are_all_there(*sources)) {
    intersect(*sources, [&](std::string_view) { return ++count != limit; });
  }
  reply.integer(static_cast<int64_t>(count));
}

void sunion(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys(), reply);
  if (!sources) return;
  if (sources->size() == 1 && sources->front() != nullptr) {
    return reply_members(reply, *sources->front());
  }
  OwnedSet united;
  unite(*sources, context, *united);
  reply_members(reply, *united);
}

void sdiff(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys(), reply);
  if (!sources) return;
  OwnedSet rest;
  subtract(*sources, context, *rest);
  reply_members(reply, *rest);
}

// ---- storing ------------------------------------------------------------------------------------

// The set becomes the first key's value, or that goes if there is nothing in it.
void store(KeyContext& context, OwnedSet& result, std::string_view event, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  const auto size = static_cast<int64_t>(result->size());
  reply.integer(size);
  if (size == 0) {
    if (!entry) return;
    context.erase(key, entry);
    context.wrote(key, EventClass::generic, "del");
    if (context.listening()) context.effect({"DEL", key.text});
    return;
  }
  context.set_object(key, entry, result.release(), storage::kNoDeadline);
  context.wrote(key, EventClass::set, event);
  context.effect_as_received();
}

// As in Redis: an intset if it can be one, else what the smallest of its sources is.
SetEncoding encoding_of_intersection(const Set& result, const Sources& sources,
                                     const SetLimits& limits) {
  storage::NumberText scratch;
  const bool are_integers = result.visit(
      [&](const Set::Member& member) { return is_integer_text(member.bytes(scratch)); });
  const bool is_small = result.size() <= static_cast<uint64_t>(limits.ints);
  if (are_integers && is_small) return SetEncoding::intset;
  const auto is_smaller = [](const Set* one, const Set* other) {
    return one->size() < other->size();
  };
  const SetEncoding first =
      (*std::min_element(sources.begin(), sources.end(), is_smaller))->encoding();
  return first == SetEncoding::intset ? SetEncoding::hashtable : first;
}

void sinterstore(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys().subspan(1), reply);
  if (!sources) return;
  OwnedSet result;
  if (are_all_there(*sources)) {
    intersect(*sources, [&](std::string_view member) {
      return result->add(member, context.hasher());  // none is there twice
    });
    result->set_encoding(encoding_of_intersection(*result, *sources, context.set_limits()));
  }
  store(context, result, "sinterstore", reply);
}

void sunionstore(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys().subspan(1), reply);
  if (!sources) return;
  OwnedSet result;
  unite(*sources, context, *result);
  store(context, result, "sunionstore", reply);
}

void sdiffstore(KeyContext& context, Arguments, Reply& reply) {
  const std::optional<Sources> sources = find_sources(context, context.keys().subspan(1), reply);
  if (!sources) return;
  OwnedSet result;
  subtract(*sources, context, *result);
  store(context, result, "sdiffstore", reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKeys{1, -1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kStoreIntoFirst{1, -1, 1, kKeyOverwrite | kKeyUpdate,
                                       kKeyReadOnly | kKeyAccess};
constexpr std::string_view kOfSmallest =
    "O(N*M) where N is the number of members of the smallest set and M the number of sets";
constexpr std::string_view kOfAll = "O(N) where N is the number of members of all sets together";

constexpr auto kRows = checked({
    {.name = "sinter",
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKeys,
     .locks = LockPlan::keys,
     .handler = sinter,
     .docs = {.summary = "Answers what several sets have in common.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfSmallest,
              .syntax = "key [key ...]",
              .tips = "nondeterministic_output_order"}},
    {.name = "sintercard",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSetCategory,
     .keys = {.first = 2, .last = -1, .step = 1, .flags = kKeyReadOnly | kKeyAccess, .count_at = 1},
     .locks = LockPlan::keys,
     .handler = sintercard,
     .docs = {.summary = "Answers how many members several sets have in common.",
              .since = "7.0.0",
              .group = "set",
              .complexity = kOfSmallest,
              .syntax = "numkeys key [key ...] [LIMIT limit]"}},
    {.name = "sinterstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = {1, -1, 1, kKeyReadWrite | kKeyUpdate, kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = sinterstore,
     .docs = {.summary = "Makes a set of what several sets have in common.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfSmallest,
              .syntax = "destination key [key ...]"}},
    {.name = "sunion",
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKeys,
     .locks = LockPlan::keys,
     .handler = sunion,
     .docs = {.summary = "Answers the members of several sets together.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfAll,
              .syntax = "key [key ...]",
              .tips = "nondeterministic_output_order"}},
    {.name = "sunionstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = kStoreIntoFirst,
     .locks = LockPlan::keys,
     .handler = sunionstore,
     .docs = {.summary = "Makes a set of the members of several sets together.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfAll,
              .syntax = "destination key [key ...]"}},
    {.name = "sdiff",
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKeys,
     .locks = LockPlan::keys,
     .handler = sdiff,
     .docs = {.summary = "Answers the members of the first set that are in none of the others.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfAll,
              .syntax = "key [key ...]",
              .tips = "nondeterministic_output_order"}},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = kStoreIntoFirst,
     .locks = LockPlan::keys,
     .handler = sdiffstore,
     .docs = {.summary = "Makes a set of the members of one set that are in none of the others.",
              .since = "1.0.0",
              .group = "set",
              .complexity = kOfAll,
              .syntax = "destination key [key ...]"}},
});

}  // namespace

CommandFamily set_algebra_commands() {
  return kRows;
}

}  // namespace larder::server
