// BITFIELD key {GET field | SET field value | INCRBY field increment | OVERFLOW mode}
//
//   field := type offset        type   := 'i' 1..64 | 'u' 1..63
//   mode  := WRAP | SAT | FAIL  offset := bits | '#' fields of that type
//
// OVERFLOW holds for the operations after it. All operations are read, and the value is grown for
// all that write, before the first one runs; so an error changes nothing. As in Redis, the value
// grows even if FAIL then keeps every operation from writing.
#include "server/commands/bitfield.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "server/commands/bit_offset.h"
#include "server/commands/bit_strings.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// Holds any field plus any increment.
__extension__ using Wide = __int128;

enum class Action : uint8_t { get, set, add };
enum class Overflow : uint8_t { wrap, saturate, fail };

struct FieldType {
  bool is_signed;
  uint8_t width;

  Wide lowest() const { return is_signed ? -(Wide{1} << (width - 1)) : 0; }
  Wide highest() const { return (Wide{1} << (is_signed ? width - 1 : width)) - 1; }
  // The number that the lowest `width` bits stand for.
  int64_t number_of(uint64_t bits) const {
    const unsigned unused = 64u - width;
    if (is_signed) return static_cast<int64_t>(bits << unused) >> unused;
    return static_cast<int64_t>(bits << unused >> unused);
  }
};

struct FieldOperation {
  Action action;
  Overflow overflow;
  FieldType type;
  uint64_t offset;
  int64_t operand;
};

struct ActionWord {
  std::string_view word;
  Action action;
  size_t arguments;
};
constexpr ActionWord kActions[] = {
    {"get", Action::get, 2}, {"set", Action::set, 3}, {"incrby", Action::add, 3}};

const ActionWord* find_action(std::string_view word) {
  for (const ActionWord& candidate : kActions) {
    if (equals_ignoring_case(word, candidate.word)) return &candidate;
  }
  return nullptr;
}

std::optional<Overflow> read_overflow(std::string_view word, Reply& reply) {
  if (equals_ignoring_case(word, "wrap")) return Overflow::wrap;
  if (equals_ignoring_case(word, "sat")) return Overflow::saturate;
  if (equals_ignoring_case(word, "fail")) return Overflow::fail;
  reply.error("ERR Invalid OVERFLOW type specified");
  return std::nullopt;
}

std::optional<FieldType> read_type(std::string_view word, Reply& reply) {
  const bool is_signed = word.starts_with('i');
  if (is_signed || word.starts_with('u')) {
    const std::optional<int64_t> width = protocol::parse_int64(word.substr(1));
    if (width && *width >= 1 && *width <= (is_signed ? 64 : 63)) {
      return FieldType{is_signed, static_cast<uint8_t>(*width)};
    }
  }
  reply.error(
      "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
      "i64 is.");
  return std::nullopt;
}

// The arguments of one operation, which are there.
std::optional<FieldOperation> read_operation(Action action, Overflow overflow, Arguments arguments,
                                             KeyContext& context, Reply& reply) {
  const std::optional<FieldType> type = read_type(arguments[0], reply);
  if (!type) return std::nullopt;
  const std::optional<uint64_t> offset = read_bit_offset(arguments[1], context, reply, type->width);
  if (!offset) return std::nullopt;
  std::optional<int64_t> operand = 0;
  if (action != Action::get) operand = read_integer(arguments[2], reply);
  if (!operand) return std::nullopt;
  return FieldOperation{action, overflow, *type, *offset, *operand};
}

std::optional<std::vector<FieldOperation>> read_operations(KeyContext& context, Arguments arguments,
                                                           Reply& reply) {
  std::vector<FieldOperation> operations;
  Overflow overflow = Overflow::wrap;
  for (size_t i = 2; i < arguments.size();) {
    const size_t further = arguments.size() - i - 1;
    if (equals_ignoring_case(arguments[i], "overflow") && further >= 1) {
      const std::optional<Overflow> mode = read_overflow(arguments[i + 1], reply);
      if (!mode) return std::nullopt;
      overflow = *mode;
      i += 2;
      continue;
    }
    const ActionWord* word = find_action(arguments[i]);
    if (word == nullptr || further < word->arguments) {
      reply.error(kSyntaxError);
      return std::nullopt;
    }
    const std::optional<FieldOperation> operation = read_operation(
        word->action, overflow, arguments.subspan(i + 1, word->arguments), context, reply);
    if (!operation) return std::nullopt;
    operations.push_back(*operation);
    i += 1 + word->arguments;
  }
  return operations;
}

// The nearest number that the field can hold to one that it cannot. (Redis computes the room above
// a number that a field is set to in 64 bits: one so low that this overflows counts as too high. We
// do as it does, for it may follow us, or we it.)
Wide saturated(const FieldOperation& operation, Wide wanted) {
  const FieldType type = operation.type;
  const bool room_overflows = operation.action == Action::set &&
                              type.highest() - wanted > std::numeric_limits<int64_t>::max();
  return wanted > type.highest() || room_overflows ? type.highest() : type.lowest();
}

