#include "server/eviction_board.h"

#include <algorithm>
#include <mutex>

namespace larder::server {
namespace {

constexpr unsigned kVolatileBit = 8;
constexpr unsigned kAutomaticBit = 9;
constexpr uint64_t kLowMask = 0xffffffff;

// Half a year: a system's clock that leaps over decades must not make old stamps seem new.
constexpr uint64_t kMostSilentTicks = uint64_t{1} << 24;

struct Meaning {
  storage::EvictionPolicy policy;
  bool volatile_only = false;
  bool is_automatic = false;
};

Meaning meaning(config::EvictionPolicy policy) {
  using From = config::EvictionPolicy;
  using To = storage::EvictionPolicy;
  switch (policy) {
    case From::volatile_lru:
      return {To::lru, true};
    case From::volatile_lfu:
      return {To::lfu, true};
    case From::volatile_random:
      return {To::random, true};
    case From::volatile_ttl:
      return {To::ttl, true};
    case From::volatile_fifo:
      return {To::fifo, true};
    case From::volatile_s3fifo:
      return {To::s3fifo, true};
    case From::volatile_sieve:
      return {To::sieve, true};
    case From::allkeys_lru:
      return {To::lru};
    case From::allkeys_lfu:
      return {To::lfu};
    case From::allkeys_random:
      return {To::random};
    case From::allkeys_fifo:
      return {To::fifo};
    case From::allkeys_s3fifo:
      return {To::s3fifo};
    case From::allkeys_sieve:
      return {To::sieve};
    case From::automatic:
      return {To::lru, false, true};
    case From::noeviction:
      break;
  }
  return {To::none};
}

}  // namespace

PolicyInForce EvictionBoard::policy() const {
  const uint64_t packed = policy_.load(std::memory_order_acquire);
  return {.policy = static_cast<storage::EvictionPolicy>(packed & 0xff),
          .volatile_only = (packed >> kVolatileBit & 1) != 0,
          .is_automatic = (packed >> kAutomaticBit & 1) != 0,
          .generation = static_cast<uint32_t>(packed >> 32)};
}

void EvictionBoard::use_policy(config::EvictionPolicy wanted) {
  const Meaning sense = meaning(wanted);
  const uint64_t low = static_cast<uint64_t>(sense.policy) |
                       static_cast<uint64_t>(sense.volatile_only) << kVolatileBit |
                       static_cast<uint64_t>(sense.is_automatic) << kAutomaticBit;
  uint64_t old = policy_.load(std::memory_order_relaxed);
  do {
    if ((old & kLowMask) == low) return;
  } while (!policy_.compare_exchange_weak(old, ((old >> 32) + 1) << 32 | low,
                                          std::memory_order_acq_rel));
  for (auto& segment : keys_) {
    for (std::atomic<uint64_t>& key : segment) key.store(0, std::memory_order_relaxed);
  }
  next_to_convert_.store(0, std::memory_order_release);
}

unsigned EvictionBoard::take_one_to_convert() {
  if (!is_converting()) return storage::kShardCount;
  return std::min(next_to_convert_.fetch_add(1, std::memory_order_acq_rel), storage::kShardCount);
}

void EvictionBoard::tick(uint64_t writes) {
  ticks_.fetch_add(writes, std::memory_order_relaxed);
  // For LFU a count loses half of its weight while a quarter of the entries is written.
  const int64_t entries = segment_size(0) + segment_size(1);
  const uint64_t half_life =
      std::max<uint64_t>(static_cast<uint64_t>(std::max<int64_t>(entries, 0)) / 4, 64);
  aging_.fetch_add((writes << 20) / half_life, std::memory_order_relaxed);
}

void EvictionBoard::pass_second(int64_t now_s) {
  if (now_s <= last_second_.load(std::memory_order_relaxed)) return;
  const std::lock_guard guard(times_lock_);
  const int64_t last_s = last_second_.load(std::memory_order_relaxed);
  if (now_s <= last_s) return;
  last_second_.store(now_s, std::memory_order_relaxed);
  if (last_s == 0) return times_.note(kFirstTick, now_s);
  const uint64_t passed = std::min(static_cast<uint64_t>(now_s - last_s), kMostSilentTicks);
  times_.note(ticks_.fetch_add(passed, std::memory_order_relaxed) + passed, now_s);
}

int64_t EvictionBoard::second_of(uint64_t tick) const {
  const std::lock_guard guard(times_lock_);
  return times_.second_of(tick);
}

uint64_t EvictionBoard::tick_of(int64_t second) const {
  const std::lock_guard guard(times_lock_);
  return times_.tick_of(second);
}

void RankShare::renew() {
  for (unsigned segment = 0; segment < EvictionBoard::kSegments; ++segment) {
    if (pending_entries_[segment] == 0) continue;
    board_->add_to_segment(segment, pending_entries_[segment]);
    pending_entries_[segment] = 0;
  }
  if (pending_ticks_ != 0) board_->tick(pending_ticks_);
  pending_ticks_ = 0;
  clock_ = board_->clock();
}

}  // namespace larder::server
