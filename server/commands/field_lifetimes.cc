// Deadlines of fields of hashes.
//
//   HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field ...
//   HTTL key FIELDS numfields field ...
//   HGETEX key [EX s | PX ms | EXAT t | PXAT t | PERSIST] FIELDS numfields field ...
//   HSETEX key [FNX | FXX] [EX s | PX ms | EXAT t | PXAT t | KEEPTTL] FIELDS numfields field value
//   ...
//
// The answer is one number for each field: -2 it is absent, -1 it has no deadline, 0 the condition
// does not hold, 1 done, 2 removed since its time has passed. Followers are told absolute times in
// HPEXPIREAT, and HDEL of what went.
#include <optional>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/hash_commands.h"
#include "server/commands/hash_encoding.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

constexpr int kAbsent = -2;
constexpr int kNoTtl = -1;
constexpr int kConditionFailed = 0;
constexpr int kDone = 1;
constexpr int kRemoved = 2;

// ---- reading arguments --------------------------------------------------------------------------

// `FIELDS numfields field ...` to the end, with `stride` words for each field. Answers the error
// and returns nothing if the words are none of that.
std::optional<Arguments> read_fields(Arguments words, size_t stride, std::string_view wrong_number,
                                     Reply& reply) {
  if (words.empty() || !equals_ignoring_case(words[0], "fields")) {
    reply.error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return std::nullopt;
  }
  const std::optional<int64_t> count =
      words.size() > 1 ? protocol::parse_int64(words[1]) : std::nullopt;
  if (!count || *count < 1) {
    reply.error(wrong_number);
    return std::nullopt;
  }
  const Arguments fields = words.subspan(2);
  if (fields.size() % stride != 0 || static_cast<uint64_t>(*count) != fields.size() / stride) {
    reply.error("ERR The `numfields` parameter must match the number of arguments");
    return std::nullopt;
  }
  return fields;
}

constexpr std::string_view kWrongNumber = "ERR Number of fields must be a positive integer";

enum class Condition : uint8_t { always, nx, xx, gt, lt };

std::optional<Condition> find_condition(std::string_view word) {
  if (equals_ignoring_case(word, "nx")) return Condition::nx;
  if (equals_ignoring_case(word, "xx")) return Condition::xx;
  if (equals_ignoring_case(word, "gt")) return Condition::gt;
  if (equals_ignoring_case(word, "lt")) return Condition::lt;
  return std::nullopt;
}

bool holds(Condition condition, int64_t old_ms, int64_t new_ms) {
  const bool has_one = old_ms != kNoDeadline;
  switch (condition) {
    case Condition::always:
      return true;
    case Condition::nx:
      return !has_one;
    case Condition::xx:
      return has_one;
    case Condition::gt:
      return has_one && new_ms > old_ms;
    case Condition::lt:
      return !has_one || new_ms < old_ms;
  }
  return false;
}

// A point in time from a client's number, which must not be negative.
std::optional<int64_t> read_field_deadline(std::string_view argument, TimeUnit unit, TimeBase base,
                                           std::string_view command, KeyContext& context,
                                           Reply& reply) {
  const std::optional<int64_t> number = read_integer(argument, reply);
  if (!number) return std::nullopt;
  if (*number < 0) {
    reply.error("ERR invalid expire time, must be >= 0");
    return std::nullopt;
  }
  const std::optional<int64_t> deadline = deadline_from(*number, unit, base, context.now_ms());
  if (deadline && *deadline <= HashObject::kLastDeadline) return deadline;
  reply_invalid_expire_time(reply, command);
  return std::nullopt;
}

// ---- changing -----------------------------------------------------------------------------------

// What a command did to fields of one hash, to be told at its end.
struct Changes {
  std::vector<std::string_view> timed;    // got the deadline
  std::vector<std::string_view> removed;  // by the command
  std::vector<std::string_view> expired;  // were due before
  std::vector<std::string_view> persisted;

  bool empty() const {
    return timed.empty() && removed.empty() && expired.empty() && persisted.empty();
  }
};

