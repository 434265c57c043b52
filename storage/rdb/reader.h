// Reader: walks through RDB bytes that may come from anybody. Every step is checked against the
// bytes that are left; a step that fails returns nothing and leaves the reader where it is.
//
// Owns nothing; the bytes are the caller's. One thread. Each call is O(1); takes no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/rdb/format.h"

namespace larder::storage::rdb {

// What a length byte and those that belong to it say.
struct Length {
  bool is_encoding = false;  // then `value` is an Encoding, or a number that none has
  uint64_t value = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  size_t left() const { return rest_.size(); }

  std::optional<uint8_t> byte();
  std::optional<std::string_view> take(uint64_t count);
  std::optional<Length> length();
  // A length that must be one: nothing if it is an encoding.
  std::optional<uint64_t> plain_length();
  // `width` bytes, little endian, with sign. REQUIRES: width is 1, 2, 4 or 8.
  std::optional<int64_t> signed_integer(unsigned width);

 private:
  std::string_view rest_;
};

}  // namespace larder::storage::rdb
