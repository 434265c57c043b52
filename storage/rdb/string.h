// Strings in RDB: values of type string, and the keys, fields and members of all others.
//
// Written as Redis writes them: text that is the canonical form of an integer of up to 32 bits as
// that integer, text of more than 20 bytes packed if that saves at least four, else as it is.
// Read in any of the forms, whatever the length.
//
// Pure; any thread. O(length).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/rdb/reader.h"

namespace larder::storage::rdb {

void append_string(std::string_view text, std::string& out);

// The text of the string that `reader` stands before: a part of its bytes, or held by `scratch`.
// Nothing if it is malformed or has more than `max_bytes`; this is known before memory is taken
// for it. Where the reader then stands is not said.
[[nodiscard]] std::optional<std::string_view> read_string(Reader& reader, uint64_t max_bytes,
                                                          std::string& scratch);

}  // namespace larder::storage::rdb
