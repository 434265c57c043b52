// Node: what the workers of one server share. Everything in it is either constant, behind shard
// locks, atomic, or a mailbox.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/command_table.h"
#include "server/contexts.h"
#include "server/effects.h"
#include "server/keyspace.h"
#include "server/mailbox.h"
#include "server/memory_account.h"
#include "server/monitor_feed.h"
#include "server/pubsub/channel_registry.h"
#include "server/scripting/engine.h"
#include "server/tracking/tracking_table.h"

namespace larder::server {

// A primary changes data for its clients; a follower changes it only by applying effects.
enum class Role : uint8_t { primary, follower };

struct NodeOptions {
  Config config;
  NodeFacts facts;
  NodeServices services;
  unsigned threads = 1;
  uint64_t seed = 0;  // of key hashing and of every random choice
  Role role = Role::primary;
};

class Node {
 public:
  explicit Node(NodeOptions options);

  Keyspace& keyspace() { return keyspace_; }
  EffectLog& effect_log() { return effect_log_; }
  MemoryAccount& memory() { return memory_; }
  ChannelRegistry& channels() { return channels_; }
  TrackingTable& tracking() { return tracking_; }
  ConfigStore& config_store() { return config_store_; }
  PauseStore& pause_store() { return pause_store_; }
  SlowLog& slow_log() { return slow_log_; }
  LatencyHistory& latency_history() { return latency_history_; }
  ScriptEngine& scripts() { return scripts_; }
  const CommandTable& commands() const { return commands_; }
  const NodeFacts& facts() const { return facts_; }
  const NodeServices& services() const { return services_; }
  Role role() const { return role_; }
  unsigned worker_count() const { return static_cast<unsigned>(mailboxes_.size()); }
  Mailbox& mailbox(unsigned worker) { return *mailboxes_[worker]; }

  uint64_t next_session_id() { return session_ids_.fetch_add(1, std::memory_order_relaxed) + 1; }

  // The place of one more client among those who wait for a key, from 1 on. To be asked under the
  // locks of these keys, so that at each key they stand in this order.
  uint64_t next_arrival() { return arrivals_.fetch_add(1, std::memory_order_relaxed) + 1; }

  // How many clients monitor, and where they are.
  std::atomic<uint32_t>& monitor_count() { return monitor_count_; }
  MonitorStation& monitor_station(unsigned worker) { return monitor_stations_[worker]; }

  // Connections per worker, so that new ones go where there are fewest.
  std::atomic<uint32_t>& connection_count(unsigned worker) { return connections_[worker].count; }
  uint32_t total_connections() const;
  unsigned least_loaded_worker() const;

 private:
  struct alignas(64) Counter {
    std::atomic<uint32_t> count{0};
  };

  NodeFacts facts_;
  NodeServices services_;
  Role role_;
  CommandTable commands_;
  Keyspace keyspace_;
  EffectLog effect_log_;
  MemoryAccount memory_;
  ChannelRegistry channels_;
  TrackingTable tracking_;
  ConfigStore config_store_;
  PauseStore pause_store_;
  SlowLog slow_log_;
  LatencyHistory latency_history_;
  ScriptEngine scripts_;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  std::vector<Counter> connections_;
  std::vector<MonitorStation> monitor_stations_;
  std::atomic<uint32_t> monitor_count_{0};
  std::atomic<uint64_t> session_ids_{0};
  std::atomic<uint64_t> arrivals_{0};
};

}  // namespace larder::server
