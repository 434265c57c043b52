// What the string, key and expiry families share: answering with a value, reading numbers and
// deadlines, and the error texts that clients match on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/number.h"
#include "protocol/reply.h"
#include "server/key_context.h"
#include "storage/shard.h"

namespace larder::server {

inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNoDatabase = "ERR DB index is out of range";

// May a command on strings work with what find() answered: a string, or nothing? Answers the error
// if not.
[[nodiscard]] inline bool is_string_or_absent(const storage::Entry& entry,
                                              protocol::Reply& reply) {
  if (!entry || !entry.is_object()) [[likely]]
    return true;
  reply.error(kWrongType);
  return false;
}

inline void reply_pinned(protocol::Reply& reply, const storage::Pin& pin) {
  reply.bulk_pinned({pin.data, pin.size, pin.owner, pin.release});
}

// The value as a bulk string; a large one is sent from where it lies. Answers the error if it is no
// string.
inline void reply_value(protocol::Reply& reply, const storage::Entry& entry) {
  if (entry.owns_memory()) [[unlikely]] {
    return entry.is_large() ? reply_pinned(reply, entry.pin()) : reply.error(kWrongType);
  }
  storage::NumberText scratch;
  reply.bulk(entry.text(scratch));
}

// The same, or null for an absent one.
inline void reply_value_or_null(protocol::Reply& reply, const storage::Entry& entry) {
  if (entry) {
    reply_value(reply, entry);
  } else {
    reply.null();
  }
}

// For commands of a few bytes that make a value large. Answers the error and returns false if one
// that is `old_bytes` long could not be kept at `bytes`.
inline bool may_grow(KeyContext& context, uint64_t old_bytes, uint64_t bytes,
                     protocol::Reply& reply) {
  if (bytes <= old_bytes || context.could_keep(bytes)) [[likely]] return true;
  reply.error(kOutOfMemory);
  return false;
}

// An integer argument; answers the error and returns nothing if it is none.
inline std::optional<int64_t> read_integer(std::string_view argument, protocol::Reply& reply) {
  std::optional<int64_t> value = protocol::parse_int64(argument);
  if (!value) reply.error(kNotAnInteger);
  return value;
}

// A number of one of `databases` databases; answers the error and returns nothing if it is none.
std::optional<unsigned> read_database(std::string_view argument, unsigned databases,
                                      protocol::Reply& reply);

enum class TimeUnit : uint8_t { seconds, milliseconds };
enum class TimeBase : uint8_t { from_now, absolute };

// The options of SET and GETEX that take a number, in lower case.
struct LifetimeWord {
  std::string_view word;
  TimeUnit unit;
  TimeBase base;
};
inline constexpr LifetimeWord kLifetimeWords[] = {
    {"ex", TimeUnit::seconds, TimeBase::from_now},
    {"px", TimeUnit::milliseconds, TimeBase::from_now},
    {"exat", TimeUnit::seconds, TimeBase::absolute},
    {"pxat", TimeUnit::milliseconds, TimeBase::absolute},
};

// A point in time in Unix ms, from a client's number; nothing if that overflows.
std::optional<int64_t> deadline_from(int64_t number, TimeUnit unit, TimeBase base, int64_t now_ms);

// "ERR invalid expire time in 'set' command"
void reply_invalid_expire_time(protocol::Reply& reply, std::string_view command);

// Reads an option like `EX 10`: a positive number. Answers the error and returns nothing if
// invalid.
std::optional<int64_t> read_deadline(std::string_view argument, TimeUnit unit, TimeBase base,
                                     std::string_view command, KeyContext& context,
                                     protocol::Reply& reply);

// Changes that several commands make, with their event and effect. `entry` is what find() answered.
void delete_key(KeyContext& context, const Key& key, storage::Entry entry);
// A deadline that has passed deletes the key.
void expire_key_at(KeyContext& context, const Key& key, storage::Entry entry, int64_t deadline_ms);
// False if the key has no deadline to remove.
bool persist_key(KeyContext& context, const Key& key, storage::Entry entry);

// In Redis's words: "string", "list", "set", "zset", "hash".
std::string_view name_of(storage::Type type);

// How the value is kept, in Redis's words. "embstr" and "raw" go by the length alone; Redis also
// remembers whether a text was ever appended to.
std::string_view encoding_of(const storage::Entry& entry);

// The text of an integer, for effects.
class IntegerText {
 public:
  explicit IntegerText(int64_t value)
      : size_(static_cast<size_t>(protocol::write_int64(value, bytes_) - bytes_)) {}
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[protocol::kMaxInt64Chars];
  size_t size_;
};

}  // namespace larder::server
