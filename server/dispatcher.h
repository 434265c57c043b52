// Dispatcher: from a request to its reply. The only place, with the expiry duty, that takes shard
// locks.
//
//   request -> row, arity, authentication -> queue in a transaction, or
//           -> gather (node-wide commands) -> lock shards -> handler -> effects -> unlock
//
// A request that cannot run now has changed nothing: the caller keeps its bytes and tries the very
// same request again later.
//
// Thread: one worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/reply.h"
#include "protocol/request_parser.h"
#include "server/command_table.h"
#include "server/command_timer.h"
#include "server/contexts.h"
#include "server/evictor.h"
#include "server/key_context.h"
#include "server/monitor_feed.h"
#include "server/pubsub/subscriptions.h"
#include "server/session.h"
#include "server/stats.h"

namespace larder::server {

class Node;
class ScriptRun;
class Waiter;

enum class Outcome : uint8_t {
  done,       // answered (or deliberately not)
  parked,     // a shard stayed taken: try again soon
  suspended,  // a script needs longer: see resume_script(). The request's bytes are not needed
  paused,     // CLIENT PAUSE: try again when it ends
  gathering,  // session.gathered holds tasks every worker must visit first: then try again
  waiting,    // session.waiter waits for a key: the answer comes when it is served
  applying,   // answered, but session.to_apply must reach every worker before the reply leaves
};

// One request of a batch, after its row was found.
struct Request {
  const Command* command = nullptr;  // null: unknown, or arity not yet known to fit
  protocol::Arguments arguments;
  Key first_key;  // hashed ahead for prefetching; valid if has_first_key
  bool has_first_key = false;
  storage::ItemRef guess;  // what prefetch_region() took for its entry
};

class Dispatcher {
 public:
  Dispatcher(Node& node, unsigned worker_index, uint64_t random_seed);
  ~Dispatcher();

  // Finds the row and hashes the first key of a request. The rest happens in run().
  // For a batch of requests, what leads to their entries in `database` is fetched in four stages,
  // each over the whole batch: prepare() asks for the directory words, then the buckets, then where
  // the entries' regions are, then the entries themselves.
  void prepare(Request& request, unsigned database);
  void prefetch_bucket(const Request& request, unsigned database) const;
  void prefetch_region(Request& request, unsigned database) const;
  void prefetch_entry(const Request& request, unsigned database) const;

  [[nodiscard]] Outcome run(Session& session, const Request& request, protocol::Reply& reply);

  // Is there a script that has paused? Then resume_script() is to be called each turn, with the
  // monotonic time of the turn, until it says that the script has ended; then take_script_reply(),
  // which answers as run() would have.
  bool has_paused_script() const;
  bool has_paused_script_of(const Session& session) const;
  [[nodiscard]] bool resume_script(int64_t now_ns);
  [[nodiscard]] Outcome take_script_reply(protocol::Reply& reply);
  // Serves those who wait for keys that expired or were evicted since the last time, as far as
  // their shards are free.
  void serve_lost();
  bool has_lost() const { return !environment_.lost.empty(); }
  // Ends it unfinished, because the worker ends.
  void end_script();

  // The client is gone or starts over: gives its watches back. False: a shard is taken, try again.
  [[nodiscard]] bool release_watches(Session& session);
  // Who waited and has been served since the last time this was asked: their workers must be told.
  std::vector<std::shared_ptr<Waiter>>& served() { return served_; }
  // A waiter that is not to be served any more goes out of the tables. False: a shard is taken, try
  // again.
  [[nodiscard]] bool forget_waiter(const Waiter& waiter);
  // The client is gone while its request waited: returns what the request may hold.
  void abandon(Session& session);

  CommandEnvironment& environment() { return environment_; }
  const CommandEnvironment& environment() const { return environment_; }
  WorkerStats& stats() { return stats_; }
  CommandTimer& timer() { return timer_; }
  // Does any client of the node monitor? Then what runs goes to monitor_feed().
  void set_monitored(bool monitored) {
    monitored_ = monitored;
    environment_.attention = environment_.attention || monitored;
  }
  bool monitored() const { return monitored_; }
  MonitorFeed& monitor_feed() { return monitor_feed_; }
  Subscriptions& subscriptions() { return subscriptions_; }
  const Config& config() const { return *config_; }
  void use_config(std::shared_ptr<const Config> config);
  // To be called when the environment's time has changed: stamps of hits follow.
  void pass_time();
  void set_pause(PauseMode mode) {
    pause_ = mode;
    weigh_requests();
  }
  // Looks at what other workers say of the node: once a turn, before requests run.
  void begin_turn();
  // Does a script run for so long that others are refused? Beside each turn, looked up by who runs
  // one.
  void look_for_busy_script();
  // Does any client of the node track? Then changes of keys are told.
  void look_at_tracking();
  // Letters that have to be handed out before the reply of the request that just ran is complete,
  // and whether some were lost.
  std::vector<Letter>& earlier_letters() { return earlier_; }
  bool& earlier_lost() { return earlier_lost_; }
  // A slice of what eviction has to catch up with; true if there is more.
  [[nodiscard]] bool evict_slice();

 private:
  // Is there anything that requests have to be held back or refused for?
  void weigh_requests() {
    holds_back_ = is_congested_ || is_busy_ || pause_ != PauseMode::none;
  }
  friend class ScriptRun;

