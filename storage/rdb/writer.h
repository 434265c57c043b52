// Appending RDB's small parts to a text. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "storage/rdb/format.h"

namespace larder::storage::rdb {

// The shortest form that holds it; at most nine bytes.
void append_length(uint64_t length, std::string& out);
void append_encoding(Encoding encoding, std::string& out);
// The low `width` bytes, little endian. REQUIRES: width is at most 8.
void append_little_endian(uint64_t value, unsigned width, std::string& out);

}  // namespace larder::storage::rdb