void tell_removals(KeyContext& context, const std::vector<std::string_view>& names) {
  if (names.empty() || !context.listening()) return;
  std::vector<std::string_view> command{"HDEL", context.key().text};
  command.insert(command.end(), names.begin(), names.end());
  context.effect(command);
}

void tell(KeyContext& context, const Changes& changes, int64_t deadline_ms, bool is_left) {
  const Key& key = context.key();
  if (!changes.expired.empty()) context.wrote(key, EventClass::hash, "hexpired");
  if (!changes.timed.empty()) context.wrote(key, EventClass::hash, "hexpire");
  if (!changes.persisted.empty()) context.wrote(key, EventClass::hash, "hpersist");
  if (!changes.removed.empty()) context.wrote(key, EventClass::hash, "hdel");
  if (!is_left) context.wrote(key, EventClass::generic, "del");
  if (!context.listening()) return;
  const IntegerText deadline(deadline_ms);
  const auto tell_fields = [&](std::vector<std::string_view> command,
                               const std::vector<std::string_view>& names) {
    if (names.empty()) return;
    const IntegerText count(static_cast<int64_t>(names.size()));
    command.insert(command.end(), {"FIELDS", count});
    command.insert(command.end(), names.begin(), names.end());
    context.effect(command);
  };
  tell_fields({"HPEXPIREAT", key.text, deadline}, changes.timed);
  tell_fields({"HPERSIST", key.text}, changes.persisted);
  tell_removals(context, changes.expired);
  tell_removals(context, changes.removed);
}

// Answers an array with one element for each name: by answer_absent() where there is no key, else
// by change(hash, name, changes). Tells what was changed; `deadline_ms` is what `timed` ones got.
template <typename AnswerAbsent, typename Change>
void change_each(KeyContext& context, const Entry& entry, Arguments names, int64_t deadline_ms,
                 Reply& reply, AnswerAbsent answer_absent, Change change) {
  reply.array(names.size());
  if (!entry) {
    for (size_t left = names.size(); left > 0; --left) answer_absent();
    return;
  }
  Changes changes;
  const bool is_left =
      context.edit<HashObject>(context.key(), entry, [&](HashObject& hash) {
        for (const std::string_view name : names) change(hash, name, changes);
      });
  if (!changes.empty()) tell(context, changes, deadline_ms, is_left);
}

// A field that is there, and not due; one that is goes now.
std::optional<HashObject::Field> find_live(KeyContext& context, HashObject& hash,
                                           std::string_view name, Changes& changes) {
  std::optional<HashObject::Field> field = hash.find(name);
  if (!field || !field->is_due(context.field_now_ms())) return field;
  hash.remove(name);
  context.count_expired_fields(1);
  changes.expired.push_back(name);
  return std::nullopt;
}

int expire_field(KeyContext& context, HashObject& hash, std::string_view name, int64_t deadline_ms,
                 Condition condition, Changes& changes) {
  const std::optional<HashObject::Field> field = find_live(context, hash, name, changes);
  if (!field) return kAbsent;
  if (!holds(condition, field->deadline_ms, deadline_ms)) return kConditionFailed;
  if (context.has_passed(deadline_ms)) {
    hash.remove(name);
    context.count_expired_fields(1);
    changes.removed.push_back(name);
    return kRemoved;
  }
  note_field_deadline(hash);
  hash.set_deadline(name, deadline_ms);
  changes.timed.push_back(name);
  return kDone;
}

void expire(KeyContext& context, Arguments arguments, TimeUnit unit, TimeBase base,
            std::string_view command, Reply& reply) {
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<int64_t> deadline =
      read_field_deadline(arguments[2], unit, base, command, context, reply);
  if (!deadline) return;
  const std::optional<Condition> condition = find_condition(arguments[3]);
  const std::optional<Arguments> names =
      read_fields(arguments.subspan(condition ? 4 : 3), 1,
                  "ERR Parameter `numFields` should be greater than 0", reply);
  if (!names) return;
  change_each(
      context, entry, *names, *deadline, reply, [&] { reply.integer(kAbsent); },
      [&](HashObject& hash, std::string_view name, Changes& changes) {
        reply.integer(expire_field(context, hash, name, *deadline,
                                   condition.value_or(Condition::always), changes));
      });
}