  Outcome refuse(Session& session, const Command* command, std::string_view error,
                 protocol::Reply& reply);
  Outcome refuse_unknown(Session& session, protocol::Arguments arguments, protocol::Reply& reply);
  Outcome queue(Session& session, const Request& request, protocol::Reply& reply);
  bool is_paused(const Session& session, const Command& command) const;
  bool is_held_back(const Session& session, const Command& command) const;
  // Whether hits of this command count for eviction.
  void set_touch(const Session& session, const CommandRow& row);
  bool needs_memory(const Session& session, const CommandRow& row) const;
  // Not even what has begun may take more.
  bool is_far_over_limit() const;

  Outcome run_keys(Session& session, const Request& request, protocol::Reply& reply);
  Outcome run_session(Session& session, const Request& request, protocol::Reply& reply);
  Outcome run_node(Session& session, const Request& request, protocol::Reply& reply);
  Outcome run_exec(Session& session, const Request& request, protocol::Reply& reply);
  Outcome run_wide(Session& session, const Request& request, protocol::Reply& reply);
  Outcome run_script(Session& session, const Request& request, protocol::Reply& reply);

  void finish_task(NodeTask& task, Session& session, KeyContext* keys, bool inside_exec,
                   protocol::Reply& reply);
  std::shared_ptr<NodeTask> make_task(Session& session, const Command& command,
                                      protocol::Arguments arguments, protocol::Reply& reply);

  bool gather_for_exec(Session& session);
  // EXEC, with the locks of all its shards.
  void run_transaction(Session& session, const Transaction& transaction, const ShardSet& locked,
                       protocol::Reply& reply);
  // The last part of run_script() and EXEC with scripts.
  Outcome start_script(Session& session, const Request& request, const ShardSet& locked,
                       std::unique_ptr<Transaction> transaction, protocol::Reply& reply);
  // Takes the token, if there is room for what the script may write.
  [[nodiscard]] bool take_script_token();
  void run_node_for_script(Session& session, const Command& command, protocol::Arguments arguments,
                           KeyContext& keys, protocol::Reply& reply);
  bool watches_hold(Session& session);
  void run_queue(Session& session, const Transaction& transaction, const ShardSet& locked,
                 protocol::Reply& reply);

  // dispatcher_waiting.cc
  void begin_waiting(Session& session, const Request& request, KeyContext& context);
  void take_out(const Waiter& waiter);
  ShardSet missing_for_waiters(std::span<const Key> keys, const ShardSet& locked);
  // Locks `shards`, and adds and locks what serving those who wait for `keys` needs; all or none.
  bool lock_with_waiters(ShardSet& shards, std::span<const Key> keys);
  void serve_waiters(const ShardSet& locked);
  void serve_waiters_of(const ReadyKey& ready, const ShardSet& locked);

  // Fills keys_ with the command's keys, and `shards` with theirs.
  void extract_keys(const CommandRow& row, protocol::Arguments arguments, ShardSet& shards);
  void forget_keys();
  void begin(const ShardSet& shards);
  void settle(const ShardSet& shards);
  bool lock_all(Session& session);
  void unlock_all(Session& session);
  void commit_effects(bool together, uint64_t writer);
  // A command of a client that tracks ran: which keys it read. Views; they hold until the next.
  void note_reads(const Session& session, const CommandRow& row, std::span<const Key> keys);
  // All its keys are noted, their shards still locked, its effects not committed yet.
  void finish_reads(const Session& session);
  void count_reply(const Command& command, protocol::Reply& reply, size_t begin);
  void note_time(Session& session, const Command& command, protocol::Arguments arguments,
                 int64_t begin_ns);
  void show_monitors(const Session& session, const CommandRow& row, protocol::Arguments arguments);
  uint64_t ticket_name(const Session& session) const { return session.id; }

  Node& node_;
  unsigned worker_index_;
  std::shared_ptr<const Config> config_;
  WorkerStats stats_;
  CommandTimer timer_;
  MonitorFeed monitor_feed_;
  Subscriptions subscriptions_;
  bool monitored_ = false;
  EffectBatch batch_;
  MemoryShare memory_;
  RankShare ranks_;
  CommandEnvironment environment_;
  Evictor evictor_;
  bool has_memory_limit_ = false;
  bool keeps_ranks_ = false;  // the policy in force
  int64_t last_second_ = 0;   // what pass_time() last told
  PauseMode pause_ = PauseMode::none;
  bool is_congested_ = false;
  bool holds_back_ = false;  // some commands have to wait, or are refused
  uint32_t published_events_ = 0;        // as settings have it
  std::vector<Key> reads_;               // of the running command, if its client tracks
  std::vector<Letter> earlier_;
  bool earlier_lost_ = false;
  std::vector<std::shared_ptr<Waiter>> served_;
  bool is_busy_ = false;  // a script is in the way
  bool no_room_for_script_ = false;
  bool error_is_counted_ = false;  // that of the script whose reply is counted next
  std::unique_ptr<ScriptRun> script_;  // made when the first script comes
  // Scratch of more is given back: one giant command must not cost its memory for ever.
  static constexpr size_t kMostKeptKeys = 16 << 10;
  std::vector<Key> keys_;                // scratch of extract_keys()
  const Command* last_found_ = nullptr;  // what prepare() found last, if it has no subcommands
  std::string last_name_;                // and as what it was asked for
};

}  // namespace larder::server