// What the field holds in the end, in its lowest bits; nothing if it must stay as it is.
std::optional<uint64_t> fitted(const FieldOperation& operation, Wide wanted) {
  const bool fits = wanted >= operation.type.lowest() && wanted <= operation.type.highest();
  if (!fits && operation.overflow == Overflow::fail) return std::nullopt;
  if (!fits && operation.overflow == Overflow::saturate) wanted = saturated(operation, wanted);
  return static_cast<uint64_t>(wanted);
}

// What an operation that writes wants to write over `old`. An unsigned field takes a negative
// number that it is set to for the huge one of the same bits, as Redis does.
Wide wanted_by(const FieldOperation& operation, int64_t old) {
  if (operation.action == Action::add) return Wide{old} + operation.operand;
  if (operation.type.is_signed) return operation.operand;
  return static_cast<uint64_t>(operation.operand);
}

void read_fields(KeyContext& context, const std::vector<FieldOperation>& operations, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  storage::NumberText scratch;
  const std::string_view bytes = entry ? entry.text(scratch) : std::string_view{};
  reply.array(operations.size());
  for (const FieldOperation& operation : operations) {
    const FieldType type = operation.type;
    reply.integer(type.number_of(read_bits(bytes, operation.offset, type.width)));
  }
}

// A value that operations change one after the other.
class FieldWriter {
 public:
  FieldWriter(KeyContext& context, const Key& key)
      : context_(context), key_(key), entry_(context.find(key)) {}

  bool changed() const { return changed_; }

  size_t length() const { return entry_ ? entry_.length() : 0; }

  // Makes the value long enough for the byte at `last`.
  void reach(size_t last) {
    if (entry_ && last < entry_.length()) return;
    if (!entry_) entry_ = context_.set(key_, entry_, {}, storage::kNoDeadline);
    write(last, std::string_view("\0", 1));
  }

  void run(const FieldOperation& operation, Reply& reply) {
    const FieldType type = operation.type;
    storage::NumberText scratch;
    const std::string_view bytes = entry_.text(scratch);
    const uint64_t old_bits = read_bits(bytes, operation.offset, type.width);
    const int64_t old = type.number_of(old_bits);
    if (operation.action == Action::get) return reply.integer(old);
    const std::optional<uint64_t> bits = fitted(operation, wanted_by(operation, old));
    if (!bits) return reply.null();
    const int64_t now = type.number_of(*bits);
    reply.integer(operation.action == Action::set ? old : now);
    if (now == old) return;
    const BitPatch patch(bytes, operation.offset, type.width, *bits);
    write(patch.offset(), patch.bytes());
  }

 private:
  void write(size_t offset, std::string_view patch) {
    entry_ = context_.set_range(key_, entry_, offset, patch);
    changed_ = true;
  }

  KeyContext& context_;
  const Key& key_;
  Entry entry_;
  bool changed_ = false;
};

// REQUIRES: some operation writes.
void write_fields(KeyContext& context, const std::vector<FieldOperation>& operations,
                  Reply& reply) {
  uint64_t last_bit = 0;
  for (const FieldOperation& operation : operations) {
    if (operation.action == Action::get) continue;
    last_bit = std::max(last_bit, operation.offset + operation.type.width - 1);
  }
  const Key& key = context.key();
  if (!is_string_or_absent(context.find(key), reply)) return;
  FieldWriter writer(context, key);
  if (!may_grow(context, writer.length(), last_bit / 8 + 1, reply)) return;
  writer.reach(static_cast<size_t>(last_bit / 8));
  reply.array(operations.size());
  for (const FieldOperation& operation : operations) writer.run(operation, reply);
  if (!writer.changed()) return;
  context.wrote(key, EventClass::string, "setbit");
  context.effect_as_received();
}

bool writes(const FieldOperation& operation) {
  return operation.action != Action::get;
}

}  // namespace

void bitfield(KeyContext& context, Arguments arguments, Reply& reply) {
  const auto operations = read_operations(context, arguments, reply);
  if (!operations) return;
  if (std::any_of(operations->begin(), operations->end(), writes)) {
    write_fields(context, *operations, reply);
  } else {
    read_fields(context, *operations, reply);
  }
}

void bitfield_ro(KeyContext& context, Arguments arguments, Reply& reply) {
  const auto operations = read_operations(context, arguments, reply);
  if (!operations) return;
  if (std::any_of(operations->begin(), operations->end(), writes)) {
    return reply.error("ERR BITFIELD_RO only supports the GET subcommand");
  }
  read_fields(context, *operations, reply);
}

}  // namespace larder::server
