// What the commands on sorted sets share: reading scores and ranges, answering with members, and
// giving a key what a command made.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "server/command.h"
#include "server/commands/values.h"
#include "storage/sorted_set/sorted_set.h"

namespace larder::server {

using storage::SortedSet;

inline constexpr std::string_view kNotAFloat = "ERR value is not a valid float";

// May a command on sorted sets work with what find() answered: one of these, or nothing? Answers
// the error if not.
[[nodiscard]] inline bool is_sorted_set_or_absent(const storage::Entry& entry,
                                                  protocol::Reply& reply) {
  if (!entry || (entry.is_object() && entry.type() == storage::Type::sorted_set)) [[likely]]
    return true;
  reply.error(kWrongType);
  return false;
}
// REQUIRES: the entry holds one.
inline SortedSet& sorted_set_of(const storage::Entry& entry) {
  return entry.object().as<SortedSet>();
}

inline void reply_member(protocol::Reply& reply, const SortedSet::Member& member) {
  storage::NumberText scratch;
  reply.bulk(member.bytes(scratch));
}
inline void reply_member_and_score(protocol::Reply& reply, const SortedSet::Member& member) {
  reply_member(reply, member);
  reply.real(member.score);
}
// The head of an answer of so many members. With scores these are pairs in RESP3, and stand
// between them in RESP2.
void reply_members_head(protocol::Reply& reply, size_t count, bool has_scores);
// One of them.
inline void reply_one_of(protocol::Reply& reply, const SortedSet::Member& member, bool has_scores) {
  if (!has_scores) return reply_member(reply, member);
  if (reply.dialect() == protocol::Dialect::resp3) reply.array(2);
  reply_member_and_score(reply, member);
}

// A score; answers the error and returns nothing if it is none.
std::optional<double> read_score(std::string_view argument, protocol::Reply& reply,
                                 std::string_view error = kNotAFloat);

// ---- ranges -------------------------------------------------------------------------------------

// Members that stand next to each other.
struct MemberSpan {
  size_t first = 0;
  size_t count = 0;
};

// From `start` to `stop`, both included, from the end if negative.
MemberSpan span_of_ranks(const SortedSet& set, int64_t start, int64_t stop);

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool is_min_excluded = false;
  bool is_max_excluded = false;

  // "1" or "(1". Answers the error and returns nothing if one is neither.
  static std::optional<ScoreRange> read(std::string_view min, std::string_view max,
                                        protocol::Reply& reply);
  MemberSpan in(const SortedSet& set) const;
};

struct TextBound {
  enum class Kind : uint8_t { lowest, highest, text };
  Kind kind = Kind::lowest;
  bool is_excluded = false;
  std::string_view text;
};

// Of members, by their bytes; means something only where all scores are the same.
struct TextRange {
  TextBound min;
  TextBound max;

  // "-", "+", "[text" or "(text". Answers the error and returns nothing if one is none of these.
  static std::optional<TextRange> read(std::string_view min, std::string_view max,
                                       protocol::Reply& reply);
  MemberSpan in(const SortedSet& set) const;
};

// ---- changes ------------------------------------------------------------------------------------

struct ReleaseSortedSet {
  void operator()(SortedSet* set) const { storage::Object::release(set); }
};
// One that no entry owns yet.
using OwnedSortedSet = std::unique_ptr<SortedSet, ReleaseSortedSet>;

// Adds a member or gives it another score, as a command that adds one by one.
void put_member(KeyContext& context, SortedSet& set, const SortedSet::Place& place,
                std::string_view text, double score);

struct AddOptions {
  bool only_new = false;        // NX
  bool only_known = false;      // XX
  bool only_greater = false;    // GT
  bool only_less = false;       // LT
  bool counts_changes = false;  // CH
  bool is_increment = false;    // INCR
};

struct ScoredMember {
  double score = 0;
  std::string_view text;
};

// Adds members to the command's key, or gives them other scores, and answers as ZADD does, whose
// event and effect (the command as it was received) this has. REQUIRES: there is one, no score is
// nan.
void add_members(KeyContext& context, const AddOptions& options,
                 std::span<const ScoredMember> members, protocol::Reply& reply);

// Says that members of a key went; `is_left`: the key is still there.
void wrote_removal(KeyContext& context, const Key& key, std::string_view event, bool is_left);

// Makes `made` the value of a key in place of whatever it had; one without members removes the key.
// Says so, with the command as it was received for effect, and answers the number of members, or
// the error if that could not be kept.
void store_sorted_set(KeyContext& context, const Key& key, OwnedSortedSet made,
                      std::string_view event, protocol::Reply& reply);

}  // namespace larder::server
