#include "bench/hitratio/policy_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "bench/hitratio/key_lists.h"
#include "bench/hitratio/segmented_model.h"
#include "bench/hitratio/settings.h"
#include "bench/load/keys.h"

namespace larder::bench {
namespace {

// LRU and FIFO.
class ListModel : public PolicyModel {
 public:
  ListModel(uint32_t unique, size_t capacity, bool recency)
      : lists_(unique, 1), capacity_(capacity), recency_(recency) {}

  bool access(uint32_t key) override {
    if (lists_.where(key) == 0) {
      if (recency_) lists_.move_to_front(0, key);
      return true;
    }
    if (lists_.size(0) >= capacity_) lists_.remove(lists_.back(0));
    lists_.push_front(0, key);
    return false;
  }

 private:
  KeyLists lists_;
  size_t capacity_;
  bool recency_;
};

class RandomModel : public PolicyModel {
 public:
  RandomModel(uint32_t unique, size_t capacity) : place_(unique, kAbsent), capacity_(capacity) {}

  bool access(uint32_t key) override {
    if (place_[key] != kAbsent) return true;
    if (kept_.size() < capacity_) {
      place_[key] = static_cast<uint32_t>(kept_.size());
      kept_.push_back(key);
    } else {
      const size_t victim = random_.below(kept_.size());
      place_[kept_[victim]] = kAbsent;
      kept_[victim] = key;
      place_[key] = static_cast<uint32_t>(victim);
    }
    return false;
  }

 private:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  std::vector<uint32_t> place_;
  std::vector<uint32_t> kept_;
  size_t capacity_;
  Random random_{1};
};

class SieveModel : public PolicyModel {
 public:
  SieveModel(uint32_t unique, size_t capacity)
      : lists_(unique, 1), visited_(unique, 0), capacity_(capacity), hand_(lists_.end(0)) {}

  bool access(uint32_t key) override {
    if (lists_.where(key) == 0) {
      visited_[key] = 1;
      return true;
    }
    if (lists_.size(0) >= capacity_) evict();
    lists_.push_front(0, key);
    visited_[key] = 0;
    return false;
  }

 private:
  void evict() {
    if (hand_ == lists_.end(0)) hand_ = lists_.back(0);
    while (visited_[hand_] != 0) {
      visited_[hand_] = 0;
      hand_ = lists_.newer(hand_);
      if (hand_ == lists_.end(0)) hand_ = lists_.back(0);
    }
    const uint32_t victim = hand_;
    hand_ = lists_.newer(hand_);
    lists_.remove(victim);
  }

  KeyLists lists_;
  std::vector<uint8_t> visited_;
  size_t capacity_;
  uint32_t hand_;
};

// Johnson and Shasha's full version: a FIFO for what is new, LRU for what its ghosts vouch for.
class TwoQueueModel : public PolicyModel {
 public:
  TwoQueueModel(uint32_t unique, size_t capacity, double in, double out)
      : lists_(unique, 2),
        ghosts_(unique, percent_of(capacity, out)),
        capacity_(capacity),
        in_(percent_of(capacity, in)) {}

  bool access(uint32_t key) override {
    const uint8_t where = lists_.where(key);
    if (where == kMain) lists_.move_to_front(kMain, key);
    if (where != KeyLists::kNone) return true;
    const bool known = ghosts_.take(key);
    if (lists_.size(kNew) + lists_.size(kMain) >= capacity_) evict();
    lists_.push_front(known ? kMain : kNew, key);
    return false;
  }

 private:
  static constexpr uint8_t kNew = 0;
  static constexpr uint8_t kMain = 1;

  void evict() {
    if (lists_.size(kNew) > in_ || lists_.size(kMain) == 0) {
      const uint32_t victim = lists_.back(kNew);
      ghosts_.add(victim);
      lists_.remove(victim);
    } else {
      lists_.remove(lists_.back(kMain));
    }
  }

  KeyLists lists_;
  GhostKeys ghosts_;
  size_t capacity_;
  size_t in_;
};

// Yang et al. 2023. `f` is how often a new object must have been read to stay.
class S3FifoModel : public PolicyModel {
 public:
  S3FifoModel(uint32_t unique, size_t capacity, double small, uint8_t f, double ghost)
      : lists_(unique, 2),
        ghosts_(unique, percent_of(capacity, ghost)),
        reads_(unique, 0),
        capacity_(capacity),
        small_(percent_of(capacity, small)),
        f_(f) {}

