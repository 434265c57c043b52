// ScriptRun: one EVAL, or one EXEC with scripts in it, from its first lock to its last.
//
// It holds the node's script token, so it is the only one of its kind. Declared keys are locked
// beforehand, like any command's; every other key is locked when the script comes to it. Whoever
// else holds a shard waits for nothing while holding it, so that shard becomes free: the script
// pauses until it is, its worker goes on meanwhile. Nobody restarts, and there is no deadlock. All
// locks are kept to the end, so what others see is all of the script or nothing.
//
// A run that has paused belongs to its worker, which resumes it once per turn. It has an effect
// batch, reply buffers and a time (frozen at its beginning) of its own, so that the worker's other
// clients do not mix with it.
//
// Thread: its worker's. Most of it runs on the engine's fiber.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "server/effects.h"
#include "server/key_context.h"
#include "server/scripting/host.h"
#include "server/session.h"
#include "server/shard_set.h"

namespace larder::server {

class Dispatcher;
struct Command;
struct CommandRow;

class ScriptRun final : public ScriptHost {
 public:
  explicit ScriptRun(Dispatcher& dispatcher) : dispatcher_(dispatcher) {}

  // Runs the command on the fiber. REQUIRES: the token and `held` are held. True if it has ended,
  // false if it has paused: then resume() goes on.
  [[nodiscard]] bool start(Session& session, const Command& command, protocol::Arguments arguments,
                           const ShardSet& held, bool out_of_memory);
  [[nodiscard]] bool resume();
  // Commits what it did, and gives all locks and the token back. REQUIRES: it has ended.
  void finish();
  // Its reply, once it has finished, goes to the end of another buffer.
  void move_output(protocol::ReplyBuffer& to);

  bool is_paused() const { return paused_; }
  Session* session() const { return session_; }
  // What the run was asked for, copied when it paused; until it is forgotten.
  const QueuedCommand& request() const { return *request_; }
  void forget_request() { request_.reset(); }
  int64_t begin_ns = 0;    // CommandTimer's
  int64_t paused_ns = -1;  // monotonic, when it was first resumed; < 0: it was not

  // For EXEC, on the fiber.
  std::unique_ptr<Transaction> transaction;
  const ShardSet& held() const { return held_; }
  bool out_of_memory() const { return out_of_memory_; }

  // ScriptHost.
  void begin_script(ScriptRights rights) override;
  std::string_view call(protocol::Arguments words, protocol::Dialect dialect) override;
  void set_replicates(bool replicates) override { replicates_ = replicates; }
  void log(ScriptLogLevel level, std::string_view text) override;
  void note_counted_error() override;
  uint64_t random() override;
  int64_t clock_ns() override;

 private:
  static void enter(void* self);
  void run_whole();
  void serve_waiters();
  template <typename Switch>
  bool on_fiber(Switch&& switch_in);
  // The error that a call of the command is answered with, if any.
  std::string_view refusal(const Command* command, protocol::Arguments words) const;
  void settle(const CommandRow& row);
  // What it reads is remembered for a client that tracks. False: that is more than can be.
  [[nodiscard]] bool note_reads(const CommandRow& row);
  void run_command(const Command& command, protocol::Arguments words, protocol::Reply& reply);
  [[nodiscard]] bool lock(unsigned shard);
  [[nodiscard]] bool lock_for(const CommandRow& row, protocol::Arguments words);
  std::string_view flattened();

  Dispatcher& dispatcher_;
  Session* session_ = nullptr;
  const Command* command_ = nullptr;
  protocol::Arguments arguments_;  // valid until the first pause
  std::optional<QueuedCommand> request_;
  bool paused_ = false;
  bool out_of_memory_ = false;
  ShardSet held_;
  EffectBatch batch_;
  // Of the worker's, while it does not run.
  std::vector<ReadyKey> ready_;
  std::vector<Key> reads_;
  bool inside_exec_ = false;
  int64_t now_us_ = 0;
  protocol::ReplyBuffer output_;

  // Of the script that runs.
  Session inner_;  // as which it runs commands
  ScriptRights rights_;
  bool has_written_ = false;
  bool replicates_ = true;
  std::vector<Key> keys_;
  std::set<std::string> read_keys_;  // if its client tracks: what reads_ may refer to
  protocol::ReplyBuffer reply_;
  std::string flat_;  // a reply some of which lies elsewhere
  std::vector<protocol::ReplyBuffer::Piece> pieces_;
};

}  // namespace larder::server
