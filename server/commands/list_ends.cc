#include "server/commands/list_ends.h"

#include <algorithm>
#include <limits>

#include "server/commands/list_encoding.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

std::string_view push_event(End end) { return end == End::front ? "lpush" : "rpush"; }
std::string_view pop_event(End end) { return end == End::front ? "lpop" : "rpop"; }
std::string_view pop_command(End end) { return end == End::front ? "LPOP" : "RPOP"; }

// Events of elements that went; `is_left`: the key is still there.
void wrote_removal(KeyContext& context, const Key& key, std::string_view event, bool is_left) {
  context.wrote(key, EventClass::list, event);
  if (!is_left) context.wrote(key, EventClass::generic, "del");
}

// An integer of at least `least`; answers this error and returns nothing if it is none.
std::optional<int64_t> read_at_least(std::string_view argument, int64_t least,
                                     std::string_view error, Reply& reply) {
  const std::optional<int64_t> number = protocol::parse_int64(argument);
  if (number && *number >= least) return number;
  reply.error(error);
  return std::nullopt;
}

void push(KeyContext& context, Arguments arguments, End end, bool creates, Reply& reply) {
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_list_or_absent(entry, reply)) return;
  if (!entry && !creates) return reply.integer(0);
  const size_t length = push_elements(context, key, entry, end, arguments.subspan(2));
  context.effect_as_received();
  reply.integer(static_cast<int64_t>(length));
}

void pop(KeyContext& context, Arguments arguments, End end, Reply& reply) {
  const bool has_count = arguments.size() == 3;
  if (arguments.size() > 3) {
    return reply.error(end == End::front ? "ERR wrong number of arguments for 'lpop' command"
                                         : "ERR wrong number of arguments for 'rpop' command");
  }
  std::optional<int64_t> count = 1;
  if (has_count) {
    count = read_at_least(arguments[2], 0, "ERR value is out of range, must be positive", reply);
  }
  if (!count) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!entry) return has_count ? reply.null_array() : reply.null();
  if (!is_list_or_absent(entry, reply)) return;
  if (!has_count) return pop_element(context, key, entry, end, reply);
  if (*count == 0) return reply.array(0);
  pop_elements(context, key, entry, end, static_cast<size_t>(*count), reply);
}

// Both keys of LMOVE and RPOPLPUSH are looked at. False: it was answered, nothing can move.
bool can_move(KeyContext& context, Reply& reply) {
  const Key& source = context.keys()[0];
  const Key& destination = context.keys()[1];
  // The second look may remove what is past its deadline, after which the first would not hold.
  context.find(destination);
  const Entry from = context.find(source);
  if (!from) {
    reply.null();
    return false;
  }
  return is_list_or_absent(from, reply) && is_list_or_absent(context.find(destination), reply);
}

}  // namespace

std::optional<End> find_end(std::string_view word) {
  if (equals_ignoring_case(word, "left")) return End::front;
  if (equals_ignoring_case(word, "right")) return End::back;
  return std::nullopt;
}

std::optional<End> read_end(std::string_view word, Reply& reply) {
  const std::optional<End> end = find_end(word);
  if (!end) reply.error(kSyntaxError);
  return end;
}

// ---- steps --------------------------------------------------------------------------------------

size_t push_elements(KeyContext& context, const Key& key, Entry entry, End end,
                     Arguments elements) {
  size_t length = 0;
  const auto add = [&](List& list) {
    size_t bytes = 0;
    for (const std::string_view element : elements) bytes += element.size();
    note_growth(list, elements.size(), bytes, context.list_limit());
    for (const std::string_view element : elements) list.push(end, element);
    length = list.size();
  };
  if (entry) {
    context.edit<List>(key, entry, add);
  } else {
    context.create<List>(key, add);
  }
  context.wrote(key, EventClass::list, push_event(end));
  return length;
}

void pop_element(KeyContext& context, const Key& key, Entry entry, End end, Reply& reply) {
  reply_element(reply, list_of(entry).peek(end));
  const bool is_left = context.edit<List>(key, entry, [&](List& list) {
    list.pop(end);
    note_shrinking(list, context.list_limit());
  });
  wrote_removal(context, key, pop_event(end), is_left);
  if (context.listening()) context.effect({pop_command(end), key.text});
}

void pop_elements(KeyContext& context, const Key& key, Entry entry, End end, size_t count,
                  Reply& reply) {
  const List& before = list_of(entry);
  count = std::min(count, before.size());
  reply.array(count);
  List::Cursor at = before.first(end);
  for (size_t left = count; left > 0; --left, at.step(opposite(end))) {
    reply_element(reply, at.element());
  }
  const bool is_left = context.edit<List>(key, entry, [&](List& list) {
    list.erase(end == End::front ? 0 : list.size() - count, count);
    note_shrinking(list, context.list_limit());
  });
  wrote_removal(context, key, pop_event(end), is_left);
  if (context.listening()) {
    context.effect({pop_command(end), key.text, IntegerText(static_cast<int64_t>(count))});
  }
}

