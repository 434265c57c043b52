#include "server/commands/increx.h"

#include <cmath>

#include "server/commands/bounded_sum.h"
#include "server/commands/set_options.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

// What the words say; numbers are not read yet.
struct Options {
  std::optional<std::string_view> by_integer;
  std::optional<std::string_view> by_decimal;
  std::optional<std::string_view> lower;
  std::optional<std::string_view> upper;
  bool saturates = false;
  const LifetimeWord* lifetime = nullptr;
  std::string_view lifetime_number;
  int64_t deadline_ms = kNoDeadline;  // if there is a lifetime
  bool persists = false;
  bool only_without_deadline = false;  // ENX
  ValueCondition condition;            // NX, XX
};

// ---- words --------------------------------------------------------------------------------------

bool take_flag(std::string_view word, std::string_view name, bool& flag) {
  if (!equals_ignoring_case(word, name)) return false;
  if (flag) return false;
  flag = true;
  return true;
}

bool take_condition(std::string_view word, std::string_view name, Condition meant,
                    Options& options) {
  Condition& chosen = options.condition.condition;
  if (!equals_ignoring_case(word, name) || chosen != Condition::none) return false;
  chosen = meant;
  return true;
}

bool take_number(Arguments words, size_t& i, std::string_view name,
                 std::optional<std::string_view>& number) {
  if (!equals_ignoring_case(words[i], name) || number || i + 1 == words.size()) return false;
  number = words[++i];
  return true;
}

bool take_lifetime(Arguments words, size_t& i, Options& options) {
  if (options.lifetime != nullptr || options.persists || i + 1 == words.size()) return false;
  for (const LifetimeWord& candidate : kLifetimeWords) {
    if (!equals_ignoring_case(words[i], candidate.word)) continue;
    options.lifetime = &candidate;
    options.lifetime_number = words[++i];
    return true;
  }
  return false;
}

// One word, with its number if it has one; false if it does not fit what was said before it.
bool take_word(Arguments words, size_t& i, Options& options) {
  const std::string_view word = words[i];
  return (!options.by_decimal && take_number(words, i, "byint", options.by_integer)) ||
         (!options.by_integer && take_number(words, i, "byfloat", options.by_decimal)) ||
         take_number(words, i, "lbound", options.lower) ||
         take_number(words, i, "ubound", options.upper) ||
         take_flag(word, "saturate", options.saturates) || take_lifetime(words, i, options) ||
         (options.lifetime == nullptr && !options.only_without_deadline &&
          take_flag(word, "persist", options.persists)) ||
         (!options.persists && take_flag(word, "enx", options.only_without_deadline)) ||
         take_condition(word, "nx", Condition::absent, options) ||
         take_condition(word, "xx", Condition::present, options);
}

std::optional<Options> read_words(Arguments words, Reply& reply) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (take_word(words, i, options)) continue;
    reply.error(kSyntaxError);
    return std::nullopt;
  }
  if (options.only_without_deadline && options.lifetime == nullptr) {
    reply.error("ERR ENX flag requires an expiration");
    return std::nullopt;
  }
  return options;
}

// ---- what differs between integers and decimals -------------------------------------------------

struct Integers {
  using Number = int64_t;
  static constexpr std::string_view kNotOne = " is not an integer or out of range";
  static constexpr std::string_view kUnsayable = "ERR applied increment would overflow";
  static constexpr std::string_view kEvent = "incrby";

  static std::optional<int64_t> parse(std::string_view text) { return protocol::parse_int64(text); }
  static bool is_finite(int64_t) { return true; }
  static void write(Reply& reply, int64_t number) { reply.integer(number); }
};

struct Decimals {
  using Number = long double;
  static constexpr std::string_view kNotOne = " is not a valid float";
  static constexpr std::string_view kUnsayable = "ERR applied increment would be Infinity";
  static constexpr std::string_view kEvent = "incrbyfloat";

  static std::optional<long double> parse(std::string_view text) {
    return protocol::parse_long_double(text);
  }
  static bool is_finite(long double number) { return std::isfinite(number); }
  static void write(Reply& reply, long double number);
};

class DecimalText {
 public:
  explicit DecimalText(long double number)
      : size_(static_cast<size_t>(protocol::write_long_double(number, bytes_) - bytes_)) {}
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[protocol::kMaxLongDoubleChars];
  size_t size_;
};

void Decimals::write(Reply& reply, long double number) {
  reply.real_text(DecimalText(number));
}

// `what` the number is begins the error.
template <typename Kind>
std::optional<typename Kind::Number> read_number(std::string_view text, std::string_view what,
                                                 Reply& reply) {
  const std::optional<typename Kind::Number> number = Kind::parse(text);
  if (!number) reply.error("ERR " + std::string(what) + std::string(Kind::kNotOne));
  return number;
}

