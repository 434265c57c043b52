// Sets: members of one set. What is made of several is in set_algebra.cc.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "server/commands/collection_scan.h"
#include "server/commands/families.h"
#include "server/commands/random_sample.h"
#include "server/commands/set_commands.h"
#include "server/commands/set_encoding.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::Set;

// Members in one effect.
constexpr size_t kMostInEffect = 1024;

// ---- adding and removing ------------------------------------------------------------------------

void sadd(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_set_or_absent(entry, reply)) return;
  const Arguments members = arguments.subspan(2);
  int64_t added = 0;
  const auto add = [&](Set& set) {
    note_additions(set, members, context.set_limits());
    for (const std::string_view member : members) added += add_member(set, member, context) ? 1 : 0;
  };
  if (entry) {
    context.edit<Set>(key, entry, add);
  } else {
    context.create<Set>(key, add);
  }
  reply.integer(added);
  if (added == 0) return;
  context.wrote(key, EventClass::set, "sadd");
  context.effect_as_received();
}

void wrote_removal(KeyContext& context, const Key& key, std::string_view event, bool is_left) {
  context.wrote(key, EventClass::set, event);
  if (!is_left) context.wrote(key, EventClass::generic, "del");
}

void srem(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_set_or_absent(entry, reply)) return;
  if (!entry) return reply.integer(0);
  int64_t removed = 0;
  const bool is_left = context.edit<Set>(key, entry, [&](Set& set) {
    for (const std::string_view member : arguments.subspan(2)) {
      removed += set.remove(member) ? 1 : 0;
    }
  });
  reply.integer(removed);
  if (removed == 0) return;
  wrote_removal(context, key, "srem", is_left);
  context.effect_as_received();
}

void smove(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& source = context.keys()[0];
  const Key& destination = context.keys()[1];
  // The second look may remove what is past its deadline, after which the first would not hold.
  context.find(destination);
  const Entry from = context.find(source);
  if (!from) return reply.integer(0);
  if (!is_set_or_absent(from, reply) || !is_set_or_absent(context.find(destination), reply)) return;
  const std::string_view member = arguments[3];
  const bool is_there = set_of(from).contains(member);
  reply.integer(is_there ? 1 : 0);
  if (!is_there || source.text == destination.text) return;
  const bool is_left = context.edit<Set>(source, from, [&](Set& set) { set.remove(member); });
  wrote_removal(context, source, "srem", is_left);
  bool is_added = false;
  const auto add = [&](Set& set) {
    note_additions(set, arguments.subspan(3), context.set_limits());
    is_added = add_member(set, member, context);
  };
  const Entry to = context.find(destination);
  if (to) {
    context.edit<Set>(destination, to, add);
  } else {
    context.create<Set>(destination, add);
  }
  if (is_added) context.wrote(destination, EventClass::set, "sadd");
  context.effect_as_received();
}

// ---- asking -------------------------------------------------------------------------------------

void sismember(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  reply.integer(entry && set_of(entry).contains(arguments[2]) ? 1 : 0);
}

void smismember(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  const Arguments members = arguments.subspan(2);
  reply.array(members.size());
  for (const std::string_view member : members) {
    reply.integer(entry && set_of(entry).contains(member) ? 1 : 0);
  }
}

void scard(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(set_of(entry).size()) : 0);
}

void smembers(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  if (!entry) return reply.set(0);
  reply_members(reply, set_of(entry));
}

void sscan(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> cursor = read_cursor(arguments[2], reply);
  if (!cursor) return;
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  if (!entry) {
    reply.array(2);
    reply_cursor(0, reply);
    return reply.array(0);
  }
  std::optional<CollectionScan> scan =
      read_collection_scan(arguments.subspan(3), /*knows_novalues=*/false, reply);
  if (!scan) return;
  std::vector<Set::Member> found;
  uint64_t position = *cursor;
  const auto matches = [&](const Set::Member& member) {
    storage::NumberText scratch;
    return scan->matches(member.bytes(scratch));
  };
  if (!scan_some(set_of(entry), *scan, position, found, matches)) {
    return reply.error(text::kGlobTooDear);
  }
  reply.array(2);
  reply_cursor(position, reply);
  reply.array(found.size());
  for (const Set::Member& member : found) reply_member(reply, member);
}

// ---- some members -------------------------------------------------------------------------------

// One member, removed; followers are told which.
void pop_one(KeyContext& context, const Key& key, Entry entry, Reply& reply) {
  std::string effect;
  const bool is_left = context.edit<Set>(key, entry, [&](Set& set) {
    set.pop(context.random(), [&](const Set::Member& member) {
      reply_member(reply, member);
      storage::NumberText scratch;
      if (context.listening()) effect = member.bytes(scratch);
    });
  });
  wrote_removal(context, key, "spop", is_left);
  if (context.listening()) context.effect({"SREM", key.text, effect});
}

void tell_removals(KeyContext& context, const Key& key, const std::vector<std::string>& members) {
  for (size_t from = 0; from < members.size(); from += kMostInEffect) {
    const size_t to = std::min(from + kMostInEffect, members.size());
    std::vector<std::string_view> command{"SREM", key.text};
    for (size_t i = from; i < to; ++i) command.push_back(members[i]);
    context.effect(command);
  }
}

