#include "server/commands/set_options.h"

#include "server/commands/value_digest.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

struct ConditionWord {
  std::string_view word;
  Condition condition;
  bool takes_value;
};
constexpr ConditionWord kConditions[] = {
    {"nx", Condition::absent, false},   {"xx", Condition::present, false},
    {"ifeq", Condition::equal, true},   {"ifne", Condition::not_equal, true},
    {"ifdeq", Condition::digest, true}, {"ifdne", Condition::not_digest, true},
};

// One step of parsing: did the word at `i` belong to this part of the grammar?
enum class Step : uint8_t { taken, not_mine, failed };

Step read_condition(Arguments words, size_t& i, SetGrammar grammar, SetOptions& options,
                    Reply& reply) {
  ValueCondition& chosen = options.condition;
  for (const ConditionWord& candidate : kConditions) {
    if (!equals_ignoring_case(words[i], candidate.word)) continue;
    if (chosen.condition != Condition::none && chosen.condition != candidate.condition) {
      return Step::not_mine;
    }
    if (candidate.takes_value && (grammar == SetGrammar::many_keys || i + 1 >= words.size())) {
      return Step::not_mine;
    }
    chosen.condition = candidate.condition;
    if (!candidate.takes_value) return Step::taken;
    return read_match(words[++i], chosen, reply) ? Step::taken : Step::failed;
  }
  return Step::not_mine;
}

// The number is only looked at once the whole grammar fits, as Redis does.
struct PendingLifetime {
  const LifetimeWord* word = nullptr;
  std::string_view number;
};

Step read_lifetime(Arguments words, size_t& i, SetOptions& options, PendingLifetime& pending) {
  if (equals_ignoring_case(words[i], "keepttl")) {
    if (options.lifetime == Lifetime::until) return Step::not_mine;
    options.lifetime = Lifetime::keep;
    return Step::taken;
  }
  if (options.lifetime == Lifetime::keep) return Step::not_mine;
  for (const LifetimeWord& candidate : kLifetimeWords) {
    if (!equals_ignoring_case(words[i], candidate.word) || i + 1 >= words.size()) continue;
    if (pending.word != nullptr && pending.word != &candidate) return Step::not_mine;
    options.lifetime = Lifetime::until;
    pending = {&candidate, words[++i]};
    return Step::taken;
  }
  return Step::not_mine;
}

}  // namespace

bool ValueCondition::holds(const storage::Entry& entry) const {
  storage::NumberText scratch;
  switch (condition) {
    case Condition::none:
      return true;
    case Condition::absent:
      return !entry;
    case Condition::present:
      return static_cast<bool>(entry);
    case Condition::equal:
      return entry && entry.text(scratch) == match;
    case Condition::not_equal:
      return !entry || entry.text(scratch) != match;
    case Condition::digest:
      return entry && value_digest(entry.text(scratch)) == match_digest;
    case Condition::not_digest:
      return !entry || value_digest(entry.text(scratch)) != match_digest;
  }
  return false;
}

std::optional<SetOptions> read_set_options(Arguments words, SetGrammar grammar,
                                           std::string_view command, KeyContext& context,
                                           Reply& reply) {
  SetOptions options;
  PendingLifetime pending;
  for (size_t i = 0; i < words.size(); ++i) {
    if (grammar == SetGrammar::one_key && equals_ignoring_case(words[i], "get")) {
      options.get = true;
      continue;
    }
    Step step = read_condition(words, i, grammar, options, reply);
    if (step == Step::not_mine) step = read_lifetime(words, i, options, pending);
    if (step == Step::taken) continue;
    if (step == Step::not_mine) reply.error(kSyntaxError);
    return std::nullopt;
  }
  if (pending.word == nullptr) return options;
  const std::optional<int64_t> deadline = read_deadline(
      pending.number, pending.word->unit, pending.word->base, command, context, reply);
  if (!deadline) return std::nullopt;
  options.deadline_ms = *deadline;
  return options;
}

std::optional<Condition> find_value_condition(std::string_view word) {
  for (const ConditionWord& candidate : kConditions) {
    if (candidate.takes_value && equals_ignoring_case(word, candidate.word)) {
      return candidate.condition;
    }
  }
  return std::nullopt;
}

bool read_match(std::string_view argument, ValueCondition& condition, Reply& reply) {
  condition.match = argument;
  if (condition.condition != Condition::digest && condition.condition != Condition::not_digest) {
    return true;
  }
  const std::optional<uint64_t> digest = parse_digest(argument);
  if (!digest) {
    reply.error("ERR digest must be exactly 16 hexadecimal characters");
    return false;
  }
  condition.match_digest = *digest;
  return true;
}

}  // namespace larder::server
