// Which elements of a collection SRANDMEMBER, HRANDFIELD and their like answer.
//
// Works on any collection that has size(), visit() and random() as storage/set/set.h. random() may
// find elements that has() denies; are_most() says whether that is seldom enough.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "server/key_context.h"

namespace larder::server {

// With a negative count, which asks for elements that may be the same, no more is answered.
constexpr int64_t kMostDrawn = 10'000'000;

// A number below `count`, from 64 random bits.
inline size_t random_below(uint64_t random, size_t count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>(Wide{random} * count >> 64);
}

// Calls `answer(element)` for `count` different elements, each choice of them equally likely.
// REQUIRES: count <= size(). O(count) on average if count is less than a third of a large
// collection, else O(size()).
template <typename Collection, typename Answer>
void sample_distinct(const Collection& collection, size_t count, KeyContext& context,
                     Answer answer) {
  constexpr size_t kFew = 1000;
  size_t left = collection.size();
  if (left > kFew && count < left / 3 && collection.are_most()) {
    // Of elements of a large collection the address tells which one it is.
    std::unordered_set<const char*> drawn;
    while (drawn.size() < count) {
      const auto element = collection.random(context.random());
      if (!collection.has(element)) continue;
      if (drawn.insert(Collection::address_of(element)).second) answer(element);
    }
    return;
  }
  // Knuth's selection sampling: each is taken with the chance that is left for it.
  collection.visit([&](const auto& element) {
    if (random_below(context.random(), left--) < count) {
      answer(element);
      --count;
    }
    return count > 0;
  });
}

}  // namespace larder::server
