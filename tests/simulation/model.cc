#include "tests/simulation/model.h"

#include <algorithm>

#include "protocol/number.h"
#include "storage/rdb/dump.h"
#include "tests/simulation/model_lists.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

bool is_integer(const Value& reply, int64_t wanted) {
  return reply.kind == ValueKind::integer && reply.text == std::to_string(wanted);
}

bool is_null(const Value& reply) {
  return reply.kind == ValueKind::null || (reply.kind == ValueKind::bulk && reply.absent);
}

bool is_bulk(const Value& reply, std::string_view text) {
  return reply.kind == ValueKind::bulk && !reply.absent && reply.text == text;
}

bool is_wrong_type(const Value& reply) {
  return reply.kind == ValueKind::error && reply.text.starts_with("WRONGTYPE ");
}

bool is_simple(const Value& reply, std::string_view text) {
  return reply.kind == ValueKind::simple && reply.text == text;
}

bool is_within(const Value& reply, int64_t low, int64_t high) {
  if (reply.kind != ValueKind::integer) return false;
  const std::optional<int64_t> number = protocol::parse_int64(reply.text);
  return number && low <= *number && *number <= high;
}

bool is_value_or_null(const Value& reply, const KeyState& before) {
  return before.is_present ? is_bulk(reply, before.text) : is_null(reply);
}

KeyState with_text(std::string text) {
  KeyState state;
  state.is_present = true;
  state.text = std::move(text);
  return state;
}

void set_lifetime(KeyState& state, UnixRange range, int64_t ms) {
  state.has_deadline = true;
  state.deadline_low_ms = range.min_ms + ms;
  state.deadline_high_ms = range.max_ms + ms;
}

using After = std::optional<KeyState>;

After follow_set(const ModelCommand& command, const KeyState& before, UnixRange range,
                 const Value& reply) {
  const bool holds =
      !(command.if_absent && before.is_present) && !(command.if_present && !before.is_present);
  const bool fits = command.get ? is_value_or_null(reply, before)
                    : holds     ? is_simple(reply, "OK")
                                : is_null(reply);
  if (!fits) return std::nullopt;
  if (!holds) return before;
  KeyState after = with_text(command.text);
  if (command.keeps_deadline && before.is_present) {
    after.has_deadline = before.has_deadline;
    after.deadline_low_ms = before.deadline_low_ms;
    after.deadline_high_ms = before.deadline_high_ms;
  }
  if (command.has_lifetime) set_lifetime(after, range, command.number);
  return after;
}

After follow_increment(const ModelCommand& command, const KeyState& before, const Value& reply) {
  const int64_t amount = command.verb == Verb::decr ? -1 : command.number;
  const std::string_view text = before.is_present ? std::string_view(before.text) : "0";
  const std::optional<int64_t> value = protocol::parse_int64(text);
  if (!value) return reply.kind == ValueKind::error ? After(before) : std::nullopt;
  int64_t sum = 0;
  if (__builtin_add_overflow(*value, amount, &sum)) {
    return reply.kind == ValueKind::error ? After(before) : std::nullopt;
  }
  if (!is_integer(reply, sum)) return std::nullopt;
  KeyState after = before.is_present ? before : with_text({});
  after.text = std::to_string(sum);
  return after;
}

bool is_pair(const Value& reply, int64_t first, int64_t second) {
  return reply.kind == ValueKind::array && reply.elements.size() == 2 &&
         is_integer(reply.elements[0], first) && is_integer(reply.elements[1], second);
}

