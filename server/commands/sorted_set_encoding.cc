#include "server/commands/sorted_set_encoding.h"

namespace larder::server {
namespace {

using storage::SortedSet;
using storage::SortedSetEncoding;

bool exceeds(size_t number, int64_t limit) {
  return number > static_cast<uint64_t>(limit);
}

void become_skiplist_if(SortedSet& set, bool is_too_large) {
  if (is_too_large) set.set_encoding(SortedSetEncoding::skiplist);
}

}  // namespace

std::string_view sorted_set_encoding(const SortedSet& set) {
  return set.encoding() == SortedSetEncoding::listpack ? "listpack" : "skiplist";
}

void note_begun(SortedSet& set, size_t additions, size_t first_bytes,
                const SortedSetLimits& limits) {
  become_skiplist_if(set, exceeds(additions, limits.members) || exceeds(first_bytes, limits.bytes));
}

void note_additions(SortedSet& set, size_t additions, const SortedSetLimits& limits) {
  become_skiplist_if(set, exceeds(additions, limits.members));
}

void note_added(SortedSet& set, size_t bytes, const SortedSetLimits& limits) {
  become_skiplist_if(set, exceeds(set.size(), limits.members) || exceeds(bytes, limits.bytes));
}

void note_made(SortedSet& set, const SortedSetLimits& limits) {
  set.set_encoding(SortedSetEncoding::skiplist);
  if (exceeds(set.size(), limits.members)) return;
  storage::NumberText scratch;
  for (SortedSet::Cursor at = set.at(0); at; at.next()) {
    if (exceeds(at.member().bytes(scratch).size(), limits.bytes)) return;
  }
  set.set_encoding(SortedSetEncoding::listpack);
}

void note_restored(SortedSet& set, const SortedSetLimits& limits) {
  if (set.encoding() == SortedSetEncoding::skiplist) return note_made(set, limits);
  become_skiplist_if(set, exceeds(set.size(), limits.members));
}

}  // namespace larder::server