void hexpire(KeyContext& context, Arguments arguments, Reply& reply) {
  expire(context, arguments, TimeUnit::seconds, TimeBase::from_now, "hexpire", reply);
}
void hpexpire(KeyContext& context, Arguments arguments, Reply& reply) {
  expire(context, arguments, TimeUnit::milliseconds, TimeBase::from_now, "hpexpire", reply);
}
void hexpireat(KeyContext& context, Arguments arguments, Reply& reply) {
  expire(context, arguments, TimeUnit::seconds, TimeBase::absolute, "hexpireat", reply);
}
void hpexpireat(KeyContext& context, Arguments arguments, Reply& reply) {
  expire(context, arguments, TimeUnit::milliseconds, TimeBase::absolute, "hpexpireat", reply);
}

void hpersist(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<Arguments> names = read_fields(arguments.subspan(2), 1, kWrongNumber, reply);
  if (!names) return;
  change_each(
      context, entry, *names, kNoDeadline, reply, [&] { reply.integer(kAbsent); },
      [&](HashObject& hash, std::string_view name, Changes& changes) {
        const std::optional<HashObject::Field> field = find_live(context, hash, name, changes);
        if (!field || field->deadline_ms == kNoDeadline) {
          return reply.integer(field ? kNoTtl : kAbsent);
        }
        hash.set_deadline(name, kNoDeadline);
        changes.persisted.push_back(name);
        reply.integer(kDone);
      });
}

// ---- asking -------------------------------------------------------------------------------------