After follow_increx(const ModelCommand& command, const KeyState& before, UnixRange range,
                    const Value& reply) {
  const std::string_view text = before.is_present ? std::string_view(before.text) : "0";
  const std::optional<int64_t> number = protocol::parse_int64(text);
  if (!number) return reply.kind == ValueKind::error ? After(before) : std::nullopt;
  const bool holds =
      !(command.if_absent && before.is_present) && !(command.if_present && !before.is_present);
  int64_t sum = 0;
  int64_t held = *number;
  int64_t applied = 0;
  if (holds) {
    if (__builtin_add_overflow(*number, command.second_number, &sum)) sum = *number;
    held = std::clamp(sum, kLowestCount, kHighestCount);
    if (held != sum && !command.saturates) {
      return is_pair(reply, *number, 0) ? After(before) : std::nullopt;
    }
    // The way back between the bounds may be longer than 64 bits can say.
    if (__builtin_sub_overflow(held, *number, &applied)) {
      return reply.kind == ValueKind::error ? After(before) : std::nullopt;
    }
  }
  if (!is_pair(reply, held, applied)) return std::nullopt;
  if (!holds) return before;
  KeyState after = before.is_present ? before : with_text({});
  after.text = std::to_string(held);
  if (command.persists) after.has_deadline = false;
  if (command.has_lifetime && !(command.keeps_deadline && before.has_deadline)) {
    set_lifetime(after, range, command.number);
  }
  return after;
}

After follow_text_change(const ModelCommand& command, const KeyState& before, const Value& reply) {
  KeyState after = before.is_present ? before : with_text({});
  if (command.verb == Verb::append) {
    after.text += command.text;
  } else if (command.text.empty()) {
    const size_t length = before.is_present ? before.text.size() : 0;
    return is_integer(reply, static_cast<int64_t>(length)) ? After(before) : std::nullopt;
  } else {
    const auto offset = static_cast<size_t>(command.number);
    if (after.text.size() < offset + command.text.size()) {
      after.text.resize(offset + command.text.size(), '\0');
    }
    after.text.replace(offset, command.text.size(), command.text);
  }
  if (!is_integer(reply, static_cast<int64_t>(after.text.size()))) return std::nullopt;
  return after;
}

After follow_getex(const ModelCommand& command, const KeyState& before, UnixRange range,
                   const Value& reply) {
  if (!is_value_or_null(reply, before)) return std::nullopt;
  KeyState after = before;
  if (!before.is_present) return after;
  if (command.persists) after.has_deadline = false;
  if (command.has_lifetime) set_lifetime(after, range, command.number);
  return after;
}

After follow_expire(const ModelCommand& command, const KeyState& before, UnixRange range,
                    const Value& reply) {
  const bool holds = before.is_present && !(command.if_absent && before.has_deadline) &&
                     !(command.if_present && !before.has_deadline);
  if (!is_integer(reply, holds ? 1 : 0)) return std::nullopt;
  if (!holds) return before;
  if (command.verb == Verb::pexpireat_past) return KeyState();
  KeyState after = before;
  set_lifetime(after, range, command.verb == Verb::expire ? command.number * 1000 : command.number);
  return after;
}

After follow_restore(const ModelCommand& command, const KeyState& before, UnixRange range,
                     const Value& reply) {
  if (command.if_absent && before.is_present) {
    const bool fits = reply.kind == ValueKind::error && reply.text.starts_with("BUSYKEY ");
    return fits ? After(before) : std::nullopt;
  }
  if (!is_simple(reply, "OK")) return std::nullopt;
  KeyState after = with_text(command.text);
  if (command.verb == Verb::restore_list) {
    after.text.clear();
    after.elements = command.elements;
  }
  if (command.has_lifetime) set_lifetime(after, range, command.number);
  return after;
}

After follow_deadline_question(const ModelCommand& command, const KeyState& before, UnixRange range,
                               const Value& reply) {
  bool fits;
  if (!before.is_present) {
    fits = is_integer(reply, -2);
  } else if (!before.has_deadline) {
    fits = is_integer(reply, -1);
  } else if (command.verb == Verb::pexpiretime) {
    fits = is_within(reply, before.deadline_low_ms, before.deadline_high_ms);
  } else {
    fits = is_within(reply, std::max<int64_t>(0, before.deadline_low_ms - range.max_ms),
                     before.deadline_high_ms - range.min_ms);
  }
  return fits ? After(before) : std::nullopt;
}

bool bit_of(std::string_view text, int64_t offset) {
  const auto byte = static_cast<size_t>(offset / 8);
  return byte < text.size() &&
         (static_cast<unsigned char>(text[byte]) >> (7 - offset % 8) & 1) != 0;
}

