// What a server's misses are measured against: exact LRU, and a clairvoyant cache.
//
// Both honour everything a trace says: writes, deletions and times to live. A get that misses
// inserts (read-through); only gets can hit or miss. Capacity is in objects or in bytes of key and
// value.
//
// The clairvoyant cache never keeps an object whose next read is later than that of another one it
// could keep instead, and takes nothing in that it will not need (Belady's rule with bypass). With
// objects of one size and no times to live this is the optimum: nothing misses less. Otherwise it
// is no bound, only a cache that knows the future; the optimum for objects of different sizes is
// NP-hard.
#pragma once

#include <cstdint>

#include "bench/hitratio/trace.h"

namespace larder::bench {

enum class CapacityUnit : uint8_t { objects, bytes };

struct MissCount {
  uint64_t gets = 0;
  uint64_t misses = 0;

  double ratio() const {
    return gets == 0 ? 0.0 : static_cast<double>(misses) / static_cast<double>(gets);
  }
};

MissCount exact_lru(const Trace& trace, uint64_t capacity, CapacityUnit unit);
MissCount clairvoyant(const Trace& trace, uint64_t capacity, CapacityUnit unit);

}  // namespace larder::bench
