// DUMP and RESTORE: a value as bytes that Redis and Valkey understand, and back.
//
//   RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds | FREQ frequency]
//
// `ttl` is in milliseconds, from now or (ABSTTL) of the Unix epoch; 0 means for ever. A deadline
// that has passed leaves no key, and that is a success. IDLETIME and FREQ tell eviction what OBJECT
// answered elsewhere; under a policy that does not note it they are without effect.
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/hash_encoding.h"
#include "server/commands/list_encoding.h"
#include "server/commands/set_encoding.h"
#include "server/commands/sorted_set_encoding.h"
#include "server/commands/values.h"
#include "server/text/ascii.h"
#include "storage/rdb/dump.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::kNoDeadline;
using text::equals_ignoring_case;

// Answers with `bytes`; many are sent from where they lie.
void reply_bytes(Reply& reply, std::string bytes) {
  if (bytes.size() < storage::kLargeValue) return reply.bulk(bytes);
  auto owned = std::make_unique<std::string>(std::move(bytes));
  reply.bulk_pinned({.data = owned->data(),
                     .size = owned->size(),
                     .owner = owned.get(),
                     .release = [](void* owner) { delete static_cast<std::string*>(owner); }});
  static_cast<void>(owned.release());  // the reply's now
}

void dump(KeyContext& context, Arguments, Reply& reply) {
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.null();
  if (entry.is_object()) return reply_bytes(reply, storage::rdb::dump_object(entry.object()));
  storage::NumberText scratch;
  reply_bytes(reply, storage::rdb::dump_string(entry.text(scratch)));
}

struct RestoreOptions {
  bool replace = false;
  TimeBase base = TimeBase::from_now;
  std::optional<int64_t> idle_s;
  std::optional<int64_t> frequency;
};

// The number after IDLETIME or FREQ: at least 0 and at most `most`.
std::optional<int64_t> read_hint(std::string_view argument, int64_t most, std::string_view error,
                                 Reply& reply) {
  const std::optional<int64_t> number = read_integer(argument, reply);
  if (!number || (*number >= 0 && *number <= most)) return number;
  reply.error(error);
  return std::nullopt;
}