void move_element(KeyContext& context, const Key& source, End from, const Key& destination, End to,
                  Reply& reply) {
  const List::Element element = list_of(context.find(source)).peek(from);
  reply_element(reply, element);
  // The text has to outlive the changes of both lists.
  storage::NumberText scratch;
  const std::string text(element.bytes(scratch));
  const std::string_view moved[] = {text};
  if (source.text == destination.text) {
    context.edit<List>(source, context.find(source), [&](List& list) {
      list.pop(from);
      note_growth(list, 1, text.size(), context.list_limit());
      list.push(to, text);
      note_shrinking(list, context.list_limit());
    });
    context.wrote(source, EventClass::list, push_event(to));
    return context.wrote(source, EventClass::list, pop_event(from));
  }
  push_elements(context, destination, context.find(destination), to, moved);
  const bool is_left = context.edit<List>(source, context.find(source), [&](List& list) {
    list.pop(from);
    note_shrinking(list, context.list_limit());
  });
  wrote_removal(context, source, pop_event(from), is_left);
}

std::optional<MultiPop> read_multi_pop(Arguments words,
                                       std::optional<End> (*find_end)(std::string_view),
                                       Reply& reply) {
  const std::optional<int64_t> keys =
      read_at_least(words[0], 1, "ERR numkeys should be greater than 0", reply);
  if (!keys) return std::nullopt;
  const auto syntax_error = [&reply] {
    reply.error(kSyntaxError);
    return std::nullopt;
  };
  if (static_cast<uint64_t>(*keys) >= words.size() - 1) return syntax_error();
  const size_t end_at = 1 + static_cast<size_t>(*keys);
  const std::optional<End> end = find_end(words[end_at]);
  if (!end) return syntax_error();
  std::optional<int64_t> count;
  for (size_t i = end_at + 1; i < words.size(); ++i) {
    const bool is_count = !count && i + 1 < words.size();
    if (!is_count || !equals_ignoring_case(words[i], "count")) return syntax_error();
    count = read_at_least(words[++i], 1, "ERR count should be greater than 0", reply);
    if (!count) return std::nullopt;
  }
  return MultiPop{*end, static_cast<size_t>(count.value_or(1))};
}

void pop_named_elements(KeyContext& context, const Key& key, Entry entry, const MultiPop& wish,
                        Reply& reply) {
  reply.array(2);
  reply.bulk(key.text);
  pop_elements(context, key, entry, wish.end, wish.count, reply);
}

bool pop_from_first(KeyContext& context, const MultiPop& wish, Reply& reply) {
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (!is_list_or_absent(entry, reply)) return true;
    if (!entry) continue;
    pop_named_elements(context, key, entry, wish, reply);
    return true;
  }
  return false;
}

// ---- handlers -----------------------------------------------------------------------------------

void lpush(KeyContext& context, Arguments arguments, Reply& reply) {
  push(context, arguments, End::front, /*creates=*/true, reply);
}

void rpush(KeyContext& context, Arguments arguments, Reply& reply) {
  push(context, arguments, End::back, /*creates=*/true, reply);
}

void lpushx(KeyContext& context, Arguments arguments, Reply& reply) {
  push(context, arguments, End::front, /*creates=*/false, reply);
}

void rpushx(KeyContext& context, Arguments arguments, Reply& reply) {
  push(context, arguments, End::back, /*creates=*/false, reply);
}

void lpop(KeyContext& context, Arguments arguments, Reply& reply) {
  pop(context, arguments, End::front, reply);
}

void rpop(KeyContext& context, Arguments arguments, Reply& reply) {
  pop(context, arguments, End::back, reply);
}

void lmove(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<End> from = read_end(arguments[3], reply);
  if (!from) return;
  const std::optional<End> to = read_end(arguments[4], reply);
  if (!to || !can_move(context, reply)) return;
  move_element(context, context.keys()[0], *from, context.keys()[1], *to, reply);
  context.effect_as_received();
}

void rpoplpush(KeyContext& context, Arguments, Reply& reply) {
  if (!can_move(context, reply)) return;
  move_element(context, context.keys()[0], End::back, context.keys()[1], End::front, reply);
  context.effect_as_received();
}

void lmpop(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<MultiPop> wish = read_multi_pop(arguments.subspan(1), find_end, reply);
  if (wish && !pop_from_first(context, *wish, reply)) reply.null_array();
}

}  // namespace larder::server
