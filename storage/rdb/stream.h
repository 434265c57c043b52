// Streams in RDB.
//
//   value    := nodes (node-id listpack)* length last-id
//               first-id max-deleted-id entries-added          not in type stream_listpacks
//               groups group*
//   node-id  := string: ms and seq of 8 bytes each, big endian
//   listpack := string: live and deleted entries, then node.h's bytes, all in one listpack
//   group    := name last-id entries-read                      no entries-read in stream_listpacks
//               pending (id time deliveries)* consumers consumer*
//   consumer := name seen-time [active-time] pending id*       active-time in stream_listpacks_3
//
// id in a list of pending entries is 16 bytes as in a node-id, other ids are two lengths, a time is
// 8 bytes, little endian, all other numbers are lengths; entries-read is 2^64 - 1 if unknown.
//
// Written as type stream_listpacks_2, as Redis 7.0 does: when consumers were active is not in it.
// What is read is checked to the last entry: order, counts, owners. First-id is not believed but
// looked up.
//
// Pure; any thread. O(bytes), and O(log n) for each pending entry.
#pragma once

#include <cstdint>
#include <string>

#include "storage/rdb/reader.h"
#include "storage/stream/stream.h"

namespace larder::storage::rdb {

// Without the type.
void append_stream(const Stream& stream, std::string& out);

// The stream that `reader` stands before; the caller's. Null if it is malformed or has a string of
// more than `max_bytes`. REQUIRES: a type of streams.
[[nodiscard]] Stream* read_stream(ValueType type, Reader& reader, uint64_t max_bytes);

}  // namespace larder::storage::rdb