void pop_many(KeyContext& context, const Key& key, Entry entry, uint64_t count, Reply& reply) {
  if (count >= set_of(entry).size()) {
    reply_members(reply, set_of(entry));
    context.erase(key, entry);
    wrote_removal(context, key, "spop", /*is_left=*/false);
    if (context.listening()) context.effect({"DEL", key.text});
    return;
  }
  std::vector<std::string> removed;  // for followers
  reply.set(count);
  context.edit<Set>(key, entry, [&](Set& set) {
    for (uint64_t left = count; left > 0; --left) {
      set.pop(context.random(), [&](const Set::Member& member) {
        reply_member(reply, member);
        storage::NumberText scratch;
        if (context.listening()) removed.emplace_back(member.bytes(scratch));
      });
    }
  });
  wrote_removal(context, key, "spop", /*is_left=*/true);
  tell_removals(context, key, removed);
}

void spop(KeyContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 3) return reply.error(kSyntaxError);
  const bool has_count = arguments.size() == 3;
  const std::optional<int64_t> count = has_count ? protocol::parse_int64(arguments[2]) : 1;
  if (!count || *count < 0) return reply.error("ERR value is out of range, must be positive");
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_set_or_absent(entry, reply)) return;
  if (!has_count) return entry ? pop_one(context, key, entry, reply) : reply.null();
  if (!entry || *count == 0) return reply.set(0);
  pop_many(context, key, entry, static_cast<uint64_t>(*count), reply);
}

// Members that may be the same, one after the other.
void reply_drawn(KeyContext& context, const Set& set, uint64_t count, Reply& reply) {
  constexpr size_t kFew = 1000;
  std::vector<Set::Member> members;  // of a small set, where looking for one takes longer
  if (set.size() <= kFew && count > 1) {
    set.for_each([&](const Set::Member& member) { members.push_back(member); });
  }
  reply.array(count);
  for (; count > 0; --count) {
    const uint64_t random = context.random();
    reply_member(reply, members.empty() ? set.random(random)
                                        : members[random_below(random, members.size())]);
  }
}

void srandmember(KeyContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 3) return reply.error(kSyntaxError);
  const bool has_count = arguments.size() == 3;
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
  const Entry entry = context.look_up(context.key());
  if (!is_set_or_absent(entry, reply)) return;
  if (!has_count) {
    return entry ? reply_member(reply, set_of(entry).random(context.random())) : reply.null();
  }
  if (!entry || *count == 0) return reply.array(0);
  const Set& set = set_of(entry);
  if (*count < -kMostDrawn) return reply.error("ERR value is out of range");
  if (*count < 0) return reply_drawn(context, set, static_cast<uint64_t>(-*count), reply);
  const size_t answered = std::min(static_cast<uint64_t>(*count), uint64_t{set.size()});
  reply.array(answered);
  sample_distinct(set, answered, context,
                  [&](const Set::Member& member) { reply_member(reply, member); });
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr KeyPositions kAskKey{1, 1, 1, kKeyReadOnly};

constexpr auto kRows = checked({
    {.name = "sadd",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = sadd,
     .docs = {.summary = "Adds members to a set, creating it if absent.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(N) where N is the number of members added",
              .syntax = "key member [member ...]",
              .history = "2.4.0: Takes several members."}},
    {.name = "srem",
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = srem,
     .docs = {.summary = "Removes members of a set, and the key with the last of them.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(N) where N is the number of members removed",
              .syntax = "key member [member ...]",
              .history = "2.4.0: Takes several members."}},
    {.name = "smove",
     .arity = 4,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = {1, 2, 1, kKeyReadWrite | kKeyAccess | kKeyDelete, kKeyReadWrite | kKeyInsert},
     .locks = LockPlan::keys,
     .handler = smove,
     .docs = {.summary = "Moves a member from one set to another.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(1)",
              .syntax = "source destination member"}},
    {.name = "sismember",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kAskKey,
     .locks = LockPlan::keys,
     .handler = sismember,
     .docs = {.summary = "Answers whether something is a member of a set.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(1)",
              .syntax = "key member"}},
    {.name = "smismember",
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = smismember,
     .docs = {.summary = "Answers, for each of several things, whether it is a member of a set.",
              .since = "6.2.0",
              .group = "set",
              .complexity = "O(N) where N is the number of things asked for",
              .syntax = "key member [member ...]"}},
    {.name = "scard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kAskKey,
     .locks = LockPlan::keys,
     .handler = scard,
     .docs = {.summary = "Answers the number of members of a set.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "smembers",
     .arity = 2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = smembers,
     .docs = {.summary = "Answers all members of a set.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(N) where N is the number of members",
              .syntax = "key",
              .tips = "nondeterministic_output_order"}},
    {.name = "sscan",
     .arity = -3,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = sscan,
     .docs = {.summary = "Goes through the members of a set, some at each call.",
              .since = "2.8.0",
              .group = "set",
              .complexity = "O(N) where N is COUNT; O(M) for a whole iteration over M members",
              .syntax = "key cursor [MATCH pattern] [COUNT count]",
              .tips = "nondeterministic_output"}},
    {.name = "spop",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete},
     .locks = LockPlan::keys,
     .handler = spop,
     .docs = {.summary = "Removes and answers random members of a set.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(N) where N is the number of members answered",
              .syntax = "key [count]",
              .history = "3.2.0: Takes a number of members.",
              .tips = "nondeterministic_output"}},
    {.name = "srandmember",
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = srandmember,
     .docs = {.summary = "Answers random members of a set: different ones, or, if the number is "
                         "negative, so many that each time may be any.",
              .since = "1.0.0",
              .group = "set",
              .complexity = "O(N) where N is the number of members answered, O(M) with M members "
                            "in the set if it is more than a third of them",
              .syntax = "key [count]",
              .history = "2.6.0: Takes a number of members.",
              .tips = "nondeterministic_output"}},
});

}  // namespace

CommandFamily set_commands() {
  return kRows;
}

}  // namespace larder::server
