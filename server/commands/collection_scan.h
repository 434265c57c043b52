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

}  // namespace larder::server
