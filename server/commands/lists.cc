// Lists: parts of them, their middle, looking for elements. Their ends are in list_ends.cc.
#include <algorithm>
#include <limits>

#include "server/commands/families.h"
#include "server/commands/list_encoding.h"
#include "server/commands/list_ends.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

void llen(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_list_or_absent(entry, reply)) return;
  reply.integer(entry ? static_cast<int64_t>(list_of(entry).size()) : 0);
}

// A position as clients give it, from the end if negative; nothing if the list has none there.
std::optional<size_t> position_in(const List& list, int64_t index) {
  const auto length = static_cast<int64_t>(list.size());
  if (index < -length || index >= length) return std::nullopt;
  return static_cast<size_t>(index < 0 ? index + length : index);
}

// As in Redis, an absent key answers before the index is looked at.
void lindex(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.null();
  if (!is_list_or_absent(entry, reply)) return;
  const std::optional<int64_t> index = read_integer(arguments[2], reply);
  if (!index) return;
  const List& list = list_of(entry);
  const std::optional<size_t> position = position_in(list, *index);
  if (!position) return reply.null();
  reply_element(reply, list.at(*position).element());
}

void lset(KeyContext& context, Arguments arguments, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.error("ERR no such key");
  if (!is_list_or_absent(entry, reply)) return;
  const std::optional<int64_t> index = read_integer(arguments[2], reply);
  if (!index) return;
  const std::string_view element = arguments[3];
  const std::optional<size_t> position = position_in(list_of(entry), *index);
  if (!position) return reply.error("ERR index out of range");
  context.edit<List>(key, entry, [&](List& list) {
    note_growth(list, 1, element.size(), context.list_limit());
    list.replace(list.at(*position), element);
    note_shrinking(list, context.list_limit());
  });
  context.wrote(key, EventClass::list, "lset");
  context.effect_as_received();
  reply.ok();
}

// ---- ranges -------------------------------------------------------------------------------------

struct Range {
  size_t first = 0;
  size_t count = 0;
};

// What lies between two positions, both included; what is outside is cut off.
Range range_of(int64_t start, int64_t stop, const List& list) {
  const auto length = static_cast<int64_t>(list.size());
  const auto from_beginning = [length](int64_t at) {
    if (at >= 0) return at;
    return at < -length ? -1 : at + length;
  };
  const int64_t first = std::max<int64_t>(from_beginning(start), 0);
  const int64_t last = std::min(from_beginning(stop), length - 1);
  if (first > last) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(last - first + 1)};
}

// Answers the error and returns false if one of them is no integer.
bool read_range(Arguments arguments, int64_t& start, int64_t& stop, Reply& reply) {
  const std::optional<int64_t> first = read_integer(arguments[2], reply);
  if (!first) return false;
  const std::optional<int64_t> last = read_integer(arguments[3], reply);
  if (!last) return false;
  start = *first;
  stop = *last;
  return true;
}

void lrange(KeyContext& context, Arguments arguments, Reply& reply) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!read_range(arguments, start, stop, reply)) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.array(0);
  if (!is_list_or_absent(entry, reply)) return;
  const List& list = list_of(entry);
  const Range range = range_of(start, stop, list);
  reply.array(range.count);
  if (range.count == 0) return;
  reply.expect_texts(range.count, list.bytes() / list.size() * range.count);
  List::Cursor at = list.at(range.first);
  for (size_t left = range.count; left > 0; --left, at.next()) reply_element(reply, at.element());
}

void ltrim(KeyContext& context, Arguments arguments, Reply& reply) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!read_range(arguments, start, stop, reply)) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.ok();
  if (!is_list_or_absent(entry, reply)) return;
  const size_t length = list_of(entry).size();
  const Range kept = range_of(start, stop, list_of(entry));
  const bool is_left = context.edit<List>(key, entry, [&](List& list) {
    list.erase(kept.first + kept.count, length - kept.first - kept.count);
    list.erase(0, kept.first);
    note_shrinking(list, context.list_limit());
  });
  // As in Redis, all hear of it even if the list was that short.
  context.wrote(key, EventClass::list, "ltrim");
  if (!is_left) context.wrote(key, EventClass::generic, "del");
  context.effect_as_received();
  reply.ok();
}

