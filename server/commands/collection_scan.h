// What SCAN, SSCAN and their like have in common: cursors, and the words MATCH and COUNT.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/commands/values.h"
#include "server/text/glob.h"

namespace larder::server {

// What Redis 7.0 takes for a cursor, which is whatever strtoul reads to the end of a C string: a
// sign may stand before it (a minus wraps around), and an empty one is 0.
std::optional<uint64_t> parse_cursor(std::string_view argument);
// The same; answers the error and returns nothing if it is none.
std::optional<uint64_t> read_cursor(std::string_view argument, protocol::Reply& reply);
void reply_cursor(uint64_t cursor, protocol::Reply& reply);

// The options of a command that goes through one collection.
struct CollectionScan {
  std::string_view pattern;
  bool matches_all = true;
  bool is_without_values = false;  // NOVALUES
  uint64_t count = 10;
  text::GlobBudget budget = {};

  bool matches(std::string_view text) {
    return matches_all || text::glob_match(pattern, text, text::GlobCase::exact, budget);
  }
};

// From `[MATCH pattern] [COUNT count]` and, where they are known, [NOVALUES]. Answers the error and
// returns nothing if the words are none of that.
std::optional<CollectionScan> read_collection_scan(protocol::Arguments words, bool knows_novalues,
                                                   protocol::Reply& reply);

// Goes on from `position` until so many elements as COUNT says were looked at, and finds those of
// which `matches(element)` is true; they are valid until the collection changes. False if the
// pattern costs too much.
template <typename Element, typename Collection, typename Matches>
[[nodiscard]] bool scan_some(const Collection& collection, const CollectionScan& scan,
                             uint64_t& position, std::vector<Element>& found, Matches matches) {
  uint64_t visited = 0;
  do {
    position = collection.scan(position, [&](const Element& element) {
      ++visited;
      if (matches(element)) found.push_back(element);
    });
  } while (position != 0 && visited < scan.count && !scan.budget.is_spent());
  return !scan.budget.is_spent();
}

}  // namespace larder::server
