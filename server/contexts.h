// What session and node commands can reach, and what is constant about this node.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/command_table.h"
#include "server/config/config.h"
#include "server/key_context.h"
#include "server/latency_history.h"
#include "server/node_task.h"
#include "server/pubsub/topic_kind.h"
#include "server/scripting/engine.h"
#include "server/session.h"
#include "server/slow_log.h"

namespace larder::server {

using config::Config;

// Facts that never change while the node runs.
struct NodeFacts {
  std::string run_id;  // 40 hexadecimal digits
  std::string executable;
  std::string config_file;       // absolute, empty if none
  std::string operating_system;  // "Linux 6.1.0 x86_64"
  std::string compiler;
  std::string allocator;
  std::string driver;  // "uring" or "epoll"
  int64_t process_id = 0;
  int64_t started_unix_ms = 0;
  unsigned threads = 1;
  int tcp_port = 0;  // the one really listened on
};

// What malloc says of itself. The regions of keys and values are not its own
// (storage/region_source.h).
struct AllocatorFacts {
  uint64_t allocated_bytes = 0;  // for the program
  uint64_t active_bytes = 0;     // pages it holds for that
  uint64_t resident_bytes = 0;   // all its pages, those among them that it only keeps
};

// What the machine says about this process now.
struct ProcessFacts {
  uint64_t resident_bytes = 0;
  std::optional<AllocatorFacts> allocator;  // nothing: it does not tell
  uint64_t system_memory_bytes = 0;
  double cpu_user_seconds = 0;
  double cpu_system_seconds = 0;
};

// What the node asks of the world outside its workers; given by main, so that nothing below it
// makes system calls.
struct NodeServices {
  std::function<ProcessFacts()> process_facts;
  // Gives memory that the allocator keeps unused back to the system; false if that failed.
  std::function<bool()> release_unused_memory;
  // What the allocator says about itself, for people; empty if it says nothing.
  std::function<std::string()> allocator_report;
  // Writes the settings into the configuration file; the text of the error, if any.
  std::function<std::optional<std::string>(const Config&)> rewrite_config_file;
  // Raises the limit of open files so far that so many clients fit, if the system lets it; answers
  // how many then fit, at most that many. Any worker's thread.
  std::function<uint32_t(uint32_t clients)> allow_clients;
  // Settings changed that the workers do not use themselves (loglevel). Any worker's thread.
  std::function<void(const Config&)> settings_changed;
  // Nanoseconds since some moment, for measuring how long things take (precise_clock.h). Any
  // thread. None: everything takes no time.
  std::function<int64_t()> precise_ns;
  // What scripts write into the log. Any worker's thread.
  std::function<void(config::LogLevel, std::string_view text)> log;
  // DEBUG SLEEP: puts the calling thread to sleep.
  std::function<void(int64_t duration_ns)> sleep_ns;
  // Ends the server: gracefully (replies on their way still leave) or at once.
  std::function<void(bool at_once)> stop;
};

// Settings as all workers will see them: one authoritative copy, exchanged as a whole.
class ConfigStore {
 public:
  explicit ConfigStore(Config initial) : current_(std::make_shared<const Config>(initial)) {}

  std::shared_ptr<const Config> current() const {
    std::lock_guard guard(mutex_);
    return current_;
  }
  // Calls `change(copy)`; if it returns no error, the copy becomes current. Any thread.
  std::optional<std::string> update(
      const std::function<std::optional<std::string>(Config&)>& change);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Config> current_;
};

// CLIENT PAUSE as all workers will see it. Workers hear of changes in different orders, so they are
// told to look here rather than what to do. Any thread.
class PauseStore {
 public:
  struct Pause {
    PauseMode mode = PauseMode::none;
    int64_t until_unix_ms = 0;
  };

  Pause current() const {
    std::lock_guard guard(mutex_);
    return current_;
  }
  // A second pause neither weakens nor shortens one that lasts.
  void begin(Pause wanted, int64_t now_unix_ms) {
    std::lock_guard guard(mutex_);
    if (current_.until_unix_ms <= now_unix_ms) current_ = {};
    current_.mode = std::max(current_.mode, wanted.mode);
    current_.until_unix_ms = std::max(current_.until_unix_ms, wanted.until_unix_ms);
  }
  void end() {
    std::lock_guard guard(mutex_);
    current_ = {};
  }

 private:
  mutable std::mutex mutex_;
  Pause current_;
};

// For commands about the client itself.
class SessionContext {
 public:
  SessionContext(Session& session, const Config& config, const CommandTable& commands,
                 CommandEnvironment& environment)
      : session_(&session), config_(&config), commands_(&commands), environment_(&environment) {}

  Session& session() { return *session_; }
  const Config& config() const { return *config_; }
  const CommandTable& commands() const { return *commands_; }
  int64_t now_ms() const { return environment_->now_ms; }
  int64_t now_us() const { return environment_->now_us; }
  Subscriptions& subscriptions() { return *environment_->subscriptions; }
  // Sends a message (ChannelRegistry::publish()); subscribers have it after this command.
  size_t publish(TopicKind kind, std::string_view channel, std::string_view payload);

 private:
  Session* session_;
  const Config* config_;
  const CommandTable* commands_;
  CommandEnvironment* environment_;
};

// For commands about the node: what the handler may look at while it makes its task.
class NodeContext {
 public:
  NodeContext(Session& session, const Config& config, const CommandTable& commands,
              const NodeFacts& facts, unsigned worker_count, int64_t now_ms)
      : session_(&session),
        config_(&config),
        commands_(&commands),
        facts_(&facts),
        worker_count_(worker_count),
        now_ms_(now_ms) {}

  Session& session() { return *session_; }
  const Config& config() const { return *config_; }
  const CommandTable& commands() const { return *commands_; }
  const NodeFacts& facts() const { return *facts_; }
  unsigned worker_count() const { return worker_count_; }
  int64_t now_ms() const { return now_ms_; }

 private:
  Session* session_;
  const Config* config_;
  const CommandTable* commands_;
  const NodeFacts* facts_;
  unsigned worker_count_;
  int64_t now_ms_;
};

class TrackingTable;

// For commands that run scripts or handle them. The engine is the caller's, and everything happens
// on its fiber: so it may stop, and what was in the connection's buffers may be gone then.
// Arguments hold until the script begins.
class ScriptContext {
 public:
  ScriptContext(ScriptEngine& engine, ScriptHost& host, bool out_of_memory)
      : engine_(&engine), host_(&host), out_of_memory_(out_of_memory) {}

  ScriptEngine& engine() { return *engine_; }
  ScriptHost& host() { return *host_; }
  // Commands that need memory would be refused now.
  bool out_of_memory() const { return out_of_memory_; }

 private:
  ScriptEngine* engine_;
  ScriptHost* host_;
  bool out_of_memory_;
};

// What finish() may do.
struct FinishContext {
  Session& session;
  KeyContext* keys;  // all shards are locked; null unless the row's plan says all_shards
  ConfigStore& config_store;
  PauseStore& pause_store;
  SlowLog& slow_log;
  LatencyHistory& latency_history;
  TrackingTable& tracking;
  unsigned worker;  // the one that runs it
  ScriptEngine& scripts;
  const NodeServices& services;
  const NodeFacts& facts;
  const CommandTable& commands;
  uint64_t effect_offset;
  int64_t now_ms;
  bool inside_exec;
  // Ask for apply() on every worker before the reply leaves.
  bool apply_everywhere = false;
};

}  // namespace larder::server
