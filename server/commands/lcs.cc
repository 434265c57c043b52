// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]
//
// Two values of a megabyte would take 10^12 steps while their shards are locked. So there is a
// bound, that of Redis, whose table has four bytes for each pair of positions: (n + 1) * (m + 1) *
// 4 bytes may be no more than proto-max-bulk-len. With its default this is 134 million pairs; here
// they take milliseconds, and memory for the table of an eighth of that bound at the very most.
#include "server/commands/lcs.h"

#include "server/commands/common_subsequence.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

struct LcsOptions {
  bool length_only = false;
  bool ranges = false;
  bool range_lengths = false;
  uint64_t shortest_range = 0;
};

std::optional<LcsOptions> read_options(Arguments arguments, Reply& reply) {
  LcsOptions options;
  for (size_t i = 3; i < arguments.size(); ++i) {
    if (equals_ignoring_case(arguments[i], "idx")) {
      options.ranges = true;
    } else if (equals_ignoring_case(arguments[i], "len")) {
      options.length_only = true;
    } else if (equals_ignoring_case(arguments[i], "withmatchlen")) {
      options.range_lengths = true;
    } else if (equals_ignoring_case(arguments[i], "minmatchlen") && i + 1 < arguments.size()) {
      const std::optional<int64_t> number = read_integer(arguments[++i], reply);
      if (!number) return std::nullopt;
      options.shortest_range = *number < 0 ? 0 : static_cast<uint64_t>(*number);
    } else {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  if (options.ranges && options.length_only) {
    reply.error("ERR If you want both the length and indexes, please just use IDX.");
    return std::nullopt;
  }
  return options;
}

bool is_within_bound(std::string_view a, std::string_view b, uint64_t max_bytes, Reply& reply) {
  constexpr uint64_t kTooLong = 0xFFFFFFFF - 1;
  if (a.size() >= kTooLong || b.size() >= kTooLong) {
    reply.error("ERR String too long for LCS");
    return false;
  }
  const uint64_t pairs = (uint64_t{a.size()} + 1) * (uint64_t{b.size()} + 1);
  if (pairs <= max_bytes / 4) return true;
  reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  return false;
}

void reply_position(size_t first, size_t length, Reply& reply) {
  reply.array(2);
  reply.integer(static_cast<int64_t>(first));
  reply.integer(static_cast<int64_t>(first + length - 1));
}

void reply_ranges(const CommonSubsequence& found, const LcsOptions& options, Reply& reply) {
  const auto is_shown = [&options](const CommonRange& range) {
    return range.length >= options.shortest_range;
  };
  reply.map(2);
  reply.bulk("matches");
  reply.array(
      static_cast<size_t>(std::count_if(found.ranges.begin(), found.ranges.end(), is_shown)));
  for (const CommonRange& range : found.ranges) {
    if (!is_shown(range)) continue;
    reply.array(options.range_lengths ? 3 : 2);
    reply_position(range.a_first, range.length, reply);
    reply_position(range.b_first, range.length, reply);
    if (options.range_lengths) reply.integer(static_cast<int64_t>(range.length));
  }
  reply.bulk("len");
  reply.integer(static_cast<int64_t>(found.text.size()));
}

}  // namespace

void lcs(KeyContext& context, Arguments arguments, Reply& reply) {
  // Looking the second key up may remove it, after which the first entry would not be valid.
  for (const Key& key : context.keys()) context.look_up(key);
  for (const Key& key : context.keys()) {
    const Entry entry = context.find(key);
    if (entry && entry.is_object()) {
      return reply.error("ERR The specified keys must contain string values");
    }
  }
  const std::optional<LcsOptions> options = read_options(arguments, reply);
  if (!options) return;
  storage::NumberText scratch[2];
  std::string_view values[2];
  for (size_t i = 0; i < 2; ++i) {
    if (const Entry entry = context.find(context.keys()[i])) values[i] = entry.text(scratch[i]);
  }
  if (!is_within_bound(values[0], values[1], context.max_string_bytes(), reply)) return;
  if (options->length_only) {
    return reply.integer(static_cast<int64_t>(common_length(values[0], values[1])));
  }
  const CommonSubsequence found = common_subsequence(values[0], values[1]);
  if (options->ranges) return reply_ranges(found, *options, reply);
  reply.bulk(found.text);
}

}  // namespace larder::server