void answer_deadlines(KeyContext& context, Arguments arguments, TimeUnit unit, TimeBase base,
                      Reply& reply) {
  const Entry entry = context.look_up_untouched(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<Arguments> names = read_fields(arguments.subspan(2), 1, kWrongNumber, reply);
  if (!names) return;
  reply.array(names->size());
  for (const std::string_view name : *names) {
    const std::optional<HashObject::Field> field =
        entry ? hash_of(entry).find(name, context.field_now_ms()) : std::nullopt;
    if (!field || field->deadline_ms == kNoDeadline) {
      reply.integer(field ? kNoTtl : kAbsent);
      continue;
    }
    const int64_t ms = field->deadline_ms - (base == TimeBase::from_now ? context.now_ms() : 0);
    reply.integer(unit == TimeUnit::seconds ? (ms + 999) / 1000 : ms);
  }
}

void httl(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_deadlines(context, arguments, TimeUnit::seconds, TimeBase::from_now, reply);
}
void hpttl(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_deadlines(context, arguments, TimeUnit::milliseconds, TimeBase::from_now, reply);
}
void hexpiretime(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_deadlines(context, arguments, TimeUnit::seconds, TimeBase::absolute, reply);
}
void hpexpiretime(KeyContext& context, Arguments arguments, Reply& reply) {
  answer_deadlines(context, arguments, TimeUnit::milliseconds, TimeBase::absolute, reply);
}

// ---- values and deadlines -----------------------------------------------------------------------

void hgetdel(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const std::optional<Arguments> names = read_fields(arguments.subspan(2), 1, kWrongNumber, reply);
  if (!names) return;
  change_each(
      context, entry, *names, kNoDeadline, reply, [&] { reply.null(); },
      [&](HashObject& hash, std::string_view name, Changes& changes) {
        const std::optional<HashObject::Field> field = find_live(context, hash, name, changes);
        if (!field) return reply.null();
        reply_text(reply, field->value);
        hash.remove(name);
        changes.removed.push_back(name);
      });
}

const LifetimeWord* find_lifetime_word(std::string_view word) {
  for (const LifetimeWord& lifetime : kLifetimeWords) {
    if (equals_ignoring_case(word, lifetime.word)) return &lifetime;
  }
  return nullptr;
}

void hgetex(KeyContext& context, Arguments arguments, Reply& reply) {
  const Entry entry = context.find(context.key());
  if (!is_hash_or_absent(entry, reply)) return;
  const LifetimeWord* lifetime = find_lifetime_word(arguments[2]);
  const bool persists = equals_ignoring_case(arguments[2], "persist");
  std::optional<int64_t> deadline = kNoDeadline;
  if (lifetime != nullptr) {
    deadline =
        read_field_deadline(arguments[3], lifetime->unit, lifetime->base, "hgetex", context, reply);
    if (!deadline) return;
  }
  const size_t options = lifetime != nullptr ? 2 : persists ? 1 : 0;
  const std::optional<Arguments> names =
      read_fields(arguments.subspan(2 + options), 1, kWrongNumber, reply);
  if (!names) return;
  change_each(
      context, entry, *names, *deadline, reply, [&] { reply.null(); },
      [&](HashObject& hash, std::string_view name, Changes& changes) {
        const std::optional<HashObject::Field> field = find_live(context, hash, name, changes);
        if (!field) return reply.null();
        reply_text(reply, field->value);
        if (lifetime != nullptr) {
          expire_field(context, hash, name, *deadline, Condition::always, changes);
        } else if (persists && field->deadline_ms != kNoDeadline) {
          hash.set_deadline(name, kNoDeadline);
          changes.persisted.push_back(name);
        }
      });
}

// ---- HSETEX -------------------------------------------------------------------------------------

enum class FieldCondition : uint8_t { always, none_there, all_there };

struct SetOptions {
  FieldCondition condition = FieldCondition::always;
  std::optional<int64_t> deadline_ms;  // to be set
  bool keeps_deadlines = false;
  Arguments pairs;
};

constexpr std::string_view kHsetexArity = "ERR wrong number of arguments for 'hsetex' command";

// The words behind FIELDS; false after an error.
bool read_pairs(Arguments words, SetOptions& options, Reply& reply) {
  if (words.size() < 3) {
    reply.error(kHsetexArity);
    return false;
  }
  const std::optional<int64_t> count = protocol::parse_int64(words[0]);
  if (!count || *count < 1 || *count > INT32_MAX) {
    reply.error("ERR invalid number of fields");
    return false;
  }
  options.pairs = words.subspan(1);
  if (options.pairs.size() == 2 * static_cast<uint64_t>(*count)) return true;
  reply.error(kHsetexArity);
  return false;
}

// Reads one option that takes or keeps a deadline, at `index`, which is moved to its last word.
bool read_set_lifetime(Arguments arguments, size_t& index, SetOptions& options, KeyContext& context,
                       Reply& reply) {
  const LifetimeWord* lifetime = find_lifetime_word(arguments[index]);
  if (options.keeps_deadlines || options.deadline_ms) {
    reply.error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    return false;
  }
  if (lifetime == nullptr) return options.keeps_deadlines = true;
  if (index + 1 == arguments.size()) {
    reply.error("ERR missing expire time");
    return false;
  }
  options.deadline_ms = read_field_deadline(arguments[++index], lifetime->unit, lifetime->base,
                                            "hsetex", context, reply);
  return options.deadline_ms.has_value();
}

std::optional<SetOptions> read_set_options(KeyContext& context, Arguments arguments, Reply& reply) {
  SetOptions options;
  for (size_t i = 2; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const bool wants_none = equals_ignoring_case(word, "fnx");
    if (equals_ignoring_case(word, "fields")) {
      if (!read_pairs(arguments.subspan(i + 1), options, reply)) return std::nullopt;
      return options;
    }
    if (wants_none || equals_ignoring_case(word, "fxx")) {
      if (options.condition != FieldCondition::always) {
        reply.error("ERR Only one of FXX or FNX arguments can be specified");
        return std::nullopt;
      }
      options.condition = wants_none ? FieldCondition::none_there : FieldCondition::all_there;
    } else if (equals_ignoring_case(word, "keepttl") || find_lifetime_word(word) != nullptr) {
      if (!read_set_lifetime(arguments, i, options, context, reply)) return std::nullopt;
    } else {
      reply.error("ERR unknown argument: " + text::echo(word));
      return std::nullopt;
    }
  }
  reply.error(kHsetexArity);
  return std::nullopt;
}

void set_pairs(KeyContext& context, HashObject& hash, const SetOptions& options, Changes& changes) {
  const Arguments pairs = options.pairs;
  note_fields(hash, pairs, context.hash_limits());
  if (options.deadline_ms) note_field_deadline(hash);
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const std::optional<HashObject::Field> field = find_live(context, hash, pairs[i], changes);
    const int64_t kept =
        options.keeps_deadlines && field ? field->deadline_ms : int64_t{kNoDeadline};
    hash.set(pairs[i], pairs[i + 1], options.deadline_ms.value_or(kept), context.hasher());
  }
  note_field_count(hash, context.hash_limits());
}

