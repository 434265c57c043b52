// Trace: a sequence of requests to a cache, in memory.
//
// Three file formats are read, recognised by their names, compressed by zstd (.zst) or xz (.xz) or
// not:
//
//   *.lis    text, one line each: start count ignored ignored; stands for start .. start+count-1
//   *.trace  whose name contains "size": text, one line each: time key bytes
//   *.trace  else: keys of four bytes, big-endian
//
// Keys are renumbered 0, 1, 2, ... in the order in which they are first seen, so that a model can
// keep its state in arrays. Generated traces are in generate.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace larder::bench {

struct Trace {
  enum class Verb : uint8_t { get, set, del };

  std::string name;
  std::vector<uint32_t> keys;         // one per request
  std::vector<uint32_t> value_bytes;  // by key; empty: the trace says nothing about sizes
  std::vector<Verb> verbs;            // one per request; empty: all are get
  std::vector<uint64_t> time_us;      // one per request, never decreasing; empty: no TTLs
  std::vector<uint64_t> ttl_us;       // by key, 0: none; empty: no TTLs
  uint32_t unique = 0;                // keys are below this
  uint32_t key_bytes = 16;            // of each key's name
  uint32_t fixed_value_bytes = 64;    // of each value, if value_bytes is empty

  Verb verb(size_t request) const { return verbs.empty() ? Verb::get : verbs[request]; }
  uint64_t object_bytes(uint32_t key) const {
    return uint64_t{key_bytes} + (value_bytes.empty() ? fixed_value_bytes : value_bytes[key]);
  }
};

// Reads a trace file; decompresses by running zstd or xz. False and `error` when that fails or
// the file is not in its format.
[[nodiscard]] bool read_trace(const std::string& path, Trace& trace, std::string& error);

// What read_trace does to the bytes, for a file of that name.
[[nodiscard]] bool parse_trace(const std::string& name, const std::string& bytes, Trace& trace,
                               std::string& error);

// Leaves the first `requests` requests; keys that no longer occur are forgotten.
void shorten(Trace& trace, uint64_t requests);

// Every request `count` times, each time for a key of its own: the trace of a cache `count` times
// larger, with the same miss ratio under any policy that goes by order or frequency.
void multiply(Trace& trace, uint32_t count);

// Instead of the trace: one read of each of its keys, in order, with neither writes nor times.
void read_each_key_once(Trace& trace);

}  // namespace larder::bench
