// A shard under eviction against a model that looks at every entry whenever somebody has to go.
//
// The model keeps each entry's rank by the policy's own functions and finds the first candidate by
// comparing all. So it proves, for any policy, what is the shard's part: that bounds over runs find
// exactly that candidate, whatever was inserted, moved, deleted, given a deadline or converted from
// another policy before. That a policy's functions do what its name says is for tests of their own.
//
// Driven by bytes, so that random tests and the fuzzer share it. Throws where shard and model
// differ.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "storage/shard.h"

namespace larder::test_support {

class EvictionModel {
 public:
  using Policy = storage::EvictionPolicy;
  static constexpr Policy kPolicies[] = {Policy::none,   Policy::fifo,   Policy::lru,
                                         Policy::lfu,    Policy::s3fifo, Policy::sieve,
                                         Policy::random, Policy::ttl};

  void use(Policy policy, bool volatile_only) {
    policy_ = policy;
    volatile_only_ = policy == Policy::ttl || (volatile_only && policy != Policy::none);
    front_ = 0;
    shard_.use_eviction(policy_, volatile_only_);
    for (unsigned db = 0; db < kDatabases; ++db) read_ranks(db);
  }

  // One operation; any bytes are one. Policies stay as they are.
  void operate(uint8_t what, uint8_t key_number, uint8_t argument) {
    const unsigned db = what >> 7;
    const std::string key = "key " + std::to_string(key_number);
    pass(1 + argument % 4);
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
        return put(db, key, argument, storage::kNoDeadline);
      case 4:
      case 5:
        return put(db, key, argument, deadline(argument));
      case 6:
      case 7:
      case 8:
        return hit(db, key);
      case 9:
        return erase(db, key);
      case 10:
        return give_deadline(db, key,
                             argument % 4 == 0 ? storage::kNoDeadline : deadline(argument));
      case 11:
        shard_.set_front(front_ = argument & 1);
        return;
      case 12:
        return tidy(argument);
      default:
        return evict(argument & 1);
    }
  }

  size_t size() const { return entries_[0].size() + entries_[1].size(); }
  size_t evicted() const { return evicted_; }
  size_t spared() const { return spared_; }

  void finish() {
    shard_.verify();
    for (unsigned db = 0; db < kDatabases; ++db) {
      require(shard_.size(db) == entries_[db].size(), "the sizes differ");
      for (const auto& [key, known] : entries_[db]) compare(find(db, key), known);
      shard_.clear(db);
    }
    require(shard_.segment_size(0) + shard_.segment_size(1) == 0, "an empty shard has segments");
    require(shard_.bytes() == 0, "an empty shard has memory");
  }

 private:
  static constexpr unsigned kDatabases = 2;
  static constexpr unsigned kTries = 1'000;

