// Models of eviction policies, to compare rules with before a server has them: objects of unit
// size, one cache, a miss inserts. What counts in the end is the real server (replay.h).
//
//   lru  fifo  random  sieve  arc
//   2q:in=25,out=50             percent of the capacity
//   s3fifo:small=10,f=2,ghost=90
//   lfu:halflife=2              score = log2 of a decayed count + time / half-life, the half-life
//   in
//                               capacities of insertions
//   segments:small=10,f=2,ghost=90,order=0   see segmented_model.h
//   auto:...                                 the same file
//   8/lru                       eight independent caches, each with its share of the keys and
//   capacity
//
// A ghost table is modelled without false positives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace larder::bench {

class PolicyModel {
 public:
  virtual ~PolicyModel() = default;
  // Returns whether it was a hit. `key` is below the number of keys given to make_policy.
  virtual bool access(uint32_t key) = 0;
};

// Null and `error` when the text names no policy. O(unique) memory.
std::unique_ptr<PolicyModel> make_policy(const std::string& text, uint32_t unique, size_t capacity,
                                         std::string& error);

}  // namespace larder::bench
