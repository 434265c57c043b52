// Hashes in RDB.
//
//   hash               := length (string string)*        fields with their values
//   hash_zipmap        := string                         a zipmap: see below
//   hash_ziplist       := string                         a ziplist of fields and values (ziplist.h)
//   hash_listpack      := string                         a listpack of them (listpack.h)
//   hash_deadlines     := earliest length (ttl string string)*
//   hash_listpack_ex   := earliest string                a listpack of fields, values, deadlines
//   hash_early_*                                         the same without `earliest` (7.4's betas)
//   kValkeyHash        := length (string string deadline)*
//
//   earliest := u64, little endian: Unix ms of the earliest deadline
//   ttl      := length: 0: no deadline; else deadline - earliest + 1 (or the deadline, without it)
//   deadline := i64, little endian: Unix ms; -1: none
//   zipmap   := count (length field length free value free bytes)* 0xff
//               lengths of one byte, or 254 and u32, little endian; count 254: unknown
//
// A hash without deadlines is written as Redis 7.0 would write it, others as Redis 7.4 does; all
// are read. In listpacks with deadlines fields stand in the order of these, those without one (0)
// last.
//
// Pure; any thread. O(bytes).
#pragma once

#include <cstdint>
#include <string>

#include "storage/hash.h"
#include "storage/hash/hash_object.h"
#include "storage/rdb/format.h"
#include "storage/rdb/reader.h"

namespace larder::storage::rdb {

// With the type. Returns the version of the format that it needs.
uint16_t append_hash(const HashObject& hash, std::string& out);

// The hash that `reader` stands before; the caller's. Null if it is malformed, has no fields, one
// of them twice, or a string of more than `max_bytes`. Its encoding is the one of the type,
// hashtable for those that are no listpacks. REQUIRES: a type of hashes.
[[nodiscard]] HashObject* read_hash(ValueType type, Reader& reader, uint64_t max_bytes,
                                    const KeyHasher& hasher);
// The same for kValkeyHash.
[[nodiscard]] HashObject* read_valkey_hash(Reader& reader, uint64_t max_bytes,
                                           const KeyHasher& hasher);

}  // namespace larder::storage::rdb
