#include "storage/rdb/set.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

constexpr size_t kIntsetHeaderBytes = 8;

// Empty if some member is no integer.
std::vector<int64_t> sorted_integers(const Set& set) {
  std::vector<int64_t> integers;
  integers.reserve(set.size());
  NumberText scratch;
  const bool are_all = set.visit([&](const Set::Member& member) {
    int64_t value = 0;
    if (!parse_canonical_integer(member.bytes(scratch), &value)) return false;
    integers.push_back(value);
    return true;
  });
  if (!are_all) return {};
  std::sort(integers.begin(), integers.end());
  return integers;
}

template <typename Integer>
bool fit(const std::vector<int64_t>& sorted) {
  return sorted.front() >= std::numeric_limits<Integer>::min() &&
         sorted.back() <= std::numeric_limits<Integer>::max();
}

void append_intset(const std::vector<int64_t>& integers, std::string& out) {
  const unsigned width = fit<int16_t>(integers) ? 2 : fit<int32_t>(integers) ? 4 : 8;
  std::string intset;
  intset.reserve(kIntsetHeaderBytes + integers.size() * width);
  append_little_endian(width, 4, intset);
  append_little_endian(integers.size(), 4, intset);
  for (const int64_t integer : integers) {
    append_little_endian(static_cast<uint64_t>(integer), width, intset);
  }
  out += static_cast<char>(ValueType::set_intset);
  append_string(intset, out);
}

bool read_intset(std::string_view intset, const KeyHasher& hasher, Set& set) {
  Reader reader(intset);
  const std::optional<int64_t> width = reader.signed_integer(4);
  const std::optional<int64_t> count = reader.signed_integer(4);
  if (!width || !count || (*width != 2 && *width != 4 && *width != 8)) return false;
  const auto bytes_each = static_cast<unsigned>(*width);
  if (*count < 0 || reader.left() != static_cast<uint64_t>(*count) * bytes_each) return false;
  int64_t before = 0;
  for (int64_t i = 0; i < *count; ++i) {
    const std::optional<int64_t> integer = reader.signed_integer(bytes_each);
    if (!integer || (i > 0 && *integer <= before)) return false;
    before = *integer;
    NumberText scratch;
    const listpack::Value value{.is_integer = true, .integer = before, .text = {}};
    set.add(value.bytes(scratch), hasher);
  }
  return true;
}

bool read_listpack(std::string_view bytes, const KeyHasher& hasher, Set& set) {
  bool is_sound = true;
  const bool is_listpack = listpack::read(bytes, [&](const listpack::Value& value) {
    NumberText scratch;
    is_sound = is_sound && set.add(value.bytes(scratch), hasher);
  });
  return is_listpack && is_sound;
}

bool read_members(Reader& reader, uint64_t max_bytes, const KeyHasher& hasher, Set& set) {
  const std::optional<uint64_t> count = reader.plain_length();
  if (!count) return false;
  std::string scratch;
  for (uint64_t left = *count; left > 0; --left) {
    const std::optional<std::string_view> member = read_string(reader, max_bytes, scratch);
    if (!member || !set.add(*member, hasher)) return false;
  }
  return true;
}

bool read_packed(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher,
                 Set& set) {
  std::string scratch;
  const std::optional<std::string_view> bytes = read_string(reader, max_bytes, scratch);
  if (!bytes) return false;
  return type == ValueType::set_intset ? read_intset(*bytes, hasher, set)
                                       : read_listpack(*bytes, hasher, set);
}

}  // namespace

void append_set(const Set& set, std::string& out) {
  if (set.encoding() == SetEncoding::intset) {
    const std::vector<int64_t> integers = sorted_integers(set);
    if (!integers.empty()) return append_intset(integers, out);
  }
  out += static_cast<char>(ValueType::set);
  append_length(set.size(), out);
  NumberText scratch;
  set.for_each([&](const Set::Member& member) { append_string(member.bytes(scratch), out); });
}

Set* read_set(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher) {
  Set* set = Set::create();
  const bool is_sound = type == ValueType::set ? read_members(reader, max_bytes, hasher, *set)
                                               : read_packed(type, reader, max_bytes, hasher, *set);
  set->set_encoding(type == ValueType::set_intset     ? SetEncoding::intset
                    : type == ValueType::set_listpack ? SetEncoding::listpack
                                                      : SetEncoding::hashtable);
  if (is_sound && !set->is_empty()) return set;
  Object::release(set);
  return nullptr;
}

}  // namespace larder::storage::rdb
