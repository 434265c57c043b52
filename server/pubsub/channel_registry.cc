#include "server/pubsub/channel_registry.h"

#include <algorithm>
#include <bitset>
#include <cassert>
#include <cstddef>
#include <functional>
#include <mutex>

#include "server/config/config.h"
#include "server/text/glob.h"

namespace larder::server {

namespace {

// All patterns together take time in proportion to their length and to the channel's, whatever
// they are: one that asks for more does not match.
bool hears(std::string_view pattern, std::string_view channel) {
  text::GlobBudget budget(4096 + 4 * pattern.size(), /*per_byte=*/8);
  return text::glob_match(pattern, channel, text::GlobCase::exact, budget);
}

}  // namespace

// Whom one message reaches.
class ChannelRegistry::Reach {
 public:
  void add(const Audience& audience) {
    for (const Audience::Share& share : audience.shares) {
      subscriptions_ += share.subscribers;
      is_reached_.set(share.worker);
    }
  }
  size_t subscriptions() const { return subscriptions_; }
  bool includes(size_t worker) const { return is_reached_[worker]; }

 private:
  std::bitset<config::kMaxThreads> is_reached_;
  size_t subscriptions_ = 0;
};

size_t ChannelRegistry::Audience::total() const {
  size_t total = 0;
  for (const Share& share : shares) total += share.subscribers;
  return total;
}

ChannelRegistry::ChannelRegistry(unsigned workers, const storage::KeyHasher& hasher)
    : hasher_(hasher), patterns_by_name_(hasher) {
  for (size_t i = 0; i < kParts; ++i) parts_.push_back(std::make_unique<Part>(hasher));
  for (unsigned i = 0; i < workers; ++i) {
    boxes_.push_back(std::make_unique<MessageBox>(congested_));
  }
}

ChannelRegistry::~ChannelRegistry() = default;

// ---- who listens --------------------------------------------------------------------------------

void ChannelRegistry::count_in(Audiences& audiences, TopicKind kind, std::string_view name,
                               unsigned worker) {
  auto place = audiences.find(name);
  if (place == audiences.end()) {
    place = audiences.emplace(std::string(name), Audience{}).first;
    topic_counts_[index(kind)].fetch_add(1, std::memory_order_release);
    if (kind == TopicKind::pattern) {
      place->second.place = patterns_.size();
      patterns_.push_back(&*place);
    }
  }
  std::vector<Audience::Share>& shares = place->second.shares;
  const auto share = std::find_if(shares.begin(), shares.end(),
                                  [=](const Audience::Share& it) { return it.worker == worker; });
  if (share != shares.end()) {
    ++share->subscribers;
  } else {
    shares.push_back({worker, 1});
  }
}

void ChannelRegistry::count_out(Audiences& audiences, TopicKind kind, std::string_view name,
                                unsigned worker) {
  const auto place = audiences.find(name);
  assert(place != audiences.end());
  std::vector<Audience::Share>& shares = place->second.shares;
  const auto share = std::find_if(shares.begin(), shares.end(),
                                  [=](const Audience::Share& it) { return it.worker == worker; });
  assert(share != shares.end());
  if (--share->subscribers > 0) return;
  shares.erase(share);
  if (!shares.empty()) return;
  if (kind == TopicKind::pattern) {
    patterns_[place->second.place] = patterns_.back();
    patterns_[place->second.place]->second.place = place->second.place;
    patterns_.pop_back();
  }
  audiences.erase(place);
  topic_counts_[index(kind)].fetch_sub(1, std::memory_order_release);
}

bool ChannelRegistry::add(TopicKind kind, std::string_view name, unsigned worker,
                          std::vector<Letter>& before) {
  Part& part = this->part(name);
  std::lock_guard guard(kind == TopicKind::pattern ? pattern_lock_ : part.lock);
  count_in(kind == TopicKind::pattern ? patterns_by_name_ : audiences(part, kind), kind, name,
           worker);
  return boxes_[worker]->has_mail() && boxes_[worker]->take(before);
}

bool ChannelRegistry::remove(TopicKind kind, std::string_view name, unsigned worker,
                             std::vector<Letter>& before) {
  Part& part = this->part(name);
  std::lock_guard guard(kind == TopicKind::pattern ? pattern_lock_ : part.lock);
  count_out(kind == TopicKind::pattern ? patterns_by_name_ : audiences(part, kind), kind, name,
            worker);
  return boxes_[worker]->has_mail() && boxes_[worker]->take(before);
}

// ---- publishing ---------------------------------------------------------------------------------

size_t ChannelRegistry::publish(TopicKind kind, std::string_view channel,
                                std::string_view payload) {
  assert(kind != TopicKind::pattern);
  const bool has_patterns =
      kind == TopicKind::channel &&
      topic_counts_[index(TopicKind::pattern)].load(std::memory_order_acquire) != 0;
  if (!has_patterns && topic_counts_[index(kind)].load(std::memory_order_acquire) == 0) return 0;
  Reach reach;
  std::vector<std::string> matching;
  std::unique_lock pattern_guard(pattern_lock_, std::defer_lock);
  if (has_patterns) {
    pattern_guard.lock();
    for (const Audiences::value_type* pattern : patterns_) {
      if (!hears(pattern->first, channel)) continue;
      matching.push_back(pattern->first);
      reach.add(pattern->second);
    }
    // No pattern that anybody has could still come to match it.
    if (matching.empty()) pattern_guard.unlock();
  }
  MessageRef message;
  if (payload.size() >= kLargePayload && (!matching.empty() || subscribers(kind, channel) > 0)) {
    message = Message::make(kind, channel, payload, std::move(matching));
  }
  Part& part = this->part(channel);
  std::lock_guard guard(part.lock);
  Audiences& by_name = audiences(part, kind);
  if (const auto place = by_name.find(channel); place != by_name.end()) reach.add(place->second);
  if (reach.subscriptions() == 0) return 0;
  if (!message) message = Message::make(kind, channel, payload, std::move(matching));
  for (size_t worker = 0; worker < boxes_.size(); ++worker) {
    if (reach.includes(worker)) boxes_[worker]->post({.message = message, .invalidation = nullptr});
  }
  return reach.subscriptions();
}

// ---- what there is ------------------------------------------------------------------------------

size_t ChannelRegistry::subscribers(TopicKind kind, std::string_view name) {
  Part& part = this->part(name);
  std::lock_guard guard(kind == TopicKind::pattern ? pattern_lock_ : part.lock);
  Audiences& by_name = kind == TopicKind::pattern ? patterns_by_name_ : audiences(part, kind);
  const auto place = by_name.find(name);
  return place == by_name.end() ? 0 : place->second.total();
}

std::vector<std::string> ChannelRegistry::names(
    TopicKind kind, const std::function<bool(std::string_view)>& is_wanted) {
  assert(kind != TopicKind::pattern);
  std::vector<std::string> names;
  for (const auto& part : parts_) {
    const size_t begin = names.size();
    {
      std::lock_guard guard(part->lock);
      for (const auto& [name, audience] : audiences(*part, kind)) names.push_back(name);
    }
    // Without the lock, for it may take its time.
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(begin);
    names.erase(std::remove_if(first, names.end(), std::not_fn(is_wanted)), names.end());
  }
  return names;
}

}  // namespace larder::server
