#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

void append_big_endian(uint64_t value, unsigned width, std::string& out) {
  for (unsigned at = width; at-- > 0;) out += static_cast<char>(value >> (8 * at) & 0xff);
}

}  // namespace

void append_length(uint64_t length, std::string& out) {
  if (length < 1u << 6) {
    out += static_cast<char>(length);
  } else if (length < 1u << 14) {
    append_big_endian(length | 1u << 14, 2, out);
  } else if (length <= UINT32_MAX) {
    out += '\x80';
    append_big_endian(length, 4, out);
  } else {
    out += '\x81';
    append_big_endian(length, 8, out);
  }
}

void append_encoding(Encoding encoding, std::string& out) {
  out += static_cast<char>(0xc0 | static_cast<uint8_t>(encoding));
}

void append_little_endian(uint64_t value, unsigned width, std::string& out) {
  for (unsigned at = 0; at < width; ++at) out += static_cast<char>(value >> (8 * at) & 0xff);
}

}  // namespace larder::storage::rdb
