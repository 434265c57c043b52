#include "storage/rdb/sorted_set.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"
#include "storage/rdb/ziplist.h"

namespace larder::storage::rdb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A longer listpack is not written: a sorted set that Redis keeps as one is never that large.
constexpr size_t kMostListpackBytes = size_t{1} << 30;

void append_entry(std::string_view text, std::string& entries) {
  const listpack::NewEntry entry(text);
  entries.resize(entries.size() + entry.size());
  entry.write(entries.data() + entries.size() - entry.size());
}

void append_as_listpack(const SortedSet& set, std::string& out) {
  std::string entries;
  NumberText scratch;
  for (SortedSet::Cursor at = set.at(0); at; at.next()) {
    const SortedSet::Member member = at.member();
    append_entry(member.bytes(scratch), entries);
    append_entry(ScoreText(member.score), entries);
  }
  std::string listpack;
  listpack::append_listpack(entries, 2 * set.size(), listpack);
  out += static_cast<char>(ValueType::zset_listpack);
  append_string(listpack, out);
}

// The whole of a text that is a number, but not nan.
std::optional<double> parse_score(std::string_view text) {
  double score = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, score);
  if (result.ec == std::errc::invalid_argument || result.ptr != end || std::isnan(score)) {
    return std::nullopt;
  }
  // Too small or too large to be one: as strtod would have it.
  if (result.ec == std::errc::result_out_of_range) return std::nullopt;
  return score;
}

std::optional<double> read_text_score(Reader& reader) {
  const std::optional<uint8_t> length = reader.byte();
  if (!length || *length == 253) return std::nullopt;
  if (*length == 254) return kInfinity;
  if (*length == 255) return -kInfinity;
  const std::optional<std::string_view> text = reader.take(*length);
  return text ? parse_score(*text) : std::nullopt;
}

std::optional<double> read_score(Reader& reader) {
  const std::optional<int64_t> bits = reader.signed_integer(8);
  if (!bits) return std::nullopt;
  const auto score = std::bit_cast<double>(*bits);
  return std::isnan(score) ? std::nullopt : std::optional(score);
}

bool read_members(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher,
                  SortedSet& set) {
  const std::optional<uint64_t> count = reader.plain_length();
  if (!count) return false;
  std::string scratch;
  for (uint64_t left = *count; left > 0; --left) {
    const std::optional<std::string_view> member = read_string(reader, max_bytes, scratch);
    if (!member) return false;
    const std::optional<double> score =
        type == ValueType::zset ? read_text_score(reader) : read_score(reader);
    if (!score || !set.add(*member, *score, hasher)) return false;
  }
  return true;
}

// Takes entries by twos.
class PairReader {
 public:
  PairReader(const KeyHasher& hasher, SortedSet& set) : hasher_(hasher), set_(set) {}

  void take(const listpack::Value& value) {
    if (!is_sound_) return;
    has_member_ = !has_member_;
    if (has_member_) {
      NumberText scratch;
      member_ = value.bytes(scratch);
      return;
    }
    const std::optional<double> score = value.is_integer
                                            ? std::optional(static_cast<double>(value.integer))
                                            : parse_score(value.text);
    is_sound_ = score && set_.add(member_, *score, hasher_);
  }
  bool is_sound() const { return is_sound_ && !has_member_; }

 private:
  const KeyHasher& hasher_;
  SortedSet& set_;
  std::string member_;
  bool has_member_ = false;  // whose score comes next
  bool is_sound_ = true;
};

bool read_packed(ValueType type, Reader& reader, uint64_t max_bytes, const KeyHasher& hasher,
                 SortedSet& set) {
  std::string scratch;
  const std::optional<std::string_view> bytes = read_string(reader, max_bytes, scratch);
  if (!bytes) return false;
  PairReader pairs(hasher, set);
  const auto take = [&pairs](const listpack::Value& value) { pairs.take(value); };
  const bool is_whole =
      type == ValueType::zset_listpack ? listpack::read(*bytes, take) : read_ziplist(*bytes, take);
  return is_whole && pairs.is_sound();
}

}  // namespace

void append_sorted_set(const SortedSet& set, std::string& out) {
  if (set.encoding() == SortedSetEncoding::listpack && set.packed_bytes() < kMostListpackBytes) {
    return append_as_listpack(set, out);
  }
  out += static_cast<char>(ValueType::zset_2);
  append_length(set.size(), out);
  NumberText scratch;
  for (SortedSet::Cursor at = set.at(set.size() - 1); at; at.previous()) {
    const SortedSet::Member member = at.member();
    append_string(member.bytes(scratch), out);
    append_little_endian(std::bit_cast<uint64_t>(member.score), 8, out);
  }
}

SortedSet* read_sorted_set(ValueType type, Reader& reader, uint64_t max_bytes,
                           const KeyHasher& hasher) {
  SortedSet* set = SortedSet::create();
  const bool is_packed = type == ValueType::zset_ziplist || type == ValueType::zset_listpack;
  set->set_encoding(is_packed ? SortedSetEncoding::listpack : SortedSetEncoding::skiplist);
  const bool is_sound = is_packed ? read_packed(type, reader, max_bytes, hasher, *set)
                                  : read_members(type, reader, max_bytes, hasher, *set);
  if (is_sound && !set->is_empty()) return set;
  Object::release(set);
  return nullptr;
}

}  // namespace larder::storage::rdb