// ---- looking for elements -----------------------------------------------------------------------

void lrem(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> count = read_integer(arguments[2], reply);
  if (!count) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_list_or_absent(entry, reply)) return;
  const End from = *count < 0 ? End::back : End::front;
  const uint64_t most = *count == 0  ? SIZE_MAX
                        : *count > 0 ? static_cast<uint64_t>(*count)
                                     : uint64_t{0} - static_cast<uint64_t>(*count);
  size_t removed = 0;
  const bool is_left = context.edit<List>(key, entry, [&](List& list) {
    removed = list.remove(arguments[3], from, most);
    if (removed > 0) note_shrinking(list, context.list_limit());
  });
  reply.integer(static_cast<int64_t>(removed));
  if (removed == 0) return;
  context.wrote(key, EventClass::list, "lrem");
  if (!is_left) context.wrote(key, EventClass::generic, "del");
  context.effect_as_received();
}

void linsert(KeyContext& context, Arguments arguments, Reply& reply) {
  const bool is_before = equals_ignoring_case(arguments[2], "before");
  if (!is_before && !equals_ignoring_case(arguments[2], "after")) {
    return reply.error(kSyntaxError);
  }
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.integer(0);
  if (!is_list_or_absent(entry, reply)) return;
  const List::Sought pivot(arguments[3]);
  List::Cursor at = list_of(entry).first(End::front);
  while (at && !at.is_at(pivot)) at.next();
  if (!at) return reply.integer(-1);
  const std::string_view element = arguments[4];
  size_t length = 0;
  context.edit<List>(key, entry, [&](List& list) {
    note_growth(list, 1, element.size(), context.list_limit());
    list.insert(at, is_before ? End::front : End::back, element);
    length = list.size();
  });
  context.wrote(key, EventClass::list, "linsert");
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(length));
}

struct PositionOptions {
  End from = End::front;
  uint64_t rank = 1;
  std::optional<uint64_t> count;  // 0: all; nothing: one, and no array
  uint64_t most_compared = 0;     // 0: all
};

bool read_rank(std::string_view argument, PositionOptions& options, Reply& reply) {
  const std::optional<int64_t> rank = read_integer(argument, reply);
  if (!rank) return false;
  if (*rank == std::numeric_limits<int64_t>::min()) {
    reply.error(
        "ERR value is out of range, value must between -9223372036854775807 and "
        "9223372036854775807");
    return false;
  }
  if (*rank == 0) {
    reply.error(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
        "negative to start from the end of the list");
    return false;
  }
  options.from = *rank < 0 ? End::back : End::front;
  options.rank = static_cast<uint64_t>(*rank < 0 ? -*rank : *rank);
  return true;
}