bool read_options(Arguments arguments, RestoreOptions& options, Reply& reply) {
  for (size_t i = 4; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const bool has_number = i + 1 < arguments.size();
    if (equals_ignoring_case(word, "replace")) {
      options.replace = true;
    } else if (equals_ignoring_case(word, "absttl")) {
      options.base = TimeBase::absolute;
    } else if (equals_ignoring_case(word, "idletime") && has_number && !options.frequency) {
      options.idle_s = read_hint(arguments[++i], std::numeric_limits<int64_t>::max(),
                                 "ERR Invalid IDLETIME value, must be >= 0", reply);
      if (!options.idle_s) return false;
    } else if (equals_ignoring_case(word, "freq") && has_number && !options.idle_s) {
      options.frequency =
          read_hint(arguments[++i], 255, "ERR Invalid FREQ value, must be >= 0 and <= 255", reply);
      if (!options.frequency) return false;
    } else {
      reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

// kNoDeadline for 0. Answers the error and returns nothing if it is none.
std::optional<int64_t> read_restored_deadline(std::string_view argument, TimeBase base,
                                              KeyContext& context, Reply& reply) {
  const std::optional<int64_t> ttl = read_integer(argument, reply);
  if (!ttl) return std::nullopt;
  if (*ttl < 0) {
    reply.error("ERR Invalid TTL value, must be >= 0");
    return std::nullopt;
  }
  if (*ttl == 0) return kNoDeadline;
  const std::optional<int64_t> deadline =
      deadline_from(*ttl, TimeUnit::milliseconds, base, context.now_ms());
  if (!deadline) reply_invalid_expire_time(reply, "restore");
  return deadline;
}

// What a payload holds: a text, or an object that store() gives to an entry.
class RestoredValue {
 public:
  // Answers the error and returns false if there is none.
  bool read(std::string_view payload, const KeyContext& context, Reply& reply) {
    const std::optional<std::string_view> body = storage::rdb::verified_body(payload);
    if (!body) {
      reply.error("ERR DUMP payload version or checksum are wrong");
      return false;
    }
    if (storage::rdb::is_string_body(*body)) {
      text_ = storage::rdb::read_string_body(*body, context.max_string_bytes(), scratch_);
    } else {
      object_.reset(storage::rdb::read_object_body(
          *body, context.max_string_bytes(), context.hasher(), storage::rdb::version_of(payload)));
    }
    if (text_ || object_ != nullptr) return true;
    reply.error("ERR Bad data format");
    return false;
  }

  // What it takes, about.
  size_t bytes() const { return text_ ? text_->size() : object_->bytes(); }

  Entry store(KeyContext& context, const Key& key, Entry entry, int64_t deadline_ms) {
    if (text_) return context.set(key, entry, *text_, deadline_ms);
    if (object_->type() == storage::Type::list) {
      note_made(object_->as<storage::List>(), context.list_limit());
    } else if (object_->type() == storage::Type::set) {
      note_restored(object_->as<storage::Set>(), context.set_limits());
    } else if (object_->type() == storage::Type::sorted_set) {
      note_restored(object_->as<storage::SortedSet>(), context.sorted_set_limits());
    } else if (object_->type() == storage::Type::hash) {
      note_restored(object_->as<storage::HashObject>(), context.hash_limits());
    }
    return context.set_object(key, entry, object_.release(), deadline_ms);
  }

 private:
  struct Release {
    void operator()(storage::Object* object) const { storage::Object::release(object); }
  };

  std::string scratch_;
  std::optional<std::string_view> text_;  // in the payload, or in scratch_
  std::unique_ptr<storage::Object, Release> object_;
};

// As it came, but with an absolute deadline.
void restore_effect(KeyContext& context, Arguments arguments, TimeBase base, int64_t deadline_ms) {
  if (deadline_ms == kNoDeadline || base == TimeBase::absolute) {
    return context.effect_as_received();
  }
  const IntegerText deadline(deadline_ms);
  std::vector<std::string_view> command(arguments.begin(), arguments.end());
  command[2] = deadline;
  command.push_back("ABSTTL");
  context.effect(command);
}

void restore(KeyContext& context, Arguments arguments, Reply& reply) {
  RestoreOptions options;
  if (!read_options(arguments, options, reply)) return;
  const Key& key = context.key();
  const Entry entry = context.find(key);
  if (entry && !options.replace) {
    return reply.error("BUSYKEY Target key name already exists.");
  }
  const std::optional<int64_t> deadline =
      read_restored_deadline(arguments[2], options.base, context, reply);
  if (!deadline) return;
  RestoredValue value;
  if (!value.read(arguments[3], context, reply) ||
      !may_grow(context, arguments[3].size(), value.bytes(), reply)) {
    return;
  }

  if (*deadline != kNoDeadline && context.has_passed(*deadline)) {
    if (entry) delete_key(context, key, entry);
    return reply.ok();
  }
  const Entry restored = value.store(context, key, entry, *deadline);
  if (entry) context.note_new(key);
  if (options.idle_s) context.set_idle_s(key, restored, *options.idle_s);
  if (options.frequency) {
    context.set_frequency(key, restored, static_cast<double>(*options.frequency));
  }
  context.wrote(key, EventClass::generic, "restore");
  if (context.listening()) restore_effect(context, arguments, options.base, *deadline);
  reply.ok();
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "dump",
     .arity = 2,
     .flags = kReadonly,
     .categories = kKeyspaceCategory,
     .keys = {1, 1, 1, kKeyReadOnly | kKeyAccess},
     .locks = LockPlan::keys,
     .handler = dump,
     .docs = {.summary = "Answers a value as bytes that RESTORE makes a key of, here or elsewhere.",
              .since = "2.6.0",
              .group = "generic",
              .complexity = "O(N) where N is the length of the value",
              .syntax = "key",
              .tips = "nondeterministic_output"}},
    {.name = "restore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .categories = kKeyspaceCategory | kDangerousCategory,
     .keys = {1, 1, 1, kKeyOverwrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = restore,
     .docs = {.summary = "Makes a key of what DUMP answered.",
              .since = "2.6.0",
              .group = "generic",
              .complexity = "O(N) where N is the length of the value",
              .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] "
                        "[FREQ frequency]",
              .history = "3.0.0: Added `REPLACE`.|5.0.0: Added `ABSTTL`, `IDLETIME` and `FREQ`."}},
});

}  // namespace

CommandFamily dump_commands() {
  return kRows;
}

}  // namespace larder::server
