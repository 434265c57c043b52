#include "bench/hitratio/reference.h"

#include <functional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "bench/hitratio/key_lists.h"

namespace larder::bench {
namespace {

constexpr uint64_t kNever = UINT64_MAX;

uint64_t cost_of(const Trace& trace, uint32_t key, CapacityUnit unit) {
  return unit == CapacityUnit::objects ? 1 : trace.object_bytes(key);
}

uint64_t now_us(const Trace& trace, size_t request) {
  return trace.time_us.empty() ? 0 : trace.time_us[request];
}

// When an object written now is no longer there; kNever without a time to live.
uint64_t deadline_us(const Trace& trace, size_t request) {
  const uint32_t key = trace.keys[request];
  if (trace.ttl_us.empty() || trace.ttl_us[key] == 0) return kNever;
  return now_us(trace, request) + trace.ttl_us[key];
}

class ExactLru {
 public:
  ExactLru(const Trace& trace, uint64_t capacity, CapacityUnit unit)
      : trace_(trace),
        unit_(unit),
        capacity_(capacity),
        lists_(trace.unique, 1),
        deadlines_(trace.unique, kNever) {}

  // Whether the request found its key.
  bool serve(size_t request) {
    const uint32_t key = trace_.keys[request];
    expire(now_us(trace_, request));
    const bool there = lists_.where(key) == 0;
    const Trace::Verb verb = trace_.verb(request);
    if (verb == Trace::Verb::get && there) {
      lists_.move_to_front(0, key);
      return true;
    }
    if (there) remove(key);
    if (verb != Trace::Verb::del) insert(key, deadline_us(trace_, request));
    return there;
  }

 private:
  void expire(uint64_t now) {
    while (!due_.empty() && due_.top().first <= now) {
      const auto [deadline, key] = due_.top();
      due_.pop();
      if (lists_.where(key) == 0 && deadlines_[key] == deadline) remove(key);
    }
  }
  void insert(uint32_t key, uint64_t deadline) {
    const uint64_t cost = cost_of(trace_, key, unit_);
    if (cost > capacity_) return;
    while (used_ + cost > capacity_) remove(lists_.back(0));
    lists_.push_front(0, key);
    used_ += cost;
    deadlines_[key] = deadline;
    if (deadline != kNever) due_.push({deadline, key});
  }
  void remove(uint32_t key) {
    lists_.remove(key);
    used_ -= cost_of(trace_, key, unit_);
  }

  using Due = std::pair<uint64_t, uint32_t>;
  const Trace& trace_;
  CapacityUnit unit_;
  uint64_t capacity_;
  uint64_t used_ = 0;
  KeyLists lists_;
  std::vector<uint64_t> deadlines_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

// For each request the next get that its object could serve: the next request for the key, if that
// is a get and comes before the deadline of a value written `now`.
std::vector<uint64_t> next_requests(const Trace& trace) {
  std::vector<uint64_t> next(trace.keys.size(), kNever);
  std::vector<uint64_t> last(trace.unique, kNever);
  for (size_t i = trace.keys.size(); i-- > 0;) {
    next[i] = last[trace.keys[i]];
    last[trace.keys[i]] = i;
  }
  for (uint64_t& request : next) {
    if (request != kNever && trace.verb(request) != Trace::Verb::get) request = kNever;
  }
  return next;
}

class Clairvoyant {
 public:
  Clairvoyant(const Trace& trace, uint64_t capacity, CapacityUnit unit)
      : trace_(trace),
        unit_(unit),
        capacity_(capacity),
        next_(next_requests(trace)),
        kept_until_(trace.unique, kNever),
        deadlines_(trace.unique, kNever) {}

  bool serve(size_t request) {
    const uint32_t key = trace_.keys[request];
    const bool there = kept_until_[key] != kNever;
    if (there) remove(key);
    const Trace::Verb verb = trace_.verb(request);
    const bool hit = there && verb == Trace::Verb::get;
    if (!hit) deadlines_[key] = deadline_us(trace_, request);
    if (verb != Trace::Verb::del) keep(key, next_[request]);
    return hit;
  }

 private:
  void keep(uint32_t key, uint64_t next) {
    const uint64_t cost = cost_of(trace_, key, unit_);
    if (next == kNever || cost > capacity_ || now_us(trace_, next) >= deadlines_[key]) return;
    kept_until_[key] = next;
    kept_.insert({next, key});
    used_ += cost;
    while (used_ > capacity_) remove(kept_.rbegin()->second);
  }
  void remove(uint32_t key) {
    kept_.erase({kept_until_[key], key});
    kept_until_[key] = kNever;
    used_ -= cost_of(trace_, key, unit_);
  }

  const Trace& trace_;
  CapacityUnit unit_;
  uint64_t capacity_;
  uint64_t used_ = 0;
  std::vector<uint64_t> next_;
  std::vector<uint64_t> kept_until_;  // by key: the request it is kept for; kNever: not kept
  std::vector<uint64_t> deadlines_;
  std::set<std::pair<uint64_t, uint32_t>> kept_;
};

template <typename Cache>
MissCount count(Cache cache, const Trace& trace) {
  MissCount result;
  for (size_t i = 0; i < trace.keys.size(); ++i) {
    const bool hit = cache.serve(i);
    if (trace.verb(i) != Trace::Verb::get) continue;
    ++result.gets;
    if (!hit) ++result.misses;
  }
  return result;
}

}  // namespace

MissCount exact_lru(const Trace& trace, uint64_t capacity, CapacityUnit unit) {
  return count(ExactLru(trace, capacity, unit), trace);
}

MissCount clairvoyant(const Trace& trace, uint64_t capacity, CapacityUnit unit) {
  return count(Clairvoyant(trace, capacity, unit), trace);
}

}  // namespace larder::bench
