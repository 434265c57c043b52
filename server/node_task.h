// NodeTask: a command that concerns the whole node, in three steps.
//
//   visit(view)   on every worker, in its own thread, all at the same time: look, do not change.
//   finish(...)   on the asking worker, in the command's place (inside EXEC, too): decide, answer.
//   apply(view)   on every worker, only if finish() asked for it: change what finish() decided. The
//                 reply leaves when all have.
//
// The workers hand the task around by mail; the asking connection is parked meanwhile. `results`
// that visit() gathers belong in one slot per worker, so that nobody locks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "server/session.h"

namespace larder::config {
struct Config;
}

namespace larder::server {

struct WorkerStats;
class KeyContext;
class Waiter;

// What one connection looks like from outside (CLIENT LIST).
struct ConnectionFacts {
  int64_t created_unix_ms;
  int64_t last_interaction_unix_ms;
  std::string_view peer;
  std::string_view local;
  bool is_unix_socket;
  bool closing;        // its last reply is on the way
  bool paused;         // CLIENT PAUSE holds one of its commands back
  bool waiting;        // for a key
  int handle;          // file descriptor
  size_t input_bytes;  // kept, unread or unfinished requests
  size_t input_capacity;
  size_t output_bytes;  // replies not yet taken by the kernel
  size_t output_capacity;
  size_t total_bytes;  // of process memory
};

enum class PauseMode : uint8_t { none, writes, all };

// One worker, as a task sees it.
class WorkerView {
 public:
  virtual ~WorkerView() = default;
  virtual unsigned index() const = 0;
  virtual WorkerStats& stats() = 0;
  virtual void for_each_client(
      const std::function<void(const Session&, const ConnectionFacts&)>& visit) = 0;

  // For apply() only.
  // Ascending; unknown ids are ignored.
  virtual void close_clients(std::span<const uint64_t> session_ids) = 0;
  // A waiter that was claimed as over: its client is answered as if its time were over, or by this
  // error.
  virtual void end_wait(const std::shared_ptr<Waiter>& waiter, std::string_view error) = 0;
  virtual void use_config(std::shared_ptr<const config::Config> config) = 0;
  virtual void pause_clients(PauseMode mode, int64_t until_unix_ms) = 0;  // none: go on
  // Some client has begun to monitor, maybe one of this worker's.
  virtual void notice_monitors() = 0;
  // Some client has begun to track the keys it reads.
  virtual void notice_tracking() = 0;
  // Are keys removed after their time without anybody looking at them?
  virtual void set_active_expiry(bool on) = 0;

  // For visit() of DEBUG SLEEP.
  virtual void sleep_ns(int64_t duration_ns) = 0;
};

struct FinishContext;

class NodeTask : public std::enable_shared_from_this<NodeTask> {
 public:
  virtual ~NodeTask() = default;
  // Must visit() run before finish()? A task that only changes something skips it.
  virtual bool gathers() const { return true; }
  virtual void visit(WorkerView&) {}
  virtual void finish(FinishContext& context, protocol::Reply& reply) = 0;
  virtual void apply(WorkerView&) {}
};

}  // namespace larder::server
