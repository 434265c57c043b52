#include "server/commands/hash_encoding.h"

#include <algorithm>

namespace larder::server {
namespace {

using storage::HashEncoding;
using storage::HashObject;

bool exceeds(size_t number, int64_t limit) {
  return number > static_cast<uint64_t>(limit);
}

}  // namespace

std::string_view hash_encoding(const HashObject& hash) {
  switch (hash.encoding()) {
    case HashEncoding::listpack:
      return "listpack";
    case HashEncoding::listpackex:
      return "listpackex";
    case HashEncoding::hashtable:
      break;
  }
  return "hashtable";
}

void note_fields(HashObject& hash, std::span<const std::string_view> pairs,
                 const HashLimits& limits) {
  if (hash.encoding() == HashEncoding::hashtable) return;
  const bool is_long = std::any_of(pairs.begin(), pairs.end(), [&](std::string_view text) {
    return exceeds(text.size(), limits.bytes);
  });
  if (is_long || exceeds(pairs.size() / 2, limits.fields)) {
    hash.set_encoding(HashEncoding::hashtable);
  }
}

void note_field_count(HashObject& hash, const HashLimits& limits) {
  if (exceeds(hash.size(), limits.fields)) hash.set_encoding(HashEncoding::hashtable);
}

void note_field_deadline(HashObject& hash) {
  if (hash.encoding() == HashEncoding::listpack) hash.set_encoding(HashEncoding::listpackex);
}

void note_restored(HashObject& hash, const HashLimits& limits) {
  if (hash.encoding() == HashEncoding::hashtable && !exceeds(hash.size(), limits.fields)) {
    storage::NumberText scratch;
    const bool are_short = hash.visit([&](const HashObject::Field& field) {
      return !exceeds(field.name.bytes(scratch).size(), limits.bytes) &&
             !exceeds(field.value.bytes(scratch).size(), limits.bytes);
    });
    if (are_short) {
      hash.set_encoding(hash.has_deadlines() ? HashEncoding::listpackex : HashEncoding::listpack);
    }
  }
  note_field_count(hash, limits);
}

}  // namespace larder::server
