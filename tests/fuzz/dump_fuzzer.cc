// Payloads of RESTORE from anybody: the codec against a slow reader that follows the grammar of
// storage/rdb/format.h, and against itself.
//
// Input: one byte that chooses the longest text allowed, then a body without its footer. The same
// bytes serve as a whole payload and as a text to be written.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "storage/rdb/dump.h"

namespace {

namespace rdb = larder::storage::rdb;

void require(bool holds) {
  if (!holds) std::abort();
}

// Takes what stands before it; remembers whether something was missing.
class SlowReader {
 public:
  explicit SlowReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }

  unsigned byte() {
    if (at_ == bytes_.size()) ok_ = false;
    return ok_ ? static_cast<unsigned char>(bytes_[at_++]) : 0;
  }
  uint64_t number(unsigned width, bool high_first) {
    uint64_t value = 0;
    for (unsigned at = 0; at < width; ++at) {
      const uint64_t next = byte();
      value = high_first ? value * 256 + next : value + (next << (8 * at));
    }
    return value;
  }
  uint64_t length(unsigned first) {
    if (first < 64) return first;
    if (first < 128) return (first - 64) * 256 + byte();
    if (first == 128) return number(4, true);
    if (first == 129) return number(8, true);
    ok_ = false;
    return 0;
  }
  std::string text(uint64_t count) {
    std::string taken;
    for (; ok_ && count > 0; --count) taken += static_cast<char>(byte());
    return taken;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

// control < 32: that many bytes and one more as they are; else its high three bits (7: and the next
// byte) are a length, its low five and the next byte a distance back.
std::optional<std::string> slow_unpack(const std::string& packed, uint64_t most) {
  std::string text;
  SlowReader reader(packed);
  while (!reader.at_end()) {
    const unsigned control = reader.byte();
    if (control < 32) {
      text += reader.text(control + 1);
    } else {
      unsigned count = control / 32 + 2;
      if (control / 32 == 7) count += reader.byte();
      const size_t back = (control % 32) * 256 + reader.byte() + 1;
      if (!reader.ok() || back > text.size()) return std::nullopt;
      for (; count > 0; --count) text += text[text.size() - back];
    }
    if (!reader.ok() || text.size() > most) return std::nullopt;
  }
  return text;
}

std::optional<std::string> slow_string(SlowReader& reader, uint64_t max_bytes) {
  const unsigned first = reader.byte();
  switch (first) {
    case 0xc0:
      return std::to_string(static_cast<int8_t>(reader.number(1, false)));
    case 0xc1:
      return std::to_string(static_cast<int16_t>(reader.number(2, false)));
    case 0xc2:
      return std::to_string(static_cast<int32_t>(reader.number(4, false)));
    case 0xc3: {
      const uint64_t packed_length = reader.length(reader.byte());
      const uint64_t length = reader.length(reader.byte());
      const std::string packed = reader.text(packed_length);
      if (!reader.ok() || packed.empty() || length > max_bytes) return std::nullopt;
      const std::optional<std::string> text = slow_unpack(packed, length);
      if (!text || text->size() != length) return std::nullopt;
      return text;
    }
    default:
      return reader.text(reader.length(first));
  }
}

std::optional<std::string> slow_body(std::string_view body, uint64_t max_bytes) {
  SlowReader reader(body);
  if (reader.byte() != 0) return std::nullopt;
  const std::optional<std::string> text = slow_string(reader, max_bytes);
  if (!text || !reader.at_end() || text->size() > max_bytes) return std::nullopt;
  return text;
}

void require_round_trip(std::string_view text) {
  const std::string payload = rdb::dump_string(text);
  constexpr size_t kMostAround = 1 + 9 + rdb::kFooterBytes;
  require(payload.size() <= text.size() + kMostAround);
  require(rdb::dump_string(text) == payload);
  const std::optional<std::string_view> body = rdb::verified_body(payload);
  require(body.has_value());
  std::string scratch;
  require(rdb::read_string_body(*body, text.size(), scratch) == text);
  if (!text.empty()) require(!rdb::read_string_body(*body, text.size() - 1, scratch));
}

void read_payload(std::string_view payload) {
  const std::optional<std::string_view> body = rdb::verified_body(payload);
  std::string scratch;
  if (!body) return;
  require(body->size() + rdb::kFooterBytes == payload.size());
  static_cast<void>(rdb::read_string_body(*body, uint64_t{1} << 20, scratch));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint64_t max_bytes =
      data[0] == 0xff ? std::numeric_limits<uint64_t>::max() : uint64_t{1} << (data[0] % 20);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  std::string payload(bytes);
  rdb::append_footer(payload);
  require(rdb::verified_body(payload) == bytes);
  std::string scratch;
  const std::optional<std::string_view> text = rdb::read_string_body(bytes, max_bytes, scratch);
  require(text == slow_body(bytes, max_bytes));
  if (text) require_round_trip(*text);

  read_payload(bytes);
  require_round_trip(bytes);
  return 0;
}
