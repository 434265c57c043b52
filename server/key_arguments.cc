#include "server/key_arguments.h"

#include <optional>

#include "protocol/number.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

bool is_pattern_word(std::string_view word) {
  return text::equals_ignoring_case(word, "by") || text::equals_ignoring_case(word, "get");
}

// The argument behind the last word STORE or STOREDIST; 0 if there is none. What follows SORT's
// options is passed over: it may be these words.
size_t stored_key(protocol::Arguments arguments, size_t from) {
  size_t found = 0;
  for (size_t i = from; i + 1 < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (text::equals_ignoring_case(word, "store") ||
        text::equals_ignoring_case(word, "storedist")) {
      found = ++i;
    } else if (is_pattern_word(word)) {
      ++i;
    } else if (text::equals_ignoring_case(word, "limit")) {
      i += 2;
    }
  }
  return found;
}

// Does SORT name keys by a pattern? It may be said to where it answers an error.
bool names_keys_by_patterns(protocol::Arguments arguments) {
  for (size_t i = 2; i + 1 < arguments.size(); ++i) {
    if (is_pattern_word(arguments[i]) && arguments[i + 1].find('*') != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

// Of XREAD and XREADGROUP. The options are passed over as the commands do: STREAMS may also be the
// name of a group.
KeyArguments keys_after_streams(protocol::Arguments arguments) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (text::equals_ignoring_case(word, "streams")) {
      return {i + 1, 1, (arguments.size() - i - 1) / 2};
    }
    if (text::equals_ignoring_case(word, "block") || text::equals_ignoring_case(word, "count")) {
      i += 1;
    } else if (text::equals_ignoring_case(word, "group")) {
      i += 2;
    } else if (!text::equals_ignoring_case(word, "noack")) {
      return {};
    }
  }
  return {};
}

}  // namespace

KeyArguments key_arguments(const CommandRow& row, protocol::Arguments arguments) {
  const KeyPositions& keys = row.keys;
  const auto first = static_cast<size_t>(keys.first);
  const auto step = static_cast<size_t>(keys.step);
  if (keys.count_at == KeyPositions::kAfterStreams) return keys_after_streams(arguments);
  if (keys.count_at != 0) {
    const std::optional<int64_t> said =
        protocol::parse_int64(arguments[static_cast<size_t>(keys.count_at)]);
    const size_t most = (arguments.size() - first + step - 1) / step;
    if (!said || *said < 1 || static_cast<uint64_t>(*said) > most) return {};
    return {first, step, static_cast<size_t>(*said), static_cast<size_t>(keys.destination_at)};
  }
  if (keys.stored_from != 0) {
    return {first, step, 1, 0, stored_key(arguments, static_cast<size_t>(keys.stored_from))};
  }
  const size_t last = keys.last >= 0 ? static_cast<size_t>(keys.last)
                                     : arguments.size() - static_cast<size_t>(-keys.last);
  return {first, step, last < first ? 0 : (last - first) / step + 1};
}

LockPlan lock_plan(const CommandRow& row, protocol::Arguments arguments) {
  if (row.locks != LockPlan::patterns) return row.locks;
  return names_keys_by_patterns(arguments) ? LockPlan::all_shards : LockPlan::keys;
}

}  // namespace larder::server
