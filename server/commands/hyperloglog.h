// HyperLogLog: about how many different elements were there, in at most 12 KiB. Behind PFADD,
// PFCOUNT and PFMERGE; knows no key and no reply.
//
// A value, register for register and byte for byte what Redis stores (little endian):
//
//   value  := "HYLL" encoding(1) 0 0 0 estimate(8) registers
//   encoding 0, dense:   16384 registers of 6 bits, from the low bits of each byte on
//   encoding 1, sparse:  runs of registers in order:
//     00llllll           l + 1 registers of 0
//     01llllll llllllll  l + 1 registers of 0, the high bits of l first
//     1vvvvvll           l + 1 registers of v + 1
//
// `estimate` is that of the last time it was asked for; its highest bit says that it is outdated. A
// register holds the longest run of zeros, and one, that ended a hash of those that chose it.
//
// Algorithms: P. Flajolet et al., HyperLogLog, 2007; the estimate is O. Ertl's, New cardinality
// estimation algorithms for HyperLogLog sketches, 2017 (section 4), as in Redis; the hash is A.
// Appleby's MurmurHash64A.
//
// Pure functions. A value may hold anything (SETRANGE): what does not fit together is `corrupt`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::server::hll {

inline constexpr unsigned kRegisterCount = 16384;
using Registers = std::array<uint8_t, kRegisterCount>;

// The one that was never added to.
std::string empty();
// Does it begin like one? Whether its registers make sense is seen when they are read.
bool is_one(std::string_view value);
// REQUIRES of everything below: is_one(value).
bool is_dense(std::string_view value);

// What adding an element means: this register is at least `value`.
struct Observation {
  unsigned index;  // of the register
  uint8_t value;
};
// O(bytes).
Observation observe(std::string_view element);

enum class Change : uint8_t { none, made, corrupt };
// Raises a register. A sparse value that would grow beyond `sparse_max_bytes` becomes a dense one.
// O(1) if it is dense, else O(bytes).
Change raise(std::string& value, Observation seen, size_t sparse_max_bytes);
// Would it change a value that is dense? O(1).
bool would_raise(std::string_view dense, Observation seen);
// False if it is corrupt; nothing has changed then.
[[nodiscard]] bool make_dense(std::string& value);

// Raises each register to that of the value; false if it is corrupt.
[[nodiscard]] bool merge(std::string_view value, Registers& registers);

uint64_t estimate(const Registers& registers);
// The one that was kept, if nothing has changed since.
std::optional<uint64_t> kept_estimate(std::string_view value);
void outdate_estimate(std::string& value);

// The bytes that keep an estimate, and their place in a value.
inline constexpr size_t kEstimateOffset = 8;
std::array<char, 8> estimate_bytes(uint64_t estimate);

}  // namespace larder::server::hll
