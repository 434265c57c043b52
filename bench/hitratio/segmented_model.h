// SegmentedModel and AutoModel: the rules behind the policy `auto`, as models (see policy_model.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/hitratio/key_lists.h"
#include "bench/hitratio/policy_model.h"
#include "bench/load/keys.h"

namespace larder::bench {

// At least 1.
inline size_t percent_of(size_t capacity, double percent) {
  return std::max<size_t>(
      1, static_cast<size_t>(static_cast<double>(capacity) * percent / 100.0 + 0.5));
}

struct SegmentedSettings {
  double small = 10;   // percent
  double ghost = 90;   // percent
  uint8_t f = 2;       // reads that promote at the end of the probation; above 3: never
  bool order = false;  // probation in order of the last read instead of insertion
  bool clock = false;  // the main segment as in S3-FIFO, else LRU
};

// Two segments as S3-FIFO or 2Q have them, but every object has the time of its last read, so that
// it can be switched to LRU at any time: then the older of the two segments' old ends goes.
class SegmentedModel : public PolicyModel {
 public:
  SegmentedModel(uint32_t unique, size_t capacity, const SegmentedSettings& settings)
      : settings_(settings),
        lists_(unique, 2),
        ghosts_(unique, percent_of(capacity, settings.ghost)),
        reads_(unique, 0),
        stamp_(unique, 0),
        capacity_(capacity),
        small_(percent_of(capacity, settings.small)) {}

  void use_lru(bool on) { lru_ = on; }
  void use_small(double percent) { small_ = percent_of(capacity_, percent); }

  bool access(uint32_t key) override {
    ++now_;
    const uint8_t where = lists_.where(key);
    if (where != KeyLists::kNone) {
      if (reads_[key] < 3) ++reads_[key];
      if (lru_ || (where == kMain ? !settings_.clock : settings_.order)) refresh(where, key);
      return true;
    }
    const bool known = ghosts_.take(key);
    while (lists_.size(kSmall) + lists_.size(kMain) >= capacity_) step();
    reads_[key] = 0;
    stamp_[key] = now_;
    lists_.push_front(known ? kMain : kSmall, key);
    return false;
  }

 private:
  static constexpr uint8_t kSmall = 0;
  static constexpr uint8_t kMain = 1;

  void refresh(uint8_t list, uint32_t key) {
    stamp_[key] = now_;
    lists_.move_to_front(list, key);
  }
  bool from_small() const {
    if (lists_.size(kMain) == 0) return true;
    if (lists_.size(kSmall) == 0) return false;
    if (lru_) return stamp_[lists_.back(kSmall)] < stamp_[lists_.back(kMain)];
    return lists_.size(kSmall) > small_;
  }
  void step() {
    if (from_small()) {
      const uint32_t key = lists_.back(kSmall);
      if (!lru_ && reads_[key] >= settings_.f) {
        reads_[key] = 0;
        stamp_[key] = now_;
        lists_.move_to_front(kMain, key);
        return;
      }
      ghosts_.add(key);
      lists_.remove(key);
      return;
    }
    const uint32_t key = lists_.back(kMain);
    if (!lru_ && settings_.clock && reads_[key] > 0) {
      --reads_[key];
      refresh(kMain, key);
      return;
    }
    lists_.remove(key);
  }

  SegmentedSettings settings_;
  KeyLists lists_;
  GhostKeys ghosts_;
  std::vector<uint8_t> reads_;
  std::vector<uint64_t> stamp_;
  uint64_t now_ = 0;
  size_t capacity_;
  size_t small_;
  bool lru_ = false;
};

// Small caches of one in `sample` keys tell what each rule would miss; the real one follows the
// best. The rules: LRU, the segmented one, and if `second` is not 0 the segmented one with that
// `small`. The small caches are cut into `groups` by key, each a cache of its own, as a server that
// has a lock for each would have them. `entries` is their size all together; it decides `sample`.
class AutoModel : public PolicyModel {
 public:
  struct Duel {
    double second = 0;
    size_t groups = 1;
    size_t entries = 4096;
    double memory = 1;  // misses are forgotten over so many times `entries` misses
    double margin = 1;  // percent by which another rule must be better
  };

  AutoModel(uint32_t unique, size_t capacity, const SegmentedSettings& settings, const Duel& duel)
      : cache_(unique, capacity, settings), duel_(duel) {
    while (capacity / sample_ > duel.entries) sample_ *= 2;
    const size_t entries = capacity / sample_;
    const size_t each = std::max<size_t>(1, (entries + duel.groups / 2) / duel.groups);
    keep_ = 1.0 - 1.0 / std::max(1.0, duel.memory * static_cast<double>(entries));
    rules_.push_back({0, {}, 0.0});
    rules_.push_back({settings.small, {}, 0.0});
    if (duel.second > 0) rules_.push_back({duel.second, {}, 0.0});
    for (Rule& rule : rules_) {
      for (size_t i = 0; i < duel.groups; ++i) {
        SegmentedSettings own = settings;
        own.small = rule.small;
        rule.caches.emplace_back(unique, each, own);
        rule.caches.back().use_lru(rule.small == 0);
      }
    }
    cache_.use_lru(true);
  }

  bool access(uint32_t key) override {
    const uint64_t hash = Random(key).next();
    if (hash % sample_ == 0) learn(key, (hash >> 32) % duel_.groups);
    return cache_.access(key);
  }

 private:
  struct Rule {
    double small;  // 0: LRU
    std::vector<SegmentedModel> caches;
    double misses;
  };

  void learn(uint32_t key, size_t group) {
    bool missed = false;
    for (Rule& rule : rules_) {
      if (rule.caches[group].access(key)) continue;
      if (!missed) {
        for (Rule& each : rules_) each.misses *= keep_;
      }
      missed = true;
      rule.misses += 1.0;
    }
    if (!missed) return;
    for (size_t i = 0; i < rules_.size(); ++i) {
      const double margin = i == 0 && duel_.margin > 0 ? 0.0 : duel_.margin;  // back to LRU at once
      if (rules_[i].misses < rules_[used_].misses * (1.0 - margin / 100.0)) follow(i);
    }
  }
  void follow(size_t rule) {
    used_ = rule;
    cache_.use_lru(rules_[rule].small == 0);
    if (rules_[rule].small != 0) cache_.use_small(rules_[rule].small);
  }

  SegmentedModel cache_;
  Duel duel_;
  std::vector<Rule> rules_;
  size_t sample_ = 1;
  size_t used_ = 0;
  double keep_ = 0.0;
};

}  // namespace larder::bench
