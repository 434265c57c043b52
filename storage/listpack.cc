#include "storage/listpack.h"

#include <charconv>
#include <optional>

#include "storage/check.h"

namespace larder::storage::listpack {
namespace {

constexpr size_t kHeaderBytes = 6;
constexpr char kEnd = '\xff';
constexpr size_t kUnknownCount = 0xffff;

constexpr size_t kShortText = 63;
constexpr size_t kMiddleText = 4095;
constexpr uint8_t kLongTextMark = 0xf0;
// The data of 0xf1 .. 0xf4 without that byte.
constexpr unsigned kIntegerBytes[] = {2, 3, 4, 8};

// What Redis takes, which is a byte more than needed for the largest of each size.
constexpr size_t tail_bytes_of(size_t data_bytes) {
  if (data_bytes <= 127) return 1;
  if (data_bytes < (1u << 14) - 1) return 2;
  if (data_bytes < (1u << 21) - 1) return 3;
  if (data_bytes < (1u << 28) - 1) return 4;
  return 5;
}

// The length of the data, so that it can be read from its end: the last byte has the lowest 7 bits,
// and each but the first has its highest bit set.
void write_tail(size_t data_bytes, size_t tail_bytes, char* at) {
  for (size_t i = 0; i < tail_bytes; ++i) {
    const size_t bits = data_bytes >> 7 * (tail_bytes - 1 - i) & 0x7f;
    at[i] = static_cast<char>(bits | (i == 0 ? 0 : 0x80));
  }
}

uint64_t little_endian(const char* at, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = width; i-- > 0;) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

int64_t signed_little_endian(const char* at, unsigned width) {
  const unsigned unused = 64 - 8 * width;
  return static_cast<int64_t>(little_endian(at, width) << unused) >> unused;
}

// What the first bytes of data say about it.
struct Head {
  size_t bytes = 0;       // before the text, or the whole integer
  size_t text_bytes = 0;
  bool is_integer = false;

