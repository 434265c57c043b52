// Model: what a key's owner knows about it, from the replies alone.
//
// Keys are owned by one client, which sends its commands in order; so after each reply it knows
// what the key holds. Only the instant at which the server ran a command is unknown; the Unix clock
// showed something within a range then. So a deadline is a range, too, and between its ends a key
// may be there or not: then both are tried, and the reply must fit one of them. The same holds
// where the key was evicted since a command was made whose reply told what it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/random.h"
#include "tests/transcripts/runner/value.h"

namespace larder::simulation {

using Words = std::vector<std::string>;
using transcripts::Value;

// What the Unix clock showed, in ms, between a request's making and the reading of its reply.
struct UnixRange {
  int64_t min_ms;
  int64_t max_ms;
};

struct KeyState {
  bool is_present = false;
  bool has_deadline = false;
  int64_t deadline_low_ms = 0;
  int64_t deadline_high_ms = 0;
  std::string text;                   // of a string
  std::vector<std::string> elements;  // of a list, which has at least one

  bool is_list() const { return !elements.empty(); }
  bool operator==(const KeyState&) const = default;
};

enum class Verb : uint8_t {
  set,
  setnx,
  psetex,
  get,
  getset,
  getdel,
  getex,
  strlen,
  exists,
  type,
  append,
  setrange,
  getrange,
  setbit,
  getbit,
  delifeq,
  del,
  unlink,
  incrby,
  decr,
  increx,
  pexpire,
  pexpireat_past,
  expire,
  persist,
  pttl,
  pexpiretime,
  mset_one,
  mget_one,
  dump,
  restore,
  restore_list,
  // Of lists; the first of them.
  lpush,
  rpush,
  lpushx,
  rpushx,
  lpop,
  rpop,
  lpop_several,
  rpop_several,
  llen,
  lindex,
  lset,
  lrange,
  ltrim,
  lrem,
  linsert,
  lpos,
  lmove_to_back,
  rpoplpush,
  lmpop,
};
constexpr bool is_of_lists(Verb verb) {
  return verb >= Verb::lpush;
}

// A command about one key of a model.
struct ModelCommand {
  Verb verb = Verb::get;
  std::string key;
  std::string text;           // value, tail or patch
  int64_t number = 0;         // milliseconds, offset or amount
  int64_t second_number = 0;  // the end of a range, the amount of INCREX
  bool if_absent = false;     // NX
  bool if_present = false;    // XX
  bool get = false;           // SET ... GET
  bool keeps_deadline = false;  // SET ... KEEPTTL, INCREX ... ENX
  bool persists = false;   // GETEX or INCREX ... PERSIST
  bool saturates = false;  // INCREX ... SATURATE
  bool has_lifetime = false;
  std::vector<std::string> elements;  // of a list

  Words words() const;
  // Whatever was there before, this is known after it, unless the answer is that the type is wrong.
  bool is_definite() const;
  // So long the value is after it at least, although the request is shorter; 0: nothing like that.
  uint64_t grows_to() const;
  // Does a key of another type than the command's refuse it?
  bool refuses(const KeyState& state) const;
};

// Between these INCREX keeps its numbers.
inline constexpr int64_t kLowestCount = -50;
inline constexpr int64_t kHighestCount = 50;

// `prefers_lists`: mostly of those on lists.
ModelCommand random_command(Random& random, std::string key, bool prefers_lists);

// How often a key had been evicted when a request was made, and when its reply was read.
struct Evicted {
  uint64_t when_made = 0;
  uint64_t when_read = 0;
};

class KeyModel {
 public:
  // The reply to a command about this key. An error text if no state it may have been in answers
  // so. `max_unix_ms` is the latest the Unix clock has ever shown, `maxmemory` 0 if there is none.
  std::string follow(const ModelCommand& command, UnixRange range, int64_t max_unix_ms,
                     Evicted evicted, uint64_t maxmemory, const Value& reply);
  // May the key have gone by itself by now, given how often it has been evicted?
  bool may_have_gone(int64_t max_unix_ms, uint64_t evicted) const {
    return is_vague_ || evicted > evicted_ ||
           (state_.is_present && state_.has_deadline && max_unix_ms >= state_.deadline_low_ms);
  }

 private:
  KeyState state_;
  uint64_t evicted_ = 0;   // evictions that are surely over in state_
  bool is_vague_ = false;  // two states fitted the last replies
};

}  // namespace larder::simulation