// ---- the change ---------------------------------------------------------------------------------

void write_number(KeyContext& context, Entry entry, int64_t number, int64_t deadline_ms) {
  const Key& key = context.key();
  const int64_t before_ms = entry ? entry.deadline_ms() : kNoDeadline;
  const Entry written = context.set_integer(key, entry, number);
  if (deadline_ms != before_ms) context.set_deadline(key, written, deadline_ms);
}

void write_number(KeyContext& context, Entry entry, long double number, int64_t deadline_ms) {
  context.set(context.key(), entry, DecimalText(number), deadline_ms);
}

template <typename Kind>
void store(KeyContext& context, Entry entry, typename Kind::Number number, const Options& options) {
  const Key& key = context.key();
  const int64_t before_ms = entry ? entry.deadline_ms() : kNoDeadline;
  const bool sets_deadline =
      options.lifetime != nullptr && !(options.only_without_deadline && before_ms != kNoDeadline);
  if (sets_deadline && context.has_passed(options.deadline_ms)) {
    if (entry) delete_key(context, key, entry);
    return;
  }
  int64_t deadline_ms = before_ms;
  if (sets_deadline) deadline_ms = options.deadline_ms;
  if (options.persists) deadline_ms = kNoDeadline;
  write_number(context, entry, number, deadline_ms);
  context.wrote(key, EventClass::string, Kind::kEvent);
  if (!context.notes_events()) [[likely]]
    return;
  if (sets_deadline) context.wrote(key, EventClass::generic, "expire");
  if (options.persists && before_ms != kNoDeadline) {
    context.wrote(key, EventClass::generic, "persist");
  }
  if (!context.listening()) return;
  // As the result: Redis 7.0 knows no INCREX, and rounding may differ.
  storage::NumberText scratch;
  const std::string_view text = context.find(key).text(scratch);
  if (sets_deadline) {
    context.effect({"SET", key.text, text, "PXAT", IntegerText(deadline_ms)});
  } else if (options.persists) {
    context.effect({"SET", key.text, text});
  } else {
    context.effect({"SET", key.text, text, "KEEPTTL"});
  }
}

template <typename Kind>
void run(KeyContext& context, std::string_view increment, Options& options, Reply& reply) {
  using Number = typename Kind::Number;
  const std::optional<Number> amount = read_number<Kind>(increment, "Increment", reply);
  if (!amount) return;
  if (!Kind::is_finite(*amount)) return reply.error("ERR BYFLOAT increment cannot be Infinity");
  Bounds<Number> bounds;
  if (options.lower) {
    const std::optional<Number> lower = read_number<Kind>(*options.lower, "LBOUND", reply);
    if (!lower) return;
    bounds.lower = *lower;
  }
  if (options.upper) {
    const std::optional<Number> upper = read_number<Kind>(*options.upper, "UBOUND", reply);
    if (!upper) return;
    bounds.upper = *upper;
  }
  if (bounds.lower > bounds.upper) {
    return reply.error("ERR LBOUND can't be greater than UBOUND");
  }
  if (options.lifetime != nullptr) {
    const std::optional<int64_t> deadline =
        read_deadline(options.lifetime_number, options.lifetime->unit, options.lifetime->base,
                      "increx", context, reply);
    if (!deadline) return;
    options.deadline_ms = *deadline;
  }

  const Entry entry = context.find(context.key());
  if (!is_string_or_absent(entry, reply)) return;
  Number number = 0;
  if (entry) {
    storage::NumberText scratch;
    const std::optional<Number> found = read_number<Kind>(entry.text(scratch), "value", reply);
    if (!found) return;
    if (!Kind::is_finite(*found)) return reply.error("ERR value cannot be Infinity");
    number = *found;
  }
  BoundedSum<Number> sum{SumResult::declined, number, 0};
  if (options.condition.holds(entry)) {
    sum = bounded_sum(number, *amount, bounds, options.saturates);
  }
  if (sum.result == SumResult::unsayable) return reply.error(Kind::kUnsayable);
  if (sum.result == SumResult::stored) store<Kind>(context, entry, sum.value, options);
  reply.array(2);
  Kind::write(reply, sum.value);
  Kind::write(reply, sum.applied);
}

}  // namespace

void increx(KeyContext& context, Arguments arguments, Reply& reply) {
  std::optional<Options> options = read_words(arguments.subspan(2), reply);
  if (!options) return;
  if (options->by_decimal) return run<Decimals>(context, *options->by_decimal, *options, reply);
  run<Integers>(context, options->by_integer.value_or("1"), *options, reply);
}

}  // namespace larder::server