After follow_setbit(const ModelCommand& command, const KeyState& before, const Value& reply) {
  KeyState after = before.is_present ? before : with_text({});
  if (!is_integer(reply, bit_of(after.text, command.number) ? 1 : 0)) return std::nullopt;
  const auto byte = static_cast<size_t>(command.number / 8);
  if (after.text.size() <= byte) after.text.resize(byte + 1);
  const auto mask = static_cast<char>(0x80 >> command.number % 8);
  after.text[byte] = static_cast<char>(command.second_number != 0 ? after.text[byte] | mask
                                                                  : after.text[byte] & ~mask);
  return after;
}

std::string_view part(std::string_view text, int64_t first, int64_t last) {
  const auto length = static_cast<int64_t>(text.size());
  if (first < 0) first = std::max<int64_t>(0, first + length);
  if (last < 0) last = std::max<int64_t>(0, last + length);
  last = std::min(last, length - 1);
  if (length == 0 || first > last) return {};
  return text.substr(static_cast<size_t>(first), static_cast<size_t>(last - first + 1));
}

After follow_read(const ModelCommand& command, const KeyState& before, const Value& reply) {
  const std::string_view text = before.is_present ? std::string_view(before.text) : "";
  bool fits = false;
  switch (command.verb) {
    case Verb::get:
      fits = is_value_or_null(reply, before);
      break;
    case Verb::mget_one:
      fits = reply.kind == ValueKind::array && reply.elements.size() == 1 &&
             (before.is_list() ? is_null(reply.elements[0])
                               : is_value_or_null(reply.elements[0], before));
      break;
    case Verb::strlen:
      fits = is_integer(reply, static_cast<int64_t>(text.size()));
      break;
    case Verb::exists:
      fits = is_integer(reply, before.is_present ? 1 : 0);
      break;
    case Verb::type:
      fits = is_simple(reply, before.is_list() ? "list" : before.is_present ? "string" : "none");
      break;
    case Verb::dump:
      if (before.is_list()) {
        fits = reply.kind == ValueKind::bulk && elements_of_dump(reply.text) == before.elements;
      } else {
        fits = before.is_present ? is_bulk(reply, storage::rdb::dump_string(text)) : is_null(reply);
      }
      break;
    case Verb::getbit:
      fits = is_integer(reply, bit_of(text, command.number) ? 1 : 0);
      break;
    default:  // getrange
      fits = is_bulk(reply, part(text, command.number, command.second_number));
      break;
  }
  return fits ? After(before) : std::nullopt;
}

// The state after `reply`, or nothing if a key in the state `before` is not answered so.
After follow_one(const ModelCommand& command, const KeyState& before, UnixRange range,
                 const Value& reply) {
  if (command.refuses(before)) return is_wrong_type(reply) ? After(before) : std::nullopt;
  if (is_of_lists(command.verb)) return follow_list(command, before, reply);
  switch (command.verb) {
    case Verb::set:
      return follow_set(command, before, range, reply);
    case Verb::psetex: {
      if (!is_simple(reply, "OK")) return std::nullopt;
      KeyState after = with_text(command.text);
      set_lifetime(after, range, command.number);
      return after;
    }
    case Verb::mset_one:
      return is_simple(reply, "OK") ? After(with_text(command.text)) : std::nullopt;
    case Verb::restore:
    case Verb::restore_list:
      return follow_restore(command, before, range, reply);
    case Verb::setnx:
      if (!is_integer(reply, before.is_present ? 0 : 1)) return std::nullopt;
      return before.is_present ? before : with_text(command.text);
    case Verb::getset:
      return is_value_or_null(reply, before) ? After(with_text(command.text)) : std::nullopt;
    case Verb::getdel:
      return is_value_or_null(reply, before) ? After(KeyState()) : std::nullopt;
    case Verb::del:
    case Verb::unlink:
      return is_integer(reply, before.is_present ? 1 : 0) ? After(KeyState()) : std::nullopt;
    case Verb::delifeq: {
      const bool holds = before.is_present && before.text == command.text;
      if (!is_integer(reply, holds ? 1 : 0)) return std::nullopt;
      return holds ? KeyState() : before;
    }
    case Verb::setbit:
      return follow_setbit(command, before, reply);
    case Verb::getex:
      return follow_getex(command, before, range, reply);
    case Verb::append:
    case Verb::setrange:
      return follow_text_change(command, before, reply);
    case Verb::incrby:
    case Verb::decr:
      return follow_increment(command, before, reply);
    case Verb::increx:
      return follow_increx(command, before, range, reply);
    case Verb::pexpire:
    case Verb::expire:
    case Verb::pexpireat_past:
      return follow_expire(command, before, range, reply);
    case Verb::persist: {
      const bool holds = before.is_present && before.has_deadline;
      if (!is_integer(reply, holds ? 1 : 0)) return std::nullopt;
      KeyState after = before;
      after.has_deadline = false;
      return after;
    }
    case Verb::pttl:
    case Verb::pexpiretime:
      return follow_deadline_question(command, before, range, reply);
    default:
      return follow_read(command, before, reply);
  }
}

