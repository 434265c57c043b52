// Eviction policies: what an item's rank is, how a hit changes it, who goes first.
//
//   rank, all but LFU:  31 segment | 30..29 reads, at most 3 | 28..0 stamp
//   rank, LFU:          score, in 2^-20 of a doubling
//
// A policy is a struct of static functions over ranks; with_policy() picks one by a switch. Ranks
// are compared by their keys: 64-bit numbers, the least goes first. Stamps come from a clock of the
// whole cache that ticks about once per insertion, so keys of different shards compare: LRU, LFU
// and FIFO are what their names say over all shards. A stamp names the tick up to 2^29 ticks back.
//
//   Fifo    evicts the oldest insertion.
//   Lru     evicts the oldest hit or insertion. Segments and reads are kept up as S3Fifo needs
//   them,
//           so that one can take over from the other at any moment.
//   Lfu     counts hits that lose half of their weight per half-life: score = time in half-lives +
//           log2 of the decayed count, whose order does not change while nothing is hit (LRFU; Lee
//           et al., IEEE Trans. Computers 50(12), 2001).
//   S3Fifo  probation and main (Yang et al., SOSP 2023), with one read sufficing for promotion; how
//           much of the cache is probation is decided by whoever chooses the segment.
//   Sieve   (Zhang et al., NSDI 2024): segment 0 is what the hand has before it, segment 1 what it
//           has passed; when 0 is empty, they change roles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace larder::storage {

enum class EvictionPolicy : uint8_t { none, fifo, lru, lfu, s3fifo, sieve, random, ttl };

// Do items carry ranks under this policy?
constexpr bool keeps_ranks(EvictionPolicy policy) {
  return policy != EvictionPolicy::none && policy != EvictionPolicy::random &&
         policy != EvictionPolicy::ttl;
}

// The clock of ranks: ticks, and for LFU half-lives in units of its score.
struct RankClock {
  uint64_t ticks = 0;
  uint64_t aging = 0;
};

// A stamp rank, taken apart.
struct StampRank {
  unsigned segment;
  unsigned reads;
  uint32_t stamp;

  static constexpr unsigned kStampBits = 29;
  static constexpr uint32_t kStampMask = (1u << kStampBits) - 1;
  static constexpr unsigned kMostReads = 3;

  static constexpr StampRank of(uint32_t rank) {
    return {rank >> 31, (rank >> kStampBits) & 3, rank & kStampMask};
  }
  static constexpr uint32_t make(unsigned segment, unsigned reads, uint64_t ticks) {
    return segment << 31 | reads << kStampBits | (static_cast<uint32_t>(ticks) & kStampMask);
  }
};

// What becomes of the entry that is first in its segment.
struct Verdict {
  bool evict;
  bool remember;  // evicted: its key, should it come back, has been here before
  uint32_t rank;  // not evicted: its new rank
};

// What all policies but LFU share.
struct StampPolicy {
  static constexpr uint64_t kKeyBias = uint64_t{1} << 40;
  // Nothing is given an older stamp than this, so that it is long until one seems to be new.
  static constexpr uint64_t kMostTicksBack = uint64_t{1} << (StampRank::kStampBits - 1);

  static constexpr unsigned segment(uint32_t rank) { return rank >> 31; }
  static constexpr uint64_t key(uint32_t rank, const RankClock& now) {
    const uint32_t age = (static_cast<uint32_t>(now.ticks) - rank) & StampRank::kStampMask;
    return kKeyBias + now.ticks - age;
  }
  // `front`: the segment that new entries go to. `remembered`: it was evicted not long ago.
  static constexpr uint32_t admitted(const RankClock& now, unsigned front, bool) {
    return StampRank::make(front, 0, now.ticks);
  }
  // The rank as if it had been stamped at this tick, as far as a stamp can say it.
  static constexpr uint32_t stamped(uint32_t rank, uint64_t tick, const RankClock& now) {
    const StampRank parts = StampRank::of(rank);
    const uint64_t oldest = now.ticks - std::min(now.ticks, kMostTicksBack);
    return StampRank::make(parts.segment, parts.reads, std::clamp(tick, oldest, now.ticks));
  }
};

struct Fifo : StampPolicy {
  static constexpr uint32_t hit(uint32_t rank, const RankClock&) { return rank; }
  static constexpr Verdict judge(uint32_t, const RankClock&) { return {true, false, 0}; }
};