  bool access(uint32_t key) override {
    if (lists_.where(key) != KeyLists::kNone) {
      if (reads_[key] < 3) ++reads_[key];
      return true;
    }
    const bool known = ghosts_.take(key);
    while (lists_.size(kSmall) + lists_.size(kMain) >= capacity_) step();
    reads_[key] = 0;
    lists_.push_front(known ? kMain : kSmall, key);
    return false;
  }

 private:
  static constexpr uint8_t kSmall = 0;
  static constexpr uint8_t kMain = 1;

  void step() {
    if (lists_.size(kSmall) >= small_ || lists_.size(kMain) == 0) {
      const uint32_t key = lists_.back(kSmall);
      if (reads_[key] >= f_) {
        reads_[key] = 0;
        lists_.move_to_front(kMain, key);
      } else {
        ghosts_.add(key);
        lists_.remove(key);
      }
      return;
    }
    const uint32_t key = lists_.back(kMain);
    if (reads_[key] > 0) {
      --reads_[key];
      lists_.move_to_front(kMain, key);
    } else {
      lists_.remove(key);
    }
  }

  KeyLists lists_;
  GhostKeys ghosts_;
  std::vector<uint8_t> reads_;
  size_t capacity_;
  size_t small_;
  uint8_t f_;
};

// Megiddo and Modha 2003.
class ArcModel : public PolicyModel {
 public:
  ArcModel(uint32_t unique, size_t capacity) : lists_(unique, 4), capacity_(capacity) {}

  bool access(uint32_t key) override {
    const uint8_t where = lists_.where(key);
    if (where == kT1 || where == kT2) {
      lists_.move_to_front(kT2, key);
      return true;
    }
    if (where == kB1 || where == kB2) {
      adapt(where);
      replace(where == kB2);
      lists_.move_to_front(kT2, key);
      return false;
    }
    make_room();
    lists_.push_front(kT1, key);
    return false;
  }

 private:
  static constexpr uint8_t kT1 = 0, kT2 = 1, kB1 = 2, kB2 = 3;

  void adapt(uint8_t where) {
    const double b1 = static_cast<double>(lists_.size(kB1));
    const double b2 = static_cast<double>(lists_.size(kB2));
    if (where == kB1) {
      target_ = std::min(static_cast<double>(capacity_), target_ + std::max(1.0, b2 / b1));
    } else {
      target_ = std::max(0.0, target_ - std::max(1.0, b1 / b2));
    }
  }
  void replace(bool in_b2) {
    if (lists_.size(kT1) + lists_.size(kT2) < capacity_) return;
    const double t1 = static_cast<double>(lists_.size(kT1));
    const bool from_t1 =
        lists_.size(kT1) > 0 && (t1 > target_ || (in_b2 && t1 >= target_) || !lists_.size(kT2));
    lists_.move_to_front(from_t1 ? kB1 : kB2, lists_.back(from_t1 ? kT1 : kT2));
  }
  void make_room() {
    const size_t first = lists_.size(kT1) + lists_.size(kB1);
    const size_t all = first + lists_.size(kT2) + lists_.size(kB2);
    if (first >= capacity_) {
      if (lists_.size(kT1) < capacity_) {
        lists_.remove(lists_.back(kB1));
        replace(false);
      } else {
        lists_.remove(lists_.back(kT1));
      }
    } else if (all >= capacity_) {
      if (all >= 2 * capacity_) lists_.remove(lists_.back(kB2));
      replace(false);
    }
  }

  KeyLists lists_;
  size_t capacity_;
  double target_ = 0.0;
};

// Counts that halve every `half_life` insertions. log2(count) + time / half-life orders objects the
// same way at all times, so nothing has to be aged.
class LfuModel : public PolicyModel {
 public:
  LfuModel(uint32_t unique, size_t capacity, double half_life)
      : score_(unique, kAbsent),
        capacity_(capacity),
        half_life_(half_life * static_cast<double>(capacity)) {}

