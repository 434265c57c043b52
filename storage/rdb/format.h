// The numbers of the RDB format that Larder writes and reads, in one place.
//
//   value  := type value-of-that-type              type := one byte, ValueType
//   length := 00nnnnnn                             6 bits
//           | 01nnnnnn byte                        14 bits, high bits first
//           | 0x80 u32                             big endian
//           | 0x81 u64                             big endian
//           | 11nnnnnn                             no length: an Encoding of what follows
//   string := length bytes
//           | int8 byte | int16 u16 | int32 u32    little endian, signed; stands for decimal text
//           | lzf length length bytes              packed length, plain length, packed bytes
//
// Each type of value is read and written by a file of its own beside this one.
#pragma once

#include <cstdint>

namespace larder::storage::rdb {

// Types that Larder can read; the files that read them say which it writes. Up to 21 a number
// means the same in Redis and in Valkey; from there on they differ, and only the version says which
// is meant.
enum class ValueType : uint8_t {
  string = 0,
  list = 1,               // length string*
  set = 2,                // set.h
  zset = 3,               // sorted_set.h
  hash = 4,               // hash.h, as all of hashes
  zset_2 = 5,             // sorted_set.h
  hash_zipmap = 9,
  list_ziplist = 10,      // string: a ziplist (ziplist.h)
  set_intset = 11,        // set.h
  zset_ziplist = 12,      // sorted_set.h
  hash_ziplist = 13,
  list_quicklist = 14,    // length string*: ziplists
  stream_listpacks = 15,  // stream.h, as all of streams
  hash_listpack = 16,
  zset_listpack = 17,     // sorted_set.h
  list_quicklist_2 = 18,  // length (container string)*: see list.h
  stream_listpacks_2 = 19,
  set_listpack = 20,      // set.h
  stream_listpacks_3 = 21,
  hash_early_deadlines = 22,
  hash_early_listpack_ex = 23,
  hash_deadlines = 24,
  hash_listpack_ex = 25,
};

// The low six bits of a length byte whose high bits are both set.
enum class Encoding : uint8_t { int8 = 0, int16 = 1, int32 = 2, lzf = 3 };

// What Redis 7.0 writes, and every later Redis and Valkey reads.
constexpr uint16_t kWrittenVersion = 10;
// What Redis 7.4 writes, in which fields of hashes have deadlines.
constexpr uint16_t kFieldDeadlinesVersion = 12;

// Valkey's number of a hash whose fields have deadlines, since 9.0. No ValueType: see there.
constexpr uint8_t kValkeyHash = 22;

constexpr bool is_valkey_version(uint16_t version) {
  return version == 80 || version == 81;
}

// Versions whose values are these: Redis counts 1 to 15 (15 is 8.10), Valkey 1 to 11, 80
// and 81.
constexpr bool is_known_version(uint16_t version) {
  return (version >= 1 && version <= 15) || is_valkey_version(version);
}

}  // namespace larder::storage::rdb
