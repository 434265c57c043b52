#include "storage/rdb/string.h"

#include <limits>

#include "storage/rdb/lzf.h"
#include "storage/rdb/writer.h"
#include "storage/value.h"

namespace larder::storage::rdb {
namespace {

// Below this length packing is not tried.
constexpr size_t kLeastPacked = 21;

// So that a large text is not copied once more for what follows it.
constexpr size_t kMostLengthBytes = 9;
constexpr size_t kRoomBehind = 16;

template <typename Integer>
bool fits(int64_t value) {
  return value >= std::numeric_limits<Integer>::min() &&
         value <= std::numeric_limits<Integer>::max();
}

bool append_as_integer(std::string_view text, std::string& out) {
  int64_t value = 0;
  if (!parse_canonical_integer(text, &value) || !fits<int32_t>(value)) return false;
  Encoding encoding = Encoding::int32;
  unsigned width = 4;
  if (fits<int8_t>(value)) {
    encoding = Encoding::int8;
    width = 1;
  } else if (fits<int16_t>(value)) {
    encoding = Encoding::int16;
    width = 2;
  }
  append_encoding(encoding, out);
  append_little_endian(static_cast<uint64_t>(value), width, out);
  return true;
}

bool append_packed(std::string_view text, std::string& out) {
  const std::optional<std::string> packed = lzf_pack(text);
  if (!packed) return false;
  append_encoding(Encoding::lzf, out);
  append_length(packed->size(), out);
  append_length(text.size(), out);
  out += *packed;
  return true;
}

std::optional<std::string_view> read_integer(Reader& reader, unsigned width, uint64_t max_bytes,
                                             std::string& scratch) {
  const std::optional<int64_t> value = reader.signed_integer(width);
  if (!value) return std::nullopt;
  scratch = std::to_string(*value);
  if (scratch.size() > max_bytes) return std::nullopt;
  return scratch;
}

std::optional<std::string_view> read_packed(Reader& reader, uint64_t max_bytes,
                                            std::string& scratch) {
  const std::optional<uint64_t> packed_length = reader.plain_length();
  if (!packed_length) return std::nullopt;
  const std::optional<uint64_t> length = reader.plain_length();
  if (!length || *length > max_bytes) return std::nullopt;
  const std::optional<std::string_view> packed = reader.take(*packed_length);
  if (!packed || !lzf_unpack(*packed, *length, scratch)) return std::nullopt;
  return scratch;
}

}  // namespace

void append_string(std::string_view text, std::string& out) {
  if (append_as_integer(text, out)) return;
  if (text.size() >= kLeastPacked && append_packed(text, out)) return;
  out.reserve(out.size() + kMostLengthBytes + text.size() + kRoomBehind);
  append_length(text.size(), out);
  out += text;
}

std::optional<std::string_view> read_string(Reader& reader, uint64_t max_bytes,
                                            std::string& scratch) {
  const std::optional<Length> length = reader.length();
  if (!length) return std::nullopt;
  if (!length->is_encoding) {
    if (length->value > max_bytes) return std::nullopt;
    return reader.take(length->value);
  }
  switch (Encoding(length->value)) {
    case Encoding::int8:
      return read_integer(reader, 1, max_bytes, scratch);
    case Encoding::int16:
      return read_integer(reader, 2, max_bytes, scratch);
    case Encoding::int32:
      return read_integer(reader, 4, max_bytes, scratch);
    case Encoding::lzf:
      return read_packed(reader, max_bytes, scratch);
  }
  return std::nullopt;
}

}  // namespace larder::storage::rdb
