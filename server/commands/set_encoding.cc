#include "server/commands/set_encoding.h"

#include <algorithm>

namespace larder::server {
namespace {

using storage::Set;
using storage::SetEncoding;

bool exceeds(size_t number, int64_t limit) {
  return number > static_cast<uint64_t>(limit);
}

size_t longest_of(const Set& set) {
  size_t longest = 0;
  storage::NumberText scratch;
  set.for_each([&](const Set::Member& member) {
    longest = std::max(longest, member.bytes(scratch).size());
  });
  return longest;
}

// What a set is after this member was added to it.
SetEncoding encoding_with(const Set& set, std::string_view added, const SetLimits& limits) {
  const size_t size = set.size();
  constexpr size_t kLongestInteger = 20;
  switch (set.encoding()) {
    case SetEncoding::intset:
      if (is_integer_text(added)) {
        return exceeds(size, limits.ints) ? SetEncoding::hashtable : SetEncoding::intset;
      }
      if (exceeds(size, limits.members)) return SetEncoding::hashtable;
      if (exceeds(kLongestInteger, limits.bytes) && exceeds(longest_of(set), limits.bytes)) {
        return SetEncoding::hashtable;
      }
      return exceeds(added.size(), limits.bytes) ? SetEncoding::hashtable : SetEncoding::listpack;
    case SetEncoding::listpack:
      if (!exceeds(size, limits.members) && !exceeds(added.size(), limits.bytes)) {
        return SetEncoding::listpack;
      }
      break;
    case SetEncoding::hashtable:
      break;
  }
  return SetEncoding::hashtable;
}

// Of one that came member by member.
SetEncoding encoding_of_members(const Set& set, const SetLimits& limits) {
  storage::NumberText scratch;
  const bool are_integers =
      set.visit([&](const Set::Member& member) { return is_integer_text(member.bytes(scratch)); });
  if (are_integers && !exceeds(set.size(), limits.ints)) return SetEncoding::intset;
  // Redis takes no more than these for anything else, before it has seen one of them.
  if (exceeds(set.size(), limits.ints) || exceeds(set.size(), limits.members)) {
    return SetEncoding::hashtable;
  }
  return exceeds(longest_of(set), limits.bytes) ? SetEncoding::hashtable : SetEncoding::listpack;
}

}  // namespace

std::string_view set_encoding(const Set& set) {
  switch (set.encoding()) {
    case SetEncoding::intset:
      return "intset";
    case SetEncoding::listpack:
      return "listpack";
    case SetEncoding::hashtable:
      break;
  }
  return "hashtable";
}

bool is_integer_text(std::string_view text) {
  int64_t value = 0;
  return storage::parse_canonical_integer(text, &value);
}

void note_additions(Set& set, std::span<const std::string_view> members, const SetLimits& limits) {
  const bool may_be_ints = !exceeds(members.size(), limits.ints);
  const bool may_be_listpack = !exceeds(members.size(), limits.members);
  if (set.is_empty()) {
    set.set_encoding(may_be_ints && is_integer_text(members.front()) ? SetEncoding::intset
                     : may_be_listpack                               ? SetEncoding::listpack
                                                                     : SetEncoding::hashtable);
  } else if ((set.encoding() == SetEncoding::intset && !may_be_ints) ||
             (set.encoding() == SetEncoding::listpack && !may_be_listpack)) {
    set.set_encoding(SetEncoding::hashtable);
  }
}

bool add_member(Set& set, std::string_view member, const KeyContext& context) {
  if (!set.add(member, context.hasher())) return false;
  if (set.encoding() != SetEncoding::hashtable) {
    set.set_encoding(encoding_with(set, member, context.set_limits()));
  }
  return true;
}

void note_restored(Set& set, const SetLimits& limits) {
  switch (set.encoding()) {
    case SetEncoding::intset:
      if (exceeds(set.size(), limits.ints)) set.set_encoding(SetEncoding::hashtable);
      return;
    case SetEncoding::listpack:
      if (exceeds(set.size(), limits.members)) set.set_encoding(SetEncoding::hashtable);
      return;
    case SetEncoding::hashtable:
      return set.set_encoding(encoding_of_members(set, limits));
  }
}

}  // namespace larder::server
