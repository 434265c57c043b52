#include "server/commands/values.h"

#include <limits>
#include <string>

#include "server/commands/hash_encoding.h"
#include "server/commands/list_encoding.h"
#include "server/commands/set_encoding.h"
#include "server/commands/sorted_set_encoding.h"

namespace larder::server {

std::optional<unsigned> read_database(std::string_view argument, unsigned databases,
                                      protocol::Reply& reply) {
  const std::optional<int64_t> index = read_integer(argument, reply);
  if (!index) return std::nullopt;
  if (*index < INT32_MIN || *index > INT32_MAX) {
    reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
    return std::nullopt;
  }
  if (*index < 0 || *index >= databases) {
    reply.error(kNoDatabase);
    return std::nullopt;
  }
  return static_cast<unsigned>(*index);
}

std::optional<int64_t> deadline_from(int64_t number, TimeUnit unit, TimeBase base, int64_t now_ms) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (unit == TimeUnit::seconds) {
    if (number > kMax / 1000 || number < -kMax / 1000) return std::nullopt;
    number *= 1000;
  }
  if (base == TimeBase::from_now) {
    if (number > kMax - now_ms) return std::nullopt;
    number += now_ms;
  }
  return number;
}

void reply_invalid_expire_time(protocol::Reply& reply, std::string_view command) {
  reply.error("ERR invalid expire time in '" + std::string(command) + "' command");
}

std::optional<int64_t> read_deadline(std::string_view argument, TimeUnit unit, TimeBase base,
                                     std::string_view command, KeyContext& context,
                                     protocol::Reply& reply) {
  const std::optional<int64_t> number = read_integer(argument, reply);
  if (!number) return std::nullopt;
  std::optional<int64_t> deadline;
  if (*number > 0) deadline = deadline_from(*number, unit, base, context.now_ms());
  if (!deadline) reply_invalid_expire_time(reply, command);
  return deadline;
}

void delete_key(KeyContext& context, const Key& key, storage::Entry entry) {
  context.erase(key, entry);
  context.wrote(key, EventClass::generic, "del");
  if (context.listening()) context.effect({"DEL", key.text});
}

void expire_key_at(KeyContext& context, const Key& key, storage::Entry entry,
                   int64_t deadline_ms) {
  if (context.has_passed(deadline_ms)) return delete_key(context, key, entry);
  context.set_deadline(key, entry, deadline_ms);
  context.wrote(key, EventClass::generic, "expire");
  if (context.listening()) context.effect({"PEXPIREAT", key.text, IntegerText(deadline_ms)});
}

bool persist_key(KeyContext& context, const Key& key, storage::Entry entry) {
  if (entry.deadline_ms() == storage::kNoDeadline) return false;
  context.set_deadline(key, entry, storage::kNoDeadline);
  context.wrote(key, EventClass::generic, "persist");
  if (context.listening()) context.effect({"PERSIST", key.text});
  return true;
}

std::string_view name_of(storage::Type type) {
  switch (type) {
    case storage::Type::string:
      return "string";
    case storage::Type::list:
      return "list";
    case storage::Type::set:
      return "set";
    case storage::Type::sorted_set:
      return "zset";
    case storage::Type::hash:
      return "hash";
    case storage::Type::stream:
      return "stream";
  }
  return "unknown";
}

std::string_view encoding_of(const storage::Entry& entry) {
  constexpr size_t kLongestEmbedded = 44;
  switch (entry.type()) {
    case storage::Type::list:
      return list_encoding(entry.object().as<storage::List>());
    case storage::Type::hash:
      return hash_encoding(entry.object().as<storage::HashObject>());
    case storage::Type::set:
      return set_encoding(entry.object().as<storage::Set>());
    case storage::Type::sorted_set:
      return sorted_set_encoding(entry.object().as<storage::SortedSet>());
    case storage::Type::stream:
      return "stream";
    case storage::Type::string:
      break;
  }
  if (entry.is_integer()) return "int";
  return entry.length() <= kLongestEmbedded ? "embstr" : "raw";
}

}  // namespace larder::server
