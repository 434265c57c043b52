#include "server/eviction_board.h"

#include <algorithm>

namespace larder::server {
namespace {

EvictionPolicy meaning(config::EvictionPolicy policy) {
  switch (policy) {
    case config::EvictionPolicy::allkeys_random:
      return EvictionPolicy::random;
    case config::EvictionPolicy::noeviction:
      break;
  }
  return EvictionPolicy::none;
}

}  // namespace

void EvictionBoard::use_policy(config::EvictionPolicy wanted) {
  const auto low = static_cast<uint64_t>(meaning(wanted));
  uint64_t old = policy_.load(std::memory_order_relaxed);
  do {
    if ((old & kLowMask) == low) return;
  } while (!policy_.compare_exchange_weak(old, ((old >> 32) + 1) << 32 | low,
                                          std::memory_order_acq_rel));
  for (std::atomic<uint64_t>& rank : ranks_) rank.store(0, std::memory_order_relaxed);
  next_to_convert_.store(0, std::memory_order_release);
}

unsigned EvictionBoard::take_one_to_convert() {
  if (!is_converting()) return storage::kShardCount;
  return std::min(next_to_convert_.fetch_add(1, std::memory_order_acq_rel), storage::kShardCount);
}

}  // namespace larder::server
