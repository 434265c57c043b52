// KeyNumbering: gives the keys of a trace under construction their numbers, in the order in which
// they are first seen.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "bench/hitratio/trace.h"

namespace larder::bench {

class KeyNumbering {
 public:
  // The trace outlives this.
  explicit KeyNumbering(Trace& trace) : trace_(trace) {}

  // Appends a request for the key, and returns its number.
  uint32_t add(uint64_t key) {
    const auto [place, fresh] = numbers_.try_emplace(key, trace_.unique);
    if (fresh) ++trace_.unique;
    trace_.keys.push_back(place->second);
    return place->second;
  }

 private:
  Trace& trace_;
  std::unordered_map<uint64_t, uint32_t> numbers_;
};

}  // namespace larder::bench