std::string describe(const KeyState& state) {
  if (!state.is_present) return "nothing";
  std::string text = transcripts::quote(std::string_view(state.text).substr(0, 60)) + " (" +
                     std::to_string(state.text.size()) + " bytes)";
  if (state.is_list()) {
    text = "a list of " + std::to_string(state.elements.size()) + " elements:";
    for (size_t i = 0; i < state.elements.size() && i < 20; ++i) {
      text += " " + transcripts::quote(std::string_view(state.elements[i]).substr(0, 20));
    }
  }
  if (!state.has_deadline) return text;
  return text + " until " + std::to_string(state.deadline_low_ms) + ".." +
         std::to_string(state.deadline_high_ms);
}

}  // namespace

std::string KeyModel::follow(const ModelCommand& command, UnixRange range, int64_t max_unix_ms,
                             Evicted evicted, uint64_t maxmemory, const Value& reply) {
  if (reply.kind == ValueKind::error && reply.text.starts_with("OOM ") && maxmemory != 0 &&
      command.grows_to() > maxmemory) {
    return {};  // and nothing has changed
  }
  const bool may_be_evicted = evicted.when_read > evicted_;
  if (is_vague_) {
    if (!command.is_definite() || is_wrong_type(reply)) return {};
    evicted_ = evicted.when_made;
    // The reply may tell what was there; what is there now is certain.
    is_vague_ = false;
    state_ =
        command.verb == Verb::del || command.verb == Verb::unlink || command.verb == Verb::getdel
            ? KeyState()
            : with_text(command.text);
    if (command.verb == Verb::restore_list) {
      state_.text.clear();
      state_.elements = command.elements;
    }
    if (command.has_lifetime || command.verb == Verb::psetex) {
      set_lifetime(state_, range, command.number);
    }
    return reply.kind == ValueKind::error ? "an error: " + reply.text : "";
  }
  const bool may_be_gone = !state_.is_present || may_be_evicted ||
                           (state_.has_deadline && max_unix_ms >= state_.deadline_low_ms);
  const bool may_be_there =
      state_.is_present && (!state_.has_deadline || range.min_ms < state_.deadline_high_ms);
  After if_there, if_gone;
  if (may_be_there) if_there = follow_one(command, state_, range, reply);
  if (may_be_gone) if_gone = follow_one(command, KeyState(), range, reply);
  if (!if_there && !if_gone) {
    std::string words;
    for (const std::string& word : command.words()) {
      words += " " + transcripts::quote(std::string_view(word).substr(0, 60));
    }
    return "key was" + std::string(may_be_there ? " maybe " : " surely not ") + describe(state_) +
           (may_be_gone ? ", maybe gone" : "") + ", Unix ms " + std::to_string(range.min_ms) +
           ".." + std::to_string(range.max_ms) + ", and" + words + " was answered by " +
           transcripts::render(reply).substr(0, 200);
  }
  is_vague_ = if_there && if_gone && *if_there != *if_gone;
  state_ = if_there ? *if_there : *if_gone;
  if (!is_vague_) evicted_ = evicted.when_made;
  return {};
}

}  // namespace larder::simulation