// The time that the fields were to get has passed: they are set and gone at once.
void remove_pairs(KeyContext& context, HashObject& hash, Arguments pairs, Changes& changes) {
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (find_live(context, hash, pairs[i], changes) && hash.remove(pairs[i])) {
      changes.removed.push_back(pairs[i]);
    }
  }
}

bool holds(FieldCondition condition, KeyContext& context, HashObject& hash, Arguments pairs,
           Changes& changes) {
  size_t found = 0;
  for (size_t i = 0; i < pairs.size(); i += 2) {
    found += find_live(context, hash, pairs[i], changes) ? 1 : 0;
  }
  switch (condition) {
    case FieldCondition::always:
      return true;
    case FieldCondition::none_there:
      return found == 0;
    case FieldCondition::all_there:
      return found == pairs.size() / 2;
  }
  return false;
}

void tell_setting(KeyContext& context, const SetOptions& options) {
  std::vector<std::string_view> command{"HSETEX", context.key().text};
  const IntegerText deadline(options.deadline_ms.value_or(0));
  if (options.deadline_ms) command.insert(command.end(), {"PXAT", deadline});
  if (options.keeps_deadlines) command.push_back("KEEPTTL");
  const IntegerText count(static_cast<int64_t>(options.pairs.size() / 2));
  command.insert(command.end(), {"FIELDS", count});
  command.insert(command.end(), options.pairs.begin(), options.pairs.end());
  context.effect(command);
}

void hsetex(KeyContext& context, Arguments arguments, Reply& reply) {
  const std::optional<SetOptions> options = read_set_options(context, arguments, reply);
  if (!options) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (!is_hash_or_absent(entry, reply)) return;
  const bool is_over = options->deadline_ms && context.has_passed(*options->deadline_ms);
  Changes changes;
  bool is_set = entry || options->condition != FieldCondition::all_there;
  bool is_left = true;
  if (entry) {
    is_left = context.edit<HashObject>(key, entry, [&](HashObject& hash) {
      is_set = holds(options->condition, context, hash, options->pairs, changes);
      if (!is_set) return;
      is_over ? remove_pairs(context, hash, options->pairs, changes)
              : set_pairs(context, hash, *options, changes);
    });
  } else if (is_set && is_over) {
    context.note_new(key);
    is_left = false;
  } else if (is_set) {
    context.create<HashObject>(
        key, [&](HashObject& hash) { set_pairs(context, hash, *options, changes); });
  }
  reply.integer(is_set ? 1 : 0);
  if (is_set && is_over) context.count_expired_fields(options->pairs.size() / 2);
  if (!changes.expired.empty()) context.wrote(key, EventClass::hash, "hexpired");
  if (is_set) context.wrote(key, EventClass::hash, "hset");
  if (is_set && options->deadline_ms) {
    context.wrote(key, EventClass::hash, is_over ? "hdel" : "hexpire");
  }
  if (!is_left) context.wrote(key, EventClass::generic, "del");
  tell_removals(context, changes.expired);
  tell_removals(context, changes.removed);
  if (is_set && !is_over && context.listening()) tell_setting(context, *options);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kUpdateKey{1, 1, 1, kKeyReadWrite | kKeyUpdate};
constexpr KeyPositions kUseKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate};
constexpr KeyPositions kTakeKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyDelete};
constexpr KeyPositions kAskKey{1, 1, 1, kKeyReadOnly | kKeyAccess};
constexpr std::string_view kEachField = "O(N) where N is the number of fields";

