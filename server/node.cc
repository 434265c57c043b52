#include "server/node.h"

#include <algorithm>

#include "server/pubsub/subscriptions.h"

namespace larder::server {

std::optional<std::string> ConfigStore::update(
    const std::function<std::optional<std::string>(Config&)>& change) {
  std::lock_guard guard(mutex_);
  Config copy = *current_;
  if (auto error = change(copy)) return error;
  current_ = std::make_shared<const Config>(std::move(copy));
  return std::nullopt;
}

size_t SessionContext::publish(TopicKind kind, std::string_view channel, std::string_view payload) {
  const size_t reached = environment_->subscriptions->publish(kind, channel, payload);
  if (reached > 0) environment_->attention = environment_->posted = true;
  return reached;
}

Node::Node(NodeOptions options)
    : facts_(std::move(options.facts)),
      services_(std::move(options.services)),
      role_(options.role),
      commands_(all_families()),
      keyspace_(options.seed),
      memory_(options.threads),
      channels_(options.threads, keyspace_.hasher()),
      tracking_(channels_, keyspace_.hasher()),
      config_store_(std::move(options.config)),
      connections_(options.threads),
      monitor_stations_(options.threads) {
  if (!services_.precise_ns) services_.precise_ns = [] { return int64_t{0}; };
  for (unsigned i = 0; i < options.threads; ++i) mailboxes_.push_back(std::make_unique<Mailbox>());
}

uint32_t Node::total_connections() const {
  uint32_t total = 0;
  for (const Counter& worker : connections_) total += worker.count.load(std::memory_order_relaxed);
  return total;
}

unsigned Node::least_loaded_worker() const {
  auto fewest = std::min_element(
      connections_.begin(), connections_.end(), [](const Counter& a, const Counter& b) {
        return a.count.load(std::memory_order_relaxed) < b.count.load(std::memory_order_relaxed);
      });
  return static_cast<unsigned>(fewest - connections_.begin());
}

}  // namespace larder::server