struct S3Fifo : StampPolicy {
  static constexpr unsigned kProbation = 0;
  static constexpr unsigned kMain = 1;

  static constexpr uint32_t admitted(const RankClock& now, unsigned, bool remembered) {
    return StampRank::make(remembered ? kMain : kProbation, 0, now.ticks);
  }
  static constexpr uint32_t hit(uint32_t rank, const RankClock&) {
    const StampRank parts = StampRank::of(rank);
    if (parts.reads == StampRank::kMostReads) return rank;
    return StampRank::make(parts.segment, parts.reads + 1, parts.stamp);
  }
  static constexpr Verdict judge(uint32_t rank, const RankClock& now) {
    const StampRank parts = StampRank::of(rank);
    if (parts.reads == 0) return {true, parts.segment == kProbation, 0};
    const unsigned reads = parts.segment == kMain ? parts.reads - 1 : 0;
    return {false, false, StampRank::make(kMain, reads, now.ticks)};
  }
};

struct Lru : StampPolicy {
  static constexpr uint32_t admitted(const RankClock& now, unsigned front, bool remembered) {
    return S3Fifo::admitted(now, front, remembered);
  }
  static constexpr uint32_t hit(uint32_t rank, const RankClock& now) {
    const StampRank parts = StampRank::of(S3Fifo::hit(rank, now));
    return StampRank::make(parts.segment, parts.reads, now.ticks);
  }
  static constexpr Verdict judge(uint32_t rank, const RankClock&) {
    return {true, segment(rank) == S3Fifo::kProbation, 0};
  }
};

struct Sieve : StampPolicy {
  static constexpr uint32_t hit(uint32_t rank, const RankClock&) {
    const StampRank parts = StampRank::of(rank);
    return StampRank::make(parts.segment, 1, parts.stamp);
  }
  static constexpr Verdict judge(uint32_t rank, const RankClock&) {
    const StampRank parts = StampRank::of(rank);
    if (parts.reads == 0) return {true, false, 0};
    return {false, false, StampRank::make(parts.segment ^ 1, 0, parts.stamp)};
  }
};

struct Lfu {
  // A doubling of the count, or a half-life.
  static constexpr double kUnit = 1u << 20;
  // What is left of one hit after eight half-lives.
  static constexpr double kFewest = 1.0 / 256;
  static constexpr uint64_t kKeyBias = uint64_t{1} << 40;

  static constexpr unsigned segment(uint32_t) { return 0; }
  static constexpr uint64_t key(uint32_t rank, const RankClock& now) {
    return kKeyBias + now.aging + static_cast<uint64_t>(int64_t{ahead(rank, now)});
  }
  static constexpr uint32_t admitted(const RankClock& now, unsigned, bool) {
    return static_cast<uint32_t>(now.aging);
  }
  static uint32_t hit(uint32_t rank, const RankClock& now) {
    return counted(weight(rank, now) + 1, now);
  }
  // The rank of what has been hit so often. Less than kFewest counts as that.
  static uint32_t counted(double count, const RankClock& now) {
    const double score = std::log2(std::max(count, kFewest)) * kUnit;
    return static_cast<uint32_t>(now.aging) + static_cast<uint32_t>(static_cast<int32_t>(score));
  }
  static constexpr Verdict judge(uint32_t, const RankClock&) { return {true, false, 0}; }
  // The decayed count of hits, its insertion among them.
  static double weight(uint32_t rank, const RankClock& now) {
    return std::exp2(ahead(rank, now) / kUnit);
  }

 private:
  static constexpr int32_t ahead(uint32_t rank, const RankClock& now) {
    return static_cast<int32_t>(rank - static_cast<uint32_t>(now.aging));
  }
};

// Calls `function` with the struct of a policy that keeps ranks.
template <typename Function>
auto with_policy(EvictionPolicy policy, Function function) {
  switch (policy) {
    case EvictionPolicy::lru:
      return function(Lru{});
    case EvictionPolicy::lfu:
      return function(Lfu{});
    case EvictionPolicy::s3fifo:
      return function(S3Fifo{});
    case EvictionPolicy::sieve:
      return function(Sieve{});
    default:
      return function(Fifo{});
  }
}

}  // namespace larder::storage