  struct Known {
    std::optional<uint32_t> rank;  // none: made when no policy asked for one
    int64_t deadline_ms = storage::kNoDeadline;
  };
  using Entries = std::map<std::string, Known>;
  static void require(bool holds, const char* message) {
    if (!holds) throw std::logic_error(message);
  }
  storage::Entry find(unsigned db, const std::string& key) {
    return shard_.find(db, key, hasher_(key));
  }
  static int64_t deadline(uint8_t argument) { return 1'000'000 + int64_t{argument} * 100'000; }

  // Slots of several sizes, large values among them.
  static std::string value(uint8_t argument) {
    return std::string(argument == 255 ? 20'000 : argument % 100, 'v');
  }

  void pass(unsigned ticks) {
    now_.ticks += ticks;
    now_.aging += ticks * 1'000;
    shard_.set_rank_clock(now_);
  }

  // What the shard says; for entries whose rank was made anew.
  void read_rank(Known& known, storage::Entry entry) {
    known.rank.reset();
    if (storage::Shard::has_rank(entry)) known.rank = storage::Shard::rank_of(entry);
  }
  void read_ranks(unsigned db) {
    for (auto& [key, known] : entries_[db]) read_rank(known, find(db, key));
  }
  static void compare(storage::Entry entry, const Known& known) {
    require(static_cast<bool>(entry), "an entry has gone");
    require(entry.deadline_ms() == known.deadline_ms, "the deadlines differ");
    require(storage::Shard::has_rank(entry) == known.rank.has_value(), "one has no rank");
    require(!known.rank || storage::Shard::rank_of(entry) == *known.rank, "the ranks differ");
  }
  // Of an entry that is new to the policy.
  void check_admission(const Known& known) {
    require(known.rank.has_value() == storage::keeps_ranks(policy_), "ranks for who needs them");
    if (!known.rank) return;
    const bool is_admitted = storage::with_policy(policy_, [&](auto policy) {
      return *known.rank == policy.admitted(now_, front_, false) ||
             *known.rank == policy.admitted(now_, front_, true);
    });
    require(is_admitted, "a new entry has a new entry's rank");
  }

  void put(unsigned db, const std::string& key, uint8_t argument, int64_t deadline_ms) {
    const auto known = entries_[db].find(key);
    const storage::Entry entry = shard_.set(db, key, hasher_(key), value(argument), deadline_ms);
    if (known == entries_[db].end()) {
      Known& added = entries_[db][key];
      added.deadline_ms = deadline_ms;
      read_rank(added, entry);
      return check_admission(added);
    }
    known->second.deadline_ms = deadline_ms;
    moved(entry, known->second);
  }
  // The entry may have another item now.
  void moved(storage::Entry entry, Known& known) {
    if (!known.rank) read_rank(known, entry);
    compare(entry, known);
  }

  void hit(unsigned db, const std::string& key) {
    const auto known = entries_[db].find(key);
    if (known == entries_[db].end()) return;
    shard_.touch(db, find(db, key));
    if (known->second.rank && storage::keeps_ranks(policy_)) {
      known->second.rank = storage::with_policy(
          policy_, [&](auto policy) { return policy.hit(*known->second.rank, now_); });
    }
    compare(find(db, key), known->second);
  }

  void erase(unsigned db, const std::string& key) {
    if (entries_[db].erase(key) > 0) shard_.erase(db, find(db, key));
  }

  void give_deadline(unsigned db, const std::string& key, int64_t deadline_ms) {
    const auto known = entries_[db].find(key);
    if (known == entries_[db].end()) return;
    known->second.deadline_ms = deadline_ms;
    moved(shard_.set_deadline(db, find(db, key), deadline_ms), known->second);
  }

  // Items move together, and those without ranks get them.
  void tidy(uint8_t argument) {
    shard_.release_slice(argument);
    for (unsigned db = 0; db < kDatabases; ++db) {
      for (auto& [key, known] : entries_[db]) {
        const storage::Entry entry = find(db, key);
        require(static_cast<bool>(entry), "an entry has gone");
        if (!known.rank && storage::Shard::has_rank(entry)) {
          read_rank(known, entry);
          check_admission(known);
        }
        compare(entry, known);
      }
    }
  }

  // ---- eviction ----

  // Who is smallest goes first; UINT64_MAX: no candidate of the segment.
  uint64_t order_of(const Known& known, unsigned segment) const {
    if (policy_ == Policy::none) return UINT64_MAX;
    if (volatile_only_ && known.deadline_ms == storage::kNoDeadline) return UINT64_MAX;
    if (!storage::keeps_ranks(policy_)) {
      if (segment != 0) return UINT64_MAX;
      return policy_ == Policy::ttl ? static_cast<uint64_t>(known.deadline_ms) : 0;
    }
    if (!known.rank) return segment == 0 ? 0 : UINT64_MAX;
    return storage::with_policy(policy_, [&](auto policy) {
      return policy.segment(*known.rank) == segment ? policy.key(*known.rank, now_) : UINT64_MAX;
    });
  }

  uint64_t least_order(unsigned segment) const {
    uint64_t least = UINT64_MAX;
    for (const Entries& entries : entries_) {
      for (const auto& [key, known] : entries) least = std::min(least, order_of(known, segment));
    }
    return least;
  }

  void evict(unsigned segment) {
    const uint64_t first = least_order(segment);
    require(shard_.least_key(segment) <= first, "the bound is not later than the first");
    // Looks at a few runs at a time, until bounds are as exact as this needs.
    for (unsigned tries = 0; tries < kTries; ++tries) {
      unsigned gone_db = 0;
      std::string gone;
      const auto step = shard_.evict_step(segment, UINT64_MAX - 1, random_ += 0x9e3779b97f4a7c15,
                                          [&](unsigned db, storage::Entry entry) {
                                            gone_db = db;
                                            gone = entry.key();
                                            shard_.erase(db, entry);
                                          });
      if (step == storage::Shard::Step::evicted) {
        return check_evicted(gone_db, gone, first, segment);
      }
      if (step == storage::Shard::Step::moved) return check_spared(first, segment);
      if (shard_.least_key(segment) == UINT64_MAX) break;
    }
    require(first == UINT64_MAX, "a candidate is found");
  }

  void check_evicted(unsigned db, const std::string& key, uint64_t first, unsigned segment) {
    const auto known = entries_[db].find(key);
    require(known != entries_[db].end(), "what is evicted was there");
    require(order_of(known->second, segment) == first, "who is first goes first");
    if (known->second.rank && storage::keeps_ranks(policy_)) {
      require(verdict(*known->second.rank).evict, "the policy wants it to go");
    }
    entries_[db].erase(known);
    ++evicted_;
  }
  // One of those that are first.
  void check_spared(uint64_t first, unsigned segment) {
    for (unsigned db = 0; db < kDatabases; ++db) {
      for (auto& [key, known] : entries_[db]) {
        if (!known.rank || order_of(known, segment) != first) continue;
        const storage::Entry entry = find(db, key);
        if (!entry || storage::Shard::rank_of(entry) == *known.rank) continue;
        require(!verdict(*known.rank).evict, "the policy wants it to stay");
        known.rank = verdict(*known.rank).rank;
        compare(entry, known);
        ++spared_;
        return;
      }
    }
    throw std::logic_error("who is first has changed its rank");
  }
  storage::Verdict verdict(uint32_t rank) const {
    return storage::with_policy(policy_, [&](auto policy) { return policy.judge(rank, now_); });
  }

  const storage::KeyHasher hasher_{5};
  storage::Shard shard_{hasher_};
  Policy policy_ = Policy::none;
  bool volatile_only_ = false;
  unsigned front_ = 0;
  storage::RankClock now_;
  uint64_t random_ = 0;
  Entries entries_[kDatabases];
  size_t evicted_ = 0;
  size_t spared_ = 0;
};

}  // namespace larder::test_support
