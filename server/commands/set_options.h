// What SET may be told beside key and value, and what MSETEX and DELEX share of it.
//
//   condition := NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest
//   lifetime  := EX s | PX ms | EXAT s | PXAT ms | KEEPTTL
//
// At most one of each, but the same word may stand twice, as in Redis: its last value counts. The
// value conditions are those of Redis 8.4 (IFEQ also Valkey 8.1): a key that does not exist equals
// nothing, so IFEQ and IFDEQ fail on it and IFNE and IFDNE hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/commands/values.h"

namespace larder::server {

// Those behind `present` compare.
enum class Condition : uint8_t { none, absent, present, equal, not_equal, digest, not_digest };
enum class Lifetime : uint8_t { endless, keep, until };

// Of a value, as clients write it.
struct ValueCondition {
  Condition condition = Condition::none;
  std::string_view match;  // what the condition compares with
  uint64_t match_digest = 0;

  // Does it ask for the value, not only whether there is one?
  bool compares() const { return condition > Condition::present; }
  // REQUIRES: the entry is null or, if it compares, a string's.
  bool holds(const storage::Entry& entry) const;
};

struct SetOptions {
  ValueCondition condition;
  bool get = false;
  Lifetime lifetime = Lifetime::endless;
  int64_t deadline_ms = storage::kNoDeadline;

  // The deadline of a key that is set, whose entry (null if it is new) is what find() answered.
  int64_t deadline_of(const storage::Entry& entry) const {
    return lifetime == Lifetime::keep && entry ? entry.deadline_ms() : deadline_ms;
  }
};

// The words of SET, or those of MSETEX: NX, XX and the lifetimes.
enum class SetGrammar : uint8_t { one_key, many_keys };

// Reads all of `words`. `command` is for error texts, in lower case. Answers the error and returns
// nothing if they follow no grammar or a number is wrong.
std::optional<SetOptions> read_set_options(protocol::Arguments words, SetGrammar grammar,
                                           std::string_view command, KeyContext& context,
                                           protocol::Reply& reply);

// IFEQ, IFNE, IFDEQ or IFDNE; nothing if `word` is none of these.
std::optional<Condition> find_value_condition(std::string_view word);

// Fills in what the condition compares with. Answers the error and returns false if it is a digest
// that cannot be one.
bool read_match(std::string_view argument, ValueCondition& condition, protocol::Reply& reply);

}  // namespace larder::server