constexpr CommandRow expire_row(std::string_view name, Handler handler, std::string_view summary,
                                std::string_view syntax) {
  return {.name = name,
          .arity = -6,
          .flags = kWrite | kDenyOom | kFast,
          .categories = kHashCategory,
          .keys = kUpdateKey,
          .locks = LockPlan::keys,
          .handler = handler,
          .docs = {.summary = summary,
                   .since = "7.4.0",
                   .group = "hash",
                   .complexity = kEachField,
                   .syntax = syntax}};
}

constexpr CommandRow fields_row(std::string_view name, uint32_t flags, KeyPositions keys,
                                Handler handler, std::string_view since, std::string_view summary) {
  return {.name = name,
          .arity = -5,
          .flags = flags,
          .categories = kHashCategory,
          .keys = keys,
          .locks = LockPlan::keys,
          .handler = handler,
          .docs = {.summary = summary,
                   .since = since,
                   .group = "hash",
                   .complexity = kEachField,
                   .syntax = "key FIELDS numfields field [field ...]"}};
}

constexpr auto kRows = checked({
    expire_row("hexpire", hexpire, "Gives fields of a hash deadlines, in seconds from now.",
               "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"),
    expire_row("hpexpire", hpexpire, "Gives fields of a hash deadlines, in milliseconds from now.",
               "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"),
    expire_row("hexpireat", hexpireat, "Gives fields of a hash deadlines, in Unix seconds.",
               "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"),
    expire_row("hpexpireat", hpexpireat, "Gives fields of a hash deadlines, in Unix milliseconds.",
               "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]"),
    fields_row("hpersist", kWrite | kFast, kUpdateKey, hpersist, "7.4.0",
               "Removes the deadlines of fields of a hash."),
    fields_row("httl", kReadonly | kFast, kAskKey, httl, "7.4.0",
               "Answers how many seconds fields of a hash have left."),
    fields_row("hpttl", kReadonly | kFast, kAskKey, hpttl, "7.4.0",
               "Answers how many milliseconds fields of a hash have left."),
    fields_row("hexpiretime", kReadonly | kFast, kAskKey, hexpiretime, "7.4.0",
               "Answers the deadlines of fields of a hash, in Unix seconds."),
    fields_row("hpexpiretime", kReadonly | kFast, kAskKey, hpexpiretime, "7.4.0",
               "Answers the deadlines of fields of a hash, in Unix milliseconds."),
    {.name = "hsetex",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHashCategory,
     .keys = kUpdateKey,
     .locks = LockPlan::keys,
     .handler = hsetex,
     .docs = {.summary = "Sets fields of a hash to values and gives them deadlines.",
              .since = "8.0.0",
              .group = "hash",
              .complexity = kEachField,
              .syntax = "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
                        "PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value "
                        "[field value ...]"}},
    {.name = "hgetex",
     .arity = -5,
     .flags = kWrite | kFast,
     .categories = kHashCategory,
     .keys = kUseKey,
     .locks = LockPlan::keys,
     .handler = hgetex,
     .docs = {.summary = "Answers values of fields of a hash and changes their deadlines.",
              .since = "8.0.0",
              .group = "hash",
              .complexity = kEachField,
              .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
                        "PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field "
                        "[field ...]"}},
    fields_row("hgetdel", kWrite | kFast, kTakeKey, hgetdel, "8.0.0",
               "Removes fields of a hash and answers their values."),
});

}  // namespace

CommandFamily field_lifetime_commands() {
  return kRows;
}

}  // namespace larder::server
