// Pushing to and popping from the ends of lists: the commands, and their steps for whoever else
// moves elements (commands that wait for one).
//
// The steps do the whole of a change: memory, watchers, keyspace events, and the key that goes with
// its last element. Effects are the caller's where it says so. `entry` is what find() just answered
// for the key; it and all other handles of the same shard are invalid afterwards.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/command.h"
#include "server/commands/values.h"
#include "storage/list/list.h"

namespace larder::server {

using storage::End;
using storage::List;

// What commands that take elements do to a key, and those that move one from a key to another.
inline constexpr uint32_t kKeyOfPop = kKeyReadWrite | kKeyAccess | kKeyDelete;
inline constexpr KeyPositions kFromOneToOther{1, 2, 1, kKeyOfPop, kKeyReadWrite | kKeyInsert};

// May a command on lists work with what find() answered: a list, or nothing? Answers the error if
// not.
[[nodiscard]] inline bool is_list_or_absent(const storage::Entry& entry, protocol::Reply& reply) {
  if (!entry || (entry.is_object() && entry.type() == storage::Type::list)) [[likely]]
    return true;
  reply.error(kWrongType);
  return false;
}
// REQUIRES: the entry holds one.
inline List& list_of(const storage::Entry& entry) {
  return entry.object().as<List>();
}

// The element as a bulk string; a large one is sent from where it lies.
inline void reply_element(protocol::Reply& reply, const List::Element& element) {
  if (element.blob != nullptr && element.value.text.size() >= storage::kLargeValue) [[unlikely]] {
    return reply_pinned(reply, element.blob->pin());
  }
  storage::NumberText scratch;
  reply.bulk(element.bytes(scratch));
}

// LEFT or RIGHT, in any case.
std::optional<End> find_end(std::string_view word);
// The same; answers the error and returns nothing if it is neither.
std::optional<End> read_end(std::string_view word, protocol::Reply& reply);

// Pushes elements one after the other, creating the list if there is none. Returns its new length.
// The effect is the caller's.
size_t push_elements(KeyContext& context, const Key& key, storage::Entry entry, End end,
                     protocol::Arguments elements);

// Answers the element at an end as a bulk string and removes it; the effect is LPOP or RPOP.
// REQUIRES: the entry holds a list.
void pop_element(KeyContext& context, const Key& key, storage::Entry entry, End end,
                 protocol::Reply& reply);
// Answers an array of up to `count` elements, from the end inwards, and removes them; the effect is
// LPOP or RPOP with the number of them. REQUIRES: the entry holds a list, count > 0.
void pop_elements(KeyContext& context, const Key& key, storage::Entry entry, End end, size_t count,
                  protocol::Reply& reply);

// What LMPOP and its like take of the first key that has any.
struct MultiPop {
  End end;
  size_t count;
};

// From `numkeys key [key ...] LEFT|RIGHT [COUNT count]`, or with other words for ends, which
// `find_end` knows; answers the error and returns nothing if the words are none of that.
// REQUIRES: one word or more.
std::optional<MultiPop> read_multi_pop(protocol::Arguments words,
                                       std::optional<End> (*find_end)(std::string_view),
                                       protocol::Reply& reply);
// Answers the key and an array of its elements, which go, as with pop_elements().
void pop_named_elements(KeyContext& context, const Key& key, storage::Entry entry,
                        const MultiPop& wish, protocol::Reply& reply);
// The same with the first of the command's keys that holds a list, or the error if one before it
// holds something else. False: none of them holds anything, nothing was answered.
bool pop_from_first(KeyContext& context, const MultiPop& wish, protocol::Reply& reply);

// Answers the element at an end of `source` and moves it to an end of `destination`, which may be
// the same key. The effect is the caller's. REQUIRES: `source` holds a list, `destination` one or
// nothing.
void move_element(KeyContext& context, const Key& source, End from, const Key& destination, End to,
                  protocol::Reply& reply);

// The handlers of list_commands(), whose rows are in lists.cc.
void lpush(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void rpush(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void lpushx(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void rpushx(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void lpop(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void rpop(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void lmove(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void rpoplpush(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void lmpop(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
