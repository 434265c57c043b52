// Bitmaps: single bits, counting and finding them, combining whole strings. Fields of several bits
// are in bitfield.cc.
//
// Changes are made in place, so that one bit of a large value costs no more than one of a small.
#include <limits>
#include <vector>

#include "server/commands/bit_offset.h"
#include "server/commands/bit_strings.h"
#include "server/commands/bitfield.h"
#include "server/commands/families.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

void setbit(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> offset = read_bit_offset(arguments[2], context, reply);
  if (!offset) return;
  const std::optional<int64_t> bit = protocol::parse_int64(arguments[3]);
  if (!bit || (*bit != 0 && *bit != 1)) {
    return reply.error("ERR bit is not an integer or out of range");
  }
  const Key& key = context.key();
  Entry entry = context.find(key);
  if (!is_string_or_absent(entry, reply)) return;
  storage::NumberText scratch;
  const std::string_view bytes = entry ? entry.text(scratch) : std::string_view{};
  if (!may_grow(context, bytes.size(), *offset / 8 + 1, reply)) return;
  const bool was_set = read_bits(bytes, *offset, 1) != 0;
  reply.integer(was_set ? 1 : 0);
  if (was_set == (*bit != 0) && *offset / 8 < bytes.size()) return;
  const BitPatch patch(bytes, *offset, 1, *bit != 0 ? 1 : 0);
  if (!entry) entry = context.set(key, entry, {}, storage::kNoDeadline);
  context.set_range(key, entry, patch.offset(), patch.bytes());
  context.wrote(key, EventClass::string, "setbit");
  context.effect_as_received();
}