std::optional<PositionOptions> read_position_options(Arguments arguments, Reply& reply) {
  PositionOptions options;
  const auto read_natural = [&](std::string_view argument, std::string_view error) {
    const std::optional<int64_t> number = protocol::parse_int64(argument);
    if (number && *number >= 0) return std::optional(static_cast<uint64_t>(*number));
    reply.error(error);
    return std::optional<uint64_t>();
  };
  for (size_t i = 3; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const bool has_number = i + 1 < arguments.size();
    if (equals_ignoring_case(word, "rank") && has_number) {
      if (!read_rank(arguments[++i], options, reply)) return std::nullopt;
    } else if (equals_ignoring_case(word, "count") && has_number) {
      options.count = read_natural(arguments[++i], "ERR COUNT can't be negative");
      if (!options.count) return std::nullopt;
    } else if (equals_ignoring_case(word, "maxlen") && has_number) {
      const std::optional<uint64_t> most =
          read_natural(arguments[++i], "ERR MAXLEN can't be negative");
      if (!most) return std::nullopt;
      options.most_compared = *most;
    } else {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

std::vector<size_t> positions_of(const List& list, const List::Sought& sought,
                                 const PositionOptions& options) {
  const uint64_t wanted = options.count.value_or(1);
  const size_t compared = options.most_compared == 0
                              ? list.size()
                              : std::min<uint64_t>(options.most_compared, list.size());
  std::vector<size_t> positions;
  uint64_t matches = 0;
  List::Cursor at = list.first(options.from);
  for (size_t i = 0; i < compared; ++i, at.step(opposite(options.from))) {
    if (!at.is_at(sought) || ++matches < options.rank) continue;
    positions.push_back(options.from == End::front ? i : list.size() - 1 - i);
    if (wanted != 0 && positions.size() == wanted) break;
  }
  return positions;
}

void lpos(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<PositionOptions> options = read_position_options(arguments, reply);
  if (!options) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return options->count ? reply.array(0) : reply.null();
  if (!is_list_or_absent(entry, reply)) return;
  const std::vector<size_t> positions =
      positions_of(list_of(entry), List::Sought(arguments[2]), *options);
  if (!options->count) {
    return positions.empty() ? reply.null() : reply.integer(static_cast<int64_t>(positions[0]));
  }
  reply.array(positions.size());
  for (const size_t position : positions) reply.integer(static_cast<int64_t>(position));
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kInsertIntoKey{1, 1, 1, kKeyReadWrite | kKeyInsert};
constexpr KeyPositions kDeleteFromKey{1, 1, 1, kKeyReadWrite | kKeyDelete};
constexpr KeyPositions kPopFromKey{1, 1, 1, kKeyOfPop};
constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr std::string_view kEachElement = "O(N) where N is the number of elements added";

constexpr auto kRows = checked({
    {.name = "lpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kListCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = lpush,
     .docs = {.summary = "Adds elements at the front of a list, creating it if absent.",
              .since = "1.0.0",
              .group = "list",
              .complexity = kEachElement,
              .syntax = "key element [element ...]",
              .history = "2.4.0: Takes several elements."}},
    {.name = "rpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kListCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = rpush,
     .docs = {.summary = "Adds elements at the back of a list, creating it if absent.",
              .since = "1.0.0",
              .group = "list",
              .complexity = kEachElement,
              .syntax = "key element [element ...]",
              .history = "2.4.0: Takes several elements."}},
    {.name = "lpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kListCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = lpushx,
     .docs = {.summary = "Adds elements at the front of a list if it exists.",
              .since = "2.2.0",
              .group = "list",
              .complexity = kEachElement,
              .syntax = "key element [element ...]",
              .history = "4.0.0: Takes several elements."}},
    {.name = "rpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kListCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = rpushx,
     .docs = {.summary = "Adds elements at the back of a list if it exists.",
              .since = "2.2.0",
              .group = "list",
              .complexity = kEachElement,
              .syntax = "key element [element ...]",
              .history = "4.0.0: Takes several elements."}},
    {.name = "lpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kListCategory,
     .keys = kPopFromKey,
     .locks = LockPlan::keys,
     .handler = lpop,
     .docs = {.summary = "Removes and answers elements at the front of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the number of elements answered",
              .syntax = "key [count]",
              .history = "6.2.0: Takes a number of elements."}},
    {.name = "rpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kListCategory,
     .keys = kPopFromKey,
     .locks = LockPlan::keys,
     .handler = rpop,
     .docs = {.summary = "Removes and answers elements at the back of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the number of elements answered",
              .syntax = "key [count]",
              .history = "6.2.0: Takes a number of elements."}},
    {.name = "llen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kListCategory,
     .keys = {1, 1, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = llen,
     .docs = {.summary = "Answers the number of elements of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(1)",
              .syntax = "key"}},
    {.name = "lindex",
     .arity = 3,
     .flags = kReadonly,
     .categories = kListCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = lindex,
     .docs = {.summary = "Answers one element of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the distance from the nearer end, in chunks of 8 KiB",
              .syntax = "key index"}},
    {.name = "lset",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kListCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = lset,
     .docs = {.summary = "Overwrites one element of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the distance from the nearer end, in chunks of 8 KiB",
              .syntax = "key index element"}},
    {.name = "lrange",
     .arity = 4,
     .flags = kReadonly,
     .categories = kListCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = lrange,
     .docs = {.summary = "Answers a part of a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(S+N) where S is the distance from the nearer end, in chunks of 8 "
                            "KiB, and N the number of elements answered",
              .syntax = "key start stop"}},
    {.name = "ltrim",
     .arity = 4,
     .flags = kWrite,
     .categories = kListCategory,
     .keys = kDeleteFromKey,
     .locks = LockPlan::keys,
     .handler = ltrim,
     .docs = {.summary = "Removes all of a list but a part.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the number of elements removed",
              .syntax = "key start stop"}},
    {.name = "lrem",
     .arity = 4,
     .flags = kWrite,
     .categories = kListCategory,
     .keys = kDeleteFromKey,
     .locks = LockPlan::keys,
     .handler = lrem,
     .docs = {.summary = "Removes elements of one value from a list.",
              .since = "1.0.0",
              .group = "list",
              .complexity = "O(N) where N is the length of the list",
              .syntax = "key count element"}},
    {.name = "linsert",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kListCategory,
     .keys = kInsertIntoKey,
     .locks = LockPlan::keys,
     .handler = linsert,
     .docs = {.summary = "Adds an element next to another one of a list.",
              .since = "2.2.0",
              .group = "list",
              .complexity = "O(N) where N is the number of elements before the other one",
              .syntax = "key <BEFORE | AFTER> pivot element"}},
    {.name = "lpos",
     .arity = -3,
     .flags = kReadonly,
     .categories = kListCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = lpos,
     .docs = {.summary = "Answers where in a list elements of one value are.",
              .since = "6.0.6",
              .group = "list",
              .complexity = "O(N) where N is the number of elements compared",
              .syntax = "key element [RANK rank] [COUNT num-matches] [MAXLEN len]"}},
    {.name = "lmove",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kListCategory,
     .keys = kFromOneToOther,
     .locks = LockPlan::keys,
     .handler = lmove,
     .docs = {.summary = "Moves an element from an end of one list to an end of another.",
              .since = "6.2.0",
              .group = "list",
              .complexity = "O(1)",
              .syntax = "source destination <LEFT | RIGHT> <LEFT | RIGHT>"}},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .categories = kListCategory,
     .keys = kFromOneToOther,
     .locks = LockPlan::keys,
     .handler = rpoplpush,
     .docs = {.summary = "Moves an element from the back of one list to the front of another.",
              .since = "1.2.0",
              .group = "list",
              .complexity = "O(1)",
              .syntax = "source destination",
              .deprecated_since = "6.2.0",
              .replaced_by = "`LMOVE` with `RIGHT` and `LEFT`"}},
    {.name = "lmpop",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .categories = kListCategory,
     .keys = {.first = 2,
              .last = -1,
              .step = 1,
              .flags = kKeyReadWrite | kKeyAccess | kKeyDelete,
              .count_at = 1},
     .locks = LockPlan::keys,
     .handler = lmpop,
     .docs = {.summary = "Removes and answers elements of the first of several lists that has any.",
              .since = "7.0.0",
              .group = "list",
              .complexity = "O(N+M) where N is the number of keys and M of elements answered",
              .syntax = "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]"}},
});

}  // namespace

CommandFamily list_commands() {
  return kRows;
}

}  // namespace larder::server
