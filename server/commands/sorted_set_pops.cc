#include "server/commands/sorted_set_pops.h"

#include <algorithm>

#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Dialect;
using protocol::Reply;
using storage::Entry;

std::string_view event_of(End end) {
  return end == End::front ? "zpopmin" : "zpopmax";
}
std::string_view command_of(End end) {
  return end == End::front ? "ZPOPMIN" : "ZPOPMAX";
}

// Answers `count` members from the end inwards, as pairs or side by side, and removes them.
// REQUIRES: they are there, and the head of their array was written.
void take(KeyContext& context, const Key& key, Entry entry, End end, size_t count, bool are_pairs,
          Reply& reply) {
  const SortedSet& before = sorted_set_of(entry);
  SortedSet::Cursor at = before.at(end == End::front ? 0 : before.size() - 1);
  for (size_t left = count; left > 0; --left) {
    if (are_pairs) reply.array(2);
    reply_member_and_score(reply, at.member());
    end == End::front ? at.next() : at.previous();
  }
  const bool is_left = context.edit<SortedSet>(key, entry, [&](SortedSet& set) {
    set.erase_range(end == End::front ? 0 : set.size() - count, count);
  });
  wrote_removal(context, key, event_of(end), is_left);
  if (context.listening()) {
    context.effect({command_of(end), key.text, IntegerText(static_cast<int64_t>(count))});
  }
}

void pop(KeyContext& context, Arguments arguments, End end, Reply& reply) {
  if (arguments.size() > 3) return reply.error(kSyntaxError);
  const bool has_count = arguments.size() == 3;
  size_t count = 1;
  if (has_count) {
    const std::optional<int64_t> said = protocol::parse_int64(arguments[2]);
    if (!said || *said < 0) return reply.error("ERR value is out of range, must be positive");
    count = static_cast<size_t>(*said);
  }
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return reply.array(0);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  count = std::min(count, sorted_set_of(entry).size());
  const bool are_pairs = has_count && reply.dialect() == Dialect::resp3;
  reply.array(are_pairs ? count : 2 * count);
  if (count > 0) take(context, key, entry, end, count, are_pairs, reply);
}

}  // namespace

std::optional<End> find_extreme(std::string_view word) {
  if (text::equals_ignoring_case(word, "min")) return End::front;
  if (text::equals_ignoring_case(word, "max")) return End::back;
  return std::nullopt;
}

void pop_extreme(KeyContext& context, const Key& key, Entry entry, End end, Reply& reply) {
  take(context, key, entry, end, 1, /*are_pairs=*/false, reply);
}

void pop_named_extremes(KeyContext& context, const Key& key, Entry entry, const MultiPop& wish,
                        Reply& reply) {
  const size_t count = std::min(wish.count, sorted_set_of(entry).size());
  reply.array(2);
  reply.bulk(key.text);
  reply.array(count);
  take(context, key, entry, wish.end, count, /*are_pairs=*/true, reply);
}

bool pop_extremes_of_first(KeyContext& context, const MultiPop& wish, Reply& reply) {
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (!is_sorted_set_or_absent(entry, reply)) return true;
    if (!entry) continue;
    pop_named_extremes(context, key, entry, wish, reply);
    return true;
  }
  return false;
}

void zpopmin(KeyContext& context, Arguments arguments, Reply& reply) {
  pop(context, arguments, End::front, reply);
}

void zpopmax(KeyContext& context, Arguments arguments, Reply& reply) {
  pop(context, arguments, End::back, reply);
}

void zmpop(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(1), find_extreme, reply);
  if (wish && !pop_extremes_of_first(context, *wish, reply)) reply.null_array();
}

}  // namespace larder::server