  bool access(uint32_t key) override {
    const double now = static_cast<double>(insertions_) / half_life_;
    if (score_[key] != kAbsent) {
      order_.erase({score_[key], key});
      score_[key] = std::log2(std::exp2(score_[key] - now) + 1.0) + now;
      order_.insert({score_[key], key});
      return true;
    }
    if (order_.size() >= capacity_) {
      score_[order_.begin()->second] = kAbsent;
      order_.erase(order_.begin());
    }
    ++insertions_;
    score_[key] = now;
    order_.insert({now, key});
    return false;
  }

 private:
  static constexpr double kAbsent = -1.0;
  std::vector<double> score_;
  std::set<std::pair<double, uint32_t>> order_;
  size_t capacity_;
  double half_life_;
  uint64_t insertions_ = 0;
};

// Independent caches by hash of the key.
class ShardedModel : public PolicyModel {
 public:
  explicit ShardedModel(std::vector<std::unique_ptr<PolicyModel>> shards)
      : shards_(std::move(shards)) {}
  bool access(uint32_t key) override {
    return shards_[(Random(key).next() >> 40) % shards_.size()]->access(key);
  }

 private:
  std::vector<std::unique_ptr<PolicyModel>> shards_;
};

SegmentedSettings segmented_settings(Settings& settings) {
  SegmentedSettings result;
  result.small = settings.number("small", 10);
  result.ghost = settings.number("ghost", 90);
  result.f = static_cast<uint8_t>(settings.whole("f", 2));
  result.order = settings.whole("order", 0) != 0;
  result.clock = settings.whole("clock", 0) != 0;
  return result;
}

}  // namespace

std::unique_ptr<PolicyModel> make_policy(const std::string& text, uint32_t unique, size_t capacity,
                                         std::string& error) {
  if (const size_t slash = text.find('/'); slash != std::string::npos) {
    const size_t count = std::strtoul(text.c_str(), nullptr, 10);
    std::vector<std::unique_ptr<PolicyModel>> shards;
    for (size_t i = 0; i < count; ++i) {
      const size_t share = capacity / count + (i < capacity % count ? 1 : 0);
      shards.push_back(make_policy(text.substr(slash + 1), unique, share, error));
      if (shards.back() == nullptr) return nullptr;
    }
    if (count > 0) return std::make_unique<ShardedModel>(std::move(shards));
  }
  Settings settings(text);
  const std::string& name = settings.name();
  std::unique_ptr<PolicyModel> policy;
  if (name == "lru" || name == "fifo") {
    policy = std::make_unique<ListModel>(unique, capacity, name == "lru");
  } else if (name == "random") {
    policy = std::make_unique<RandomModel>(unique, capacity);
  } else if (name == "sieve") {
    policy = std::make_unique<SieveModel>(unique, capacity);
  } else if (name == "arc") {
    policy = std::make_unique<ArcModel>(unique, capacity);
  } else if (name == "2q") {
    const double in = settings.number("in", 25);
    policy = std::make_unique<TwoQueueModel>(unique, capacity, in, settings.number("out", 50));
  } else if (name == "s3fifo") {
    const double small = settings.number("small", 10);
    const auto f = static_cast<uint8_t>(settings.whole("f", 2));
    policy =
        std::make_unique<S3FifoModel>(unique, capacity, small, f, settings.number("ghost", 90));
  } else if (name == "lfu") {
    policy = std::make_unique<LfuModel>(unique, capacity, settings.number("halflife", 2));
  } else if (name == "segments") {
    policy = std::make_unique<SegmentedModel>(unique, capacity, segmented_settings(settings));
  } else if (name == "auto") {
    const SegmentedSettings segments = segmented_settings(settings);
    AutoModel::Duel duel;
    duel.second = settings.number("second", 0);
    duel.groups = std::max<size_t>(1, settings.whole("groups", 1));
    duel.entries = std::max<size_t>(1, settings.whole("entries", 4096));
    duel.memory = settings.number("memory", 1);
    duel.margin = settings.number("margin", 1);
    policy = std::make_unique<AutoModel>(unique, capacity, segments, duel);
  }
  error = policy ? settings.unknown() : name;
  if (!error.empty()) {
    error = text + ": " + error + " makes no sense";
    return nullptr;
  }
  return policy;
}

}  // namespace larder::bench