void getbit(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<uint64_t> offset = read_bit_offset(arguments[2], context, reply);
  if (!offset) return;
  const Entry entry = context.look_up(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  storage::NumberText scratch;
  reply.integer(entry && read_bits(entry.text(scratch), *offset, 1) != 0 ? 1 : 0);
}

// ---- BITCOUNT, BITPOS ---------------------------------------------------------------------------

// Bits [first, last]; empty if first > last.
struct BitRange {
  int64_t first = 0;
  int64_t last = -1;

  bool is_empty() const { return first > last; }
};

// A position as clients give it: from the end if negative; before the beginning is the beginning.
int64_t from_beginning(int64_t position, int64_t length) {
  if (position >= 0) return position;
  return position < -length ? 0 : position + length;
}

// `start` and `end` count bytes, or bits; what lies outside is cut off.
BitRange range_of(int64_t start, int64_t end, bool counts_bits, size_t bytes) {
  const auto length = static_cast<int64_t>(counts_bits ? bytes * 8 : bytes);
  const int64_t first = from_beginning(start, length);
  const int64_t last = std::min(from_beginning(end, length), length - 1);
  if (first > last) return {};
  return counts_bits ? BitRange{first, last} : BitRange{first * 8, last * 8 + 7};
}

// BYTE or BIT; answers the error and returns nothing if it is neither.
std::optional<bool> read_counts_bits(std::string_view word, Reply& reply) {
  if (equals_ignoring_case(word, "bit")) return true;
  if (equals_ignoring_case(word, "byte")) return false;
  reply.error(kSyntaxError);
  return std::nullopt;
}

// As in Redis 7.0, an absent key answers before the arguments are looked at.
void bitcount(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.integer(0);
  if (!is_string_or_absent(entry, reply)) return;
  storage::NumberText scratch;
  const std::string_view bytes = entry.text(scratch);
  if (arguments.size() == 2) return reply.integer(static_cast<int64_t>(count_ones(bytes)));
  if (arguments.size() != 4 && arguments.size() != 5) return reply.error(kSyntaxError);
  const std::optional<int64_t> start = read_integer(arguments[2], reply);
  if (!start) return;
  const std::optional<int64_t> end = read_integer(arguments[3], reply);
  if (!end) return;
  if (*start < 0 && *end < 0 && *start > *end) return reply.integer(0);
  std::optional<bool> counts_bits = false;
  if (arguments.size() == 5) counts_bits = read_counts_bits(arguments[4], reply);
  if (!counts_bits) return;
  const BitRange range = range_of(*start, *end, *counts_bits, bytes.size());
  if (range.is_empty()) return reply.integer(0);
  reply.integer(static_cast<int64_t>(
      count_ones(bytes, static_cast<uint64_t>(range.first), static_cast<uint64_t>(range.last))));
}

void bitpos(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<int64_t> bit = read_integer(arguments[2], reply);
  if (!bit) return;
  if (*bit != 0 && *bit != 1) return reply.error("ERR The bit argument must be 1 or 0.");
  // An absent key is zeros without end.
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.integer(*bit == 0 ? 0 : -1);
  if (!is_string_or_absent(entry, reply)) return;
  if (arguments.size() > 6) return reply.error(kSyntaxError);
  std::optional<int64_t> start = 0;
  std::optional<int64_t> end = -1;
  std::optional<bool> counts_bits = false;
  if (arguments.size() >= 4) start = read_integer(arguments[3], reply);
  if (!start) return;
  if (arguments.size() == 6) counts_bits = read_counts_bits(arguments[5], reply);
  if (!counts_bits) return;
  if (arguments.size() >= 5) end = read_integer(arguments[4], reply);
  if (!end) return;

  storage::NumberText scratch;
  const std::string_view bytes = entry.text(scratch);
  const BitRange range = range_of(*start, *end, *counts_bits, bytes.size());
  if (range.is_empty()) return reply.integer(-1);
  const std::optional<uint64_t> found = find_bit(
      bytes, *bit != 0, static_cast<uint64_t>(range.first), static_cast<uint64_t>(range.last));
  if (found) return reply.integer(static_cast<int64_t>(*found));
  // Without an end, the zeros beyond the value count.
  const bool has_end = arguments.size() >= 5;
  reply.integer(*bit == 0 && !has_end ? range.last + 1 : -1);
}

// ---- BITOP --------------------------------------------------------------------------------------

struct BitOperationWord {
  std::string_view word;
  BitOperation operation;
  size_t fewest_sources;
  size_t most_sources;
  bool is_in_7_0;  // a follower of that version understands it
};

constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();
constexpr BitOperationWord kBitOperations[] = {
    {"AND", BitOperation::conjunction, 1, kAnyNumber, true},
    {"OR", BitOperation::disjunction, 1, kAnyNumber, true},
    {"XOR", BitOperation::parity, 1, kAnyNumber, true},
    {"NOT", BitOperation::complement, 1, 1, true},
    {"DIFF", BitOperation::first_only, 2, kAnyNumber, false},
    {"DIFF1", BitOperation::others_only, 2, kAnyNumber, false},
    {"ANDOR", BitOperation::first_shared, 2, kAnyNumber, false},
    {"ONE", BitOperation::exactly_one, 1, kAnyNumber, false},
};

const BitOperationWord* find_operation(std::string_view word) {
  for (const BitOperationWord& candidate : kBitOperations) {
    if (equals_ignoring_case(word, candidate.word)) return &candidate;
  }
  return nullptr;
}

// Key 0 is the destination, the others are the sources.
void bitop(KeyContext& context, Arguments arguments, Reply& reply) {
  const BitOperationWord* operation = find_operation(arguments[1]);
  if (operation == nullptr) return reply.error(kSyntaxError);
  const std::span<const Key> keys = context.keys().subspan(1);
  if (keys.size() > operation->most_sources) {
    return reply.error("ERR BITOP NOT must be called with a single source key.");
  }
  if (keys.size() < operation->fewest_sources) {
    return reply.error("ERR BITOP " + std::string(operation->word) +
                       " must be called with at least two source keys.");
  }
  // Looking a key up may remove it, after which no other entry is valid: so first all of them.
  for (const Key& key : keys) context.look_up(key);
  const Key& destination = context.key();
  const Entry old = context.find(destination);
  std::vector<storage::NumberText> scratch(keys.size());
  std::vector<std::string_view> sources(keys.size());
  size_t size = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const Entry entry = context.find(keys[i]);
    if (!is_string_or_absent(entry, reply)) return;
    if (entry) sources[i] = entry.text(scratch[i]);
    size = std::max(size, sources[i].size());
  }
  reply.integer(static_cast<int64_t>(size));
  if (size == 0) {
    if (old) delete_key(context, destination, old);
    return;
  }
  storage::HeldValue result(size);
  combine_bits(operation->operation, sources, result.data(), size);
  context.set(destination, old, result, storage::kNoDeadline);
  context.wrote(destination, EventClass::string, "set");
  if (operation->is_in_7_0) return context.effect_as_received();
  if (context.listening()) context.effect({"SET", destination.text, result.text()});
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kReadKey{1, 1, 1, kKeyReadOnly | kKeyAccess};

constexpr auto kRows = checked({
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmapCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = setbit,
     .docs = {.summary = "Stores one bit of a value, which grows if need be; answers the old one.",
              .since = "2.2.0",
              .group = "bitmap",
              .complexity = "O(1), and what a value grows by",
              .syntax = "key offset value"}},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kBitmapCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = getbit,
     .docs = {.summary = "Answers one bit of a value.",
              .since = "2.2.0",
              .group = "bitmap",
              .complexity = "O(1)",
              .syntax = "key offset"}},
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .categories = kBitmapCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = bitcount,
     .docs = {.summary = "Answers how many bits of a value, or of a part of it, are one.",
              .since = "2.6.0",
              .group = "bitmap",
              .complexity = "O(N) where N is the length of the part",
              .syntax = "key [start end [BYTE | BIT]]",
              .history = "7.0.0: The range may count bits (`BIT`)."}},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .categories = kBitmapCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = bitpos,
     .docs = {.summary = "Answers where the first one or the first zero stands.",
              .since = "2.8.7",
              .group = "bitmap",
              .complexity = "O(N) where N is the length of the part that is searched",
              .syntax = "key bit [start [end [BYTE | BIT]]]",
              .history = "7.0.0: The range may count bits (`BIT`)."}},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kBitmapCategory,
     .keys = {.first = 2,
              .last = -1,
              .step = 1,
              .flags = kKeyOverwrite | kKeyUpdate,
              .further_flags = kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = bitop,
     .docs = {.summary = "Combines values bit by bit and stores the result.",
              .since = "2.6.0",
              .group = "bitmap",
              .complexity = "O(N) where N is the length of all values together",
              .syntax = "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
              .history = "8.2.0: Added `DIFF`, `DIFF1`, `ANDOR` and `ONE`."}},
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .categories = kBitmapCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate | kKeyVariable},
     .locks = LockPlan::keys,
     .handler = bitfield,
     .docs = {.summary = "Reads, stores and adds to whole numbers of any width in a value.",
              .since = "3.2.0",
              .group = "bitmap",
              .complexity = "O(1) for each operation, and what a value grows by",
              .syntax = "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] "
                        "<SET encoding offset value | INCRBY encoding offset increment> [...]]"}},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kBitmapCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = bitfield_ro,
     .docs = {.summary = "Reads whole numbers of any width in a value.",
              .since = "6.0.0",
              .group = "bitmap",
              .complexity = "O(1) for each operation",
              .syntax = "key [GET encoding offset [GET encoding offset ...]]"}},
});

}  // namespace

CommandFamily bitmap_commands() {
  return kRows;
}

}  // namespace larder::server