  size_t data_bytes() const { return bytes + text_bytes; }
};

// Of the head at `at`, of which `left` bytes are there; nothing if they do not suffice or there is
// no such head.
inline std::optional<Head> head_at(const char* at, size_t left) {
  if (left == 0) return std::nullopt;
  const auto first = static_cast<uint8_t>(*at);
  if (first < 0x80) return Head{.bytes = 1, .is_integer = true};
  if (first < 0xc0) return Head{.bytes = 1, .text_bytes = first & 0x3fu};
  if (first < 0xe0) {
    if (left < 2) return std::nullopt;
    return Head{.bytes = 2, .is_integer = true};
  }
  if (first < 0xf0) {
    if (left < 2) return std::nullopt;
    return Head{.bytes = 2, .text_bytes = (first & 0xfu) << 8 | static_cast<uint8_t>(at[1])};
  }
  if (first == kLongTextMark) {
    if (left < 5) return std::nullopt;
    return Head{.bytes = 5, .text_bytes = little_endian(at + 1, 4)};
  }
  if (first > kLongTextMark + 4u) return std::nullopt;
  const size_t bytes = 1 + kIntegerBytes[first - kLongTextMark - 1];
  if (left < bytes) return std::nullopt;
  return Head{.bytes = bytes, .is_integer = true};
}

int64_t integer_at(const char* at) {
  const auto first = static_cast<uint8_t>(*at);
  if (first < 0x80) return first;
  if (first < 0xe0) {
    const unsigned bits = (first & 0x1fu) << 8 | static_cast<uint8_t>(at[1]);
    return static_cast<int64_t>(bits) - (bits >= 1u << 12 ? 1 << 13 : 0);
  }
  return signed_little_endian(at + 1, kIntegerBytes[first - kLongTextMark - 1]);
}

Value value_with(const Head& head, const char* entry) {
  if (head.is_integer) return {.is_integer = true, .integer = integer_at(entry), .text = {}};
  return {.text = {entry + head.bytes, head.text_bytes}};
}

}  // namespace

std::string_view Value::bytes(NumberText& scratch) const {
  if (!is_integer) return text;
  const char* end =
      std::to_chars(scratch.bytes, scratch.bytes + sizeof scratch.bytes, integer).ptr;
  return {scratch.bytes, static_cast<size_t>(end - scratch.bytes)};
}

NewEntry::NewEntry(std::string_view element) {
  int64_t integer = 0;
  if (parse_canonical_integer(element, &integer)) {
    encode_integer(integer);
  } else {
    encode_text(element);
  }
  const size_t data_bytes = head_bytes_ + text_.size();
  tail_bytes_ = static_cast<uint8_t>(tail_bytes_of(data_bytes));
  size_ = data_bytes + tail_bytes_;
}

NewEntry::NewEntry(int64_t integer) : tail_bytes_(1) {
  encode_integer(integer);
  size_ = size_t{head_bytes_} + tail_bytes_;
}

void NewEntry::encode_integer(int64_t integer) {
  if (integer >= 0 && integer <= 127) {
    head_[0] = static_cast<char>(integer);
    head_bytes_ = 1;
    return;
  }
  if (integer >= -(1 << 12) && integer < 1 << 12) {
    head_[0] = static_cast<char>(0xc0 | (integer >> 8 & 0x1f));
    head_[1] = static_cast<char>(integer & 0xff);
    head_bytes_ = 2;
    return;
  }
  unsigned form = 0;
  while (form < 3) {
    const int64_t beyond = int64_t{1} << (8 * kIntegerBytes[form] - 1);
    if (integer >= -beyond && integer < beyond) break;
    ++form;
  }
  head_[0] = static_cast<char>(kLongTextMark + 1 + form);
  for (unsigned i = 0; i < kIntegerBytes[form]; ++i) {
    head_[1 + i] = static_cast<char>(integer >> (8 * i) & 0xff);
  }
  head_bytes_ = static_cast<uint8_t>(1 + kIntegerBytes[form]);
}

void NewEntry::encode_text(std::string_view text) {
  check(text.size() <= kMaxText, "a listpack's text has its longest length");
  text_ = text;
  if (text.size() <= kShortText) {
    head_[0] = static_cast<char>(0x80 | text.size());
    head_bytes_ = 1;
  } else if (text.size() <= kMiddleText) {
    head_[0] = static_cast<char>(0xe0 | text.size() >> 8);
    head_[1] = static_cast<char>(text.size() & 0xff);
    head_bytes_ = 2;
  } else {
    head_[0] = static_cast<char>(kLongTextMark);
    for (unsigned i = 0; i < 4; ++i) head_[1 + i] = static_cast<char>(text.size() >> 8 * i & 0xff);
    head_bytes_ = 5;
  }
}

void NewEntry::write(char* at) const {
  std::memcpy(at, head_, head_bytes_);
  if (!text_.empty()) std::memcpy(at + head_bytes_, text_.data(), text_.size());
  write_tail(head_bytes_ + text_.size(), tail_bytes_, at + head_bytes_ + text_.size());
}

Value value_of(const char* entry) {
  const auto first = static_cast<uint8_t>(*entry);
  if (first >= 0x80 && first < 0xc0) return {.text = {entry + 1, first & 0x3fu}};
  return value_with(*head_at(entry, sizeof(NumberText)), entry);
}

const char* next(const char* entry) {
  const auto first = static_cast<uint8_t>(*entry);
  if (first < 0x80) return entry + 2;
  if (first < 0xc0) return entry + 2 + (first & 0x3f);
  const size_t data_bytes = head_at(entry, sizeof(NumberText))->data_bytes();
  return entry + data_bytes + tail_bytes_of(data_bytes);
}

const char* previous(const char* end) {
  size_t data_bytes = 0;
  unsigned shift = 0;
  for (;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*--end);
    data_bytes |= size_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return end - data_bytes;
  }
}

void append_listpack(std::string_view entries, size_t count, std::string& out) {
  const size_t total = kHeaderBytes + entries.size() + 1;
  check(total <= UINT32_MAX, "a listpack's length fits into its header");
  out.reserve(out.size() + total);
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>(total >> 8 * i & 0xff);
  const size_t said = count < kUnknownCount ? count : kUnknownCount;
  for (unsigned i = 0; i < 2; ++i) out += static_cast<char>(said >> 8 * i & 0xff);
  out += entries;
  out += kEnd;
}

bool read(std::string_view listpack, FunctionRef<void(const Value&)> visitor) {
  if (listpack.size() <= kHeaderBytes || listpack.back() != kEnd) return false;
  if (little_endian(listpack.data(), 4) != listpack.size()) return false;
  const uint64_t said = little_endian(listpack.data() + 4, 2);
  const char* at = listpack.data() + kHeaderBytes;
  const char* const end = listpack.data() + listpack.size() - 1;
  uint64_t count = 0;
  for (; at != end; ++count) {
    const auto left = static_cast<size_t>(end - at);
    const std::optional<Head> head = head_at(at, left);
    if (!head) return false;
    const size_t data_bytes = head->data_bytes();
    const size_t tail_bytes = tail_bytes_of(data_bytes);
    if (data_bytes > left || tail_bytes > left - data_bytes) return false;
    char tail[5];
    write_tail(data_bytes, tail_bytes, tail);
    if (std::memcmp(tail, at + data_bytes, tail_bytes) != 0) return false;
    visitor(value_with(*head, at));
    at += data_bytes + tail_bytes;
  }
  return said == kUnknownCount || said == count;
}

}  // namespace larder::storage::listpack
