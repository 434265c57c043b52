#include "server/dispatcher.h"

#include <algorithm>
#include <utility>

#include "server/expiry_duty.h"
#include "server/key_arguments.h"
#include "server/node.h"
#include "server/script_run.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

// How much of a request an error may repeat, so that a client cannot have megabytes echoed.
constexpr size_t kMaxEchoedBytes = 128;

bool is_exec(const CommandRow& row) { return row.handler.reach() == Handler::Reach::exec; }

std::string_view echoed(std::string_view text) { return text.substr(0, kMaxEchoedBytes); }

}  // namespace

Dispatcher::Dispatcher(Node& node, unsigned worker_index, uint64_t random_seed)
    : node_(node),
      worker_index_(worker_index),
      stats_(node.commands().size()),
      timer_(node, random_seed),
      subscriptions_(node.channels(), node.keyspace().hasher(), worker_index),
      memory_(node.memory()),
      ranks_(node.keyspace().board()),
      evictor_(environment_) {
  environment_.keyspace = &node.keyspace();
  environment_.effect_log = &node.effect_log();
  environment_.batch = &batch_;
  environment_.stats = &stats_;
  environment_.subscriptions = &subscriptions_;
  environment_.tracking = &node.tracking();
  environment_.memory = &memory_;
  environment_.ranks = &ranks_;
  environment_.random_state[0] = random_seed * 0x9E3779B97F4A7C15ULL + 1;
  environment_.random_state[1] = random_seed ^ 0xD1B54A32D192ED03ULL;
  use_config(node.config_store().current());
}

Dispatcher::~Dispatcher() {
  end_script();
}

void Dispatcher::use_config(std::shared_ptr<const Config> config) {
  config_ = std::move(config);
  timer_.use_config(*config_);
  environment_.max_string_bytes = config_->proto_max_bulk_bytes;
  environment_.max_watched_bytes = config_->query_buffer_limit_bytes;
  environment_.list_limit = config_->list_max_listpack_size;
  environment_.hash_limits = {.fields = config_->hash_max_listpack_entries,
                              .bytes = config_->hash_max_listpack_value};
  environment_.set_limits = {.ints = config_->set_max_intset_entries,
                             .members = config_->set_max_listpack_entries,
                             .bytes = config_->set_max_listpack_value};
  environment_.sparse_limit = config_->hll_sparse_max_bytes;
  environment_.sorted_set_limits = {.members = config_->zset_max_listpack_entries,
                                    .bytes = config_->zset_max_listpack_value};
  environment_.stream_limits = {.bytes = config_->stream_node_max_bytes,
                                .entries = config_->stream_node_max_entries};
  environment_.databases = config_->databases;
  constexpr uint32_t kForms = config::kEventsByKey | config::kEventsByEvent;
  const uint32_t events = config_->notify_keyspace_events;
  published_events_ = (events & kForms) != 0 ? events : 0;
  node_.tracking().limit_keys(static_cast<size_t>(config_->tracking_table_max_keys));
  look_at_tracking();
  environment_.password_required = !config_->requirepass.empty();
  node_.memory().set_limit(config_->maxmemory_bytes);
  memory_.renew();
  has_memory_limit_ = config_->maxmemory_bytes != 0;
  node_.keyspace().board().use_policy(config_->maxmemory_policy);
  keeps_ranks_ = node_.keyspace().board().policy().keeps_ranks();
}

void Dispatcher::pass_time() {
  const int64_t now_s = environment_.now_ms / 1000;
  if (!keeps_ranks_ || now_s == last_second_) return;
  last_second_ = now_s;
  node_.keyspace().board().pass_second(now_s);
  ranks_.renew();
}

bool Dispatcher::evict_slice() {
  if (keeps_ranks_) ranks_.renew();
  return (has_memory_limit_ || node_.keyspace().board().is_converting()) && evictor_.run_slice();
}

void Dispatcher::prepare(Request& request, unsigned database) {
  request.has_first_key = false;
  // Most requests are of the same command as the one before.
  if (last_found_ != nullptr && request.arguments[0] == last_name_) {
    request.command = last_found_;
  } else {
    request.command = node_.commands().find(request.arguments);
    if (request.command == nullptr) return;
    if (request.command->row->subcommands.empty() && request.command->parent == nullptr) {
      last_found_ = request.command;
      last_name_ = request.arguments[0];
    }
  }
  const CommandRow& row = *request.command->row;
  if (row.locks != LockPlan::keys || !row.accepts(request.arguments.size())) return;
  const std::string_view key = request.arguments[static_cast<size_t>(row.keys.first)];
  request.first_key = {key, node_.keyspace().hasher()(key)};
  request.has_first_key = true;
  node_.keyspace().prefetch(request.first_key.shard());
  node_.keyspace().shard(request.first_key.shard()).prefetch_directory(database,
                                                                       request.first_key.hash);
}

void Dispatcher::prefetch_bucket(const Request& request, unsigned database) const {
  if (!request.has_first_key) return;
  node_.keyspace().shard(request.first_key.shard()).prefetch_bucket(database,
                                                                    request.first_key.hash);
}

void Dispatcher::prefetch_region(Request& request, unsigned database) const {
  if (!request.has_first_key) return;
  const Key& key = request.first_key;
  request.guess = node_.keyspace().shard(key.shard()).prefetch_region(database, key.hash);
}

void Dispatcher::prefetch_entry(const Request& request, unsigned database) const {
  if (!request.has_first_key) return;
  // A write is likely to overwrite a value of about the size of the new one.
  const bool writes = request.command->row->has_flag(kWrite);
  const std::string_view last = request.arguments.back();
  const size_t bytes =
      writes ? static_cast<size_t>(last.data() + last.size() - request.first_key.text.data()) : 0;
  node_.keyspace().shard(request.first_key.shard()).prefetch_item(database, request.guess, bytes);
}

// ---- refusing and queueing ---------------------------------------------------------------------

Outcome Dispatcher::refuse(Session& session, const Command* command, std::string_view error,
                           Reply& reply) {
  if (session.tracking != nullptr && !session.in_transaction()) session.tracking->caching = false;
  const bool ends_transaction = command != nullptr && is_exec(*command->row);
  if (ends_transaction) {
    // A refused EXEC ends the transaction and its watches.
    if (!release_watches(session)) return Outcome::parked;
    session.transaction.reset();
  } else if (session.in_transaction()) {
    session.transaction->refused = true;
  }
  if (command != nullptr) ++stats_.commands[command->index].rejected;
  if (!ends_transaction) {
    stats_.count_error(error);
    reply.error(error);
    return Outcome::done;
  }
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  const std::string text = "EXECABORT Transaction discarded because of: " + std::string(error);
  stats_.count_error(text);
  reply.error(text);
  return Outcome::done;
}

Outcome Dispatcher::refuse_unknown(Session& session, Arguments arguments, Reply& reply) {
  // What a browser or another web client sends: close before a later line can be taken for a
  // command.
  if (text::equals_ignoring_case(arguments[0], "post") ||
      text::equals_ignoring_case(arguments[0], "host:")) {
    session.close_after_reply = true;
    return Outcome::done;
  }
  std::string error = "ERR unknown command '";
  error += echoed(arguments[0]);
  error += "', with args beginning with: ";
  size_t echoed_bytes = 0;
  for (size_t i = 1; i < arguments.size() && echoed_bytes < kMaxEchoedBytes; ++i) {
    const std::string_view argument = arguments[i].substr(0, kMaxEchoedBytes - echoed_bytes);
    error += "'";
    error += argument;
    error += "' ";
    echoed_bytes += argument.size() + 3;
  }
  return refuse(session, nullptr, error, reply);
}

Outcome Dispatcher::queue(Session& session, const Request& request, Reply& reply) {
  const Command& command = *request.command;
  if (command.row->has_flag(kNoMulti)) {
    return refuse(session, &command, "ERR Command not allowed inside a transaction", reply);
  }
  Transaction& transaction = *session.transaction;
  transaction.queue.emplace_back(command, request.arguments);
  transaction.bytes += transaction.queue.back().bytes();
  if (transaction.bytes > config_->query_buffer_limit_bytes) {
    transaction.queue.clear();
    transaction.bytes = 0;
    return refuse(session, &command, "ERR transaction exceeds client-query-buffer-limit", reply);
  }
  reply.simple("QUEUED");
  return Outcome::done;
}

bool Dispatcher::is_far_over_limit() const {
  return has_memory_limit_ && environment_.expiry == ExpiryMode::remove &&
         environment_.memory->is_far_over_limit();
}

bool Dispatcher::is_paused(const Session& session, const Command& command) const {
  const auto may_write = [](const CommandRow& row) {
    return row.has_flag(kWrite) ||
           (row.locks == LockPlan::script && !row.has_flag(kReadonly));
  };
  if (pause_ == PauseMode::all) return true;
  if (may_write(*command.row)) return true;
  if (command.row->handler.reach() != Handler::Reach::exec || !session.in_transaction()) {
    return false;
  }
  return std::any_of(session.transaction->queue.begin(), session.transaction->queue.end(),
                     [&](const QueuedCommand& queued) {
                       return may_write(*queued.command().row);
                     });
}

void Dispatcher::begin_turn() {
  set_monitored(node_.monitor_count().load(std::memory_order_acquire) > 0);
  look_at_tracking();
  is_congested_ = node_.channels().is_congested();
  look_for_busy_script();
}

// Must it wait: for the end of a pause, or for workers that are behind with what was published?
bool Dispatcher::is_held_back(const Session& session, const Command& command) const {
  if (pause_ != PauseMode::none && is_paused(session, command)) return true;
  if (!is_congested_) return false;
  const CommandRow& row = *command.row;
  if (is_exec(row)) return true;
  if (session.in_transaction()) return false;  // it is only queued
  const bool publishes = row.has_flag(kPubSub) && !row.has_flag(kSubscriberMode);
  const bool is_script = row.locks == LockPlan::script;
  return publishes || is_script || row.has_flag(kWrite);
}

void Dispatcher::set_touch(const Session& session, const CommandRow& row) {
  environment_.touch = keeps_ranks_ && (!session.no_touch || row.name == "touch");
}

// Does it have to have room before it may begin? Only where there is a limit.
bool Dispatcher::needs_memory(const Session& session, const CommandRow& row) const {
  if (row.has_flag(kDenyOom)) return true;
  if (!session.in_transaction()) return false;
  if (is_exec(row)) {
    return std::any_of(session.transaction->queue.begin(), session.transaction->queue.end(),
                       [](const QueuedCommand& queued) {
                         return queued.command().row->has_flag(kDenyOom);
                       });
  }
  // Whatever it is, queueing it takes memory; only what ends the transaction does not.
  return row.name != "discard" && row.name != "quit" && row.name != "reset";
}

// ---- running -----------------------------------------------------------------------------------

Outcome Dispatcher::run(Session& session, const Request& request, Reply& reply) {
  const Command* command = request.command;
  if (command == nullptr) return refuse_unknown(session, request.arguments, reply);
  const CommandRow& row = *command->row;
  const bool is_container = row.handler.reach() == Handler::Reach::none;
  if (!row.subcommands.empty() && request.arguments.size() >= 2) {
    std::string error = "ERR unknown subcommand '";
    error += echoed(request.arguments[1]);
    error += "'. Try " + text::uppered(row.name) + " HELP.";
    return refuse(session, command, error, reply);
  }
  if (is_container || !row.accepts(request.arguments.size())) [[unlikely]] {
    return refuse(session, command,
                  "ERR wrong number of arguments for '" + command->full_name + "' command", reply);
  }
  if (!session.authenticated && !row.has_flag(kNoAuth)) [[unlikely]] {
    return refuse(session, command, "NOAUTH Authentication required.", reply);
  }
  if (has_memory_limit_ && environment_.expiry == ExpiryMode::remove && needs_memory(session, row))
      [[unlikely]] {
    const Room room = evictor_.make_room();
    if (room == Room::none) return refuse(session, command, kOutOfMemory, reply);
    if (room == Room::later && !(session.in_transaction() && !is_exec(row))) {
      // As with a pause below.
      node_.keyspace().return_exclusive_ticket(ticket_name(session));
      ++stats_.parked_commands;
      return Outcome::parked;
    }
  }
  if (session.is_special()) [[unlikely]] {
    // What others tell a client that tracks has its place before or behind the reply.
    if (session.tracking != nullptr) environment_.attention = true;
    if (session.is_in_subscriber_mode() && !row.has_flag(kSubscriberMode)) {
      return refuse(session, command,
                    "ERR Can't execute '" + command->full_name +
                        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                        "allowed in this context",
                    reply);
    }
    if (session.monitoring && (row.flags & (kWrite | kReadonly)) != 0) {
      return refuse(session, command, "ERR Replica can't interact with the keyspace", reply);
    }
  }
  if (holds_back_) [[unlikely]] {
    if (is_busy_ && !row.has_flag(kAllowBusy)) {
      abandon(session);  // what it got before it was parked
      return refuse(session, command, ScriptEngine::kBusyError, reply);
    }
    if (is_held_back(session, *command)) {
      // A ticket that it holds since it was parked would keep all others waiting as long.
      node_.keyspace().return_exclusive_ticket(ticket_name(session));
      if (pause_ != PauseMode::none && is_paused(session, *command)) return Outcome::paused;
      ++stats_.parked_commands;
      return Outcome::parked;
    }
  }
  session.last_command = command;
  if (session.in_transaction() && !row.has_flag(kTransactionControl)) [[unlikely]] {
    return queue(session, request, reply);
  }

  const bool is_timed = timer_.is_due(stats_.commands[command->index], request.arguments);
  const int64_t begin_ns = is_timed ? timer_.now_ns() : 0;
  set_touch(session, row);
  const size_t begin = reply.buffer().view().size();
  Outcome outcome = Outcome::done;
  switch (row.handler.reach()) {
    case Handler::Reach::keys:
    case Handler::Reach::keys_and_session:
      outcome = run_keys(session, request, reply);
      break;
    case Handler::Reach::session:
      outcome = run_session(session, request, reply);
      break;
    case Handler::Reach::node:
      outcome = run_node(session, request, reply);
      break;
    case Handler::Reach::script:
      outcome = run_script(session, request, reply);
      break;
    case Handler::Reach::exec:
      outcome = run_exec(session, request, reply);
      break;
    case Handler::Reach::none:
      break;
  }
  if (outcome == Outcome::done || outcome == Outcome::applying || outcome == Outcome::waiting) {
    count_reply(*command, reply, begin);
    if (is_timed) [[unlikely]] {
      note_time(session, *command, request.arguments, begin_ns);
    } else {
      --stats_.commands[command->index].untimed_left;
    }
    if (monitored_) [[unlikely]]
      show_monitors(session, row, request.arguments);
  } else if (outcome == Outcome::parked) {
    ++stats_.parked_commands;
  } else if (outcome == Outcome::suspended) {
    script_->begin_ns = begin_ns;
  }
  return outcome;
}

void Dispatcher::count_reply(const Command& command, Reply& reply, size_t begin) {
  ++stats_.commands_processed;
  CommandStats& counters = stats_.commands[command.index];
  ++counters.calls;
  const std::string_view written = reply.buffer().view();
  if (written.size() > begin && written[begin] == '-') [[unlikely]] {
    ++counters.failed;
    if (std::exchange(error_is_counted_, false)) return;
    stats_.count_error(written.substr(begin + 1, WorkerStats::kMostErrorCodeBytes + 1));
  }
}

void Dispatcher::note_time(Session& session, const Command& command, Arguments arguments,
                           int64_t begin_ns) {
  const int64_t duration_ns = timer_.now_ns() - begin_ns + std::exchange(session.visits_ns, 0);
  timer_.note(session, command, arguments, duration_ns, environment_.now_us, stats_);
}

void Dispatcher::show_monitors(const Session& session, const CommandRow& row, Arguments arguments) {
  // As in Redis: what administrators do is nobody else's business.
  if (row.has_flag(kAdmin) || row.has_flag(kSkipMonitor)) return;
  monitor_feed_.add(session, arguments, environment_.now_us);
}

Outcome Dispatcher::run_session(Session& session, const Request& request, Reply& reply) {
  SessionContext context(session, *config_, node_.commands(), environment_);
  request.command->row->handler.session()(context, request.arguments, reply);
  return Outcome::done;
}

Outcome Dispatcher::run_keys(Session& session, const Request& request, Reply& reply) {
  Keyspace& keyspace = node_.keyspace();
  const CommandRow& row = *request.command->row;
  if (!keyspace.may_start(ticket_name(session))) [[unlikely]] return Outcome::parked;
  if (!request.has_first_key || row.keys.last != row.keys.first) {
    return run_wide(session, request, reply);
  }
  const unsigned shard = request.first_key.shard();
  if (!keyspace.try_lock(shard)) [[unlikely]] return Outcome::parked;
  if (!keyspace.slot(shard).waiters.empty() && row.has_flag(kWrite)) [[unlikely]] {
    keyspace.unlock(shard);
    return run_wide(session, request, reply);
  }
  if (keeps_ranks_) [[unlikely]] environment_.begin(shard);
  KeyContext context(environment_, session.database, {&request.first_key, 1}, request.arguments,
                     nullptr);
  if (row.handler.reach() == Handler::Reach::keys) [[likely]] {
    row.handler.keys()(context, request.arguments, reply);
  } else {
    row.handler.keys_and_session()(context, session, request.arguments, reply);
  }
  if (session.tracking != nullptr) [[unlikely]] {
    note_reads(session, row, {&request.first_key, 1});
    finish_reads(session);
  }
  commit_effects(/*together=*/true, session.id);
  if (row.has_flag(kWrite)) {
    environment_.settle(shard);
    if (keeps_ranks_) [[unlikely]] ranks_.tick();
  }
  keyspace.unlock(shard);
  return Outcome::done;
}

Outcome Dispatcher::run_wide(Session& session, const Request& request, Reply& reply) {
  Keyspace& keyspace = node_.keyspace();
  const CommandRow& row = *request.command->row;
  ShardSet shards;
  keys_.clear();
  const LockPlan plan = lock_plan(row, request.arguments);
  switch (plan) {
    case LockPlan::keys:
      extract_keys(row, request.arguments, shards);
      break;
    case LockPlan::all_shards:
      if (row.locks == LockPlan::patterns) extract_keys(row, request.arguments, shards);
      shards = ShardSet::all();
      break;
    case LockPlan::watched:
      for (const WatchedKey& watched : session.watched) shards.add(storage::shard_of(watched.hash));
      break;
    case LockPlan::nothing:
    case LockPlan::cursor:
    case LockPlan::exec:
    case LockPlan::script:
    case LockPlan::patterns:
      break;
  }
  const bool all = plan == LockPlan::all_shards;
  const bool may_serve = row.has_flag(kWrite) && !keys_.empty();
  const bool locked = all         ? lock_all(session)
                      : may_serve ? lock_with_waiters(shards, keys_)
                                  : keyspace.try_lock(shards);
  if (!locked) return Outcome::parked;
  if (keeps_ranks_) begin(shards);

  const size_t begin = reply.buffer().view().size();
  KeyContext context(environment_, session.database, keys_, request.arguments, &shards);
  if (row.handler.reach() == Handler::Reach::keys) {
    row.handler.keys()(context, request.arguments, reply);
  } else {
    row.handler.keys_and_session()(context, session, request.arguments, reply);
  }
  if (!environment_.ready.empty()) serve_waiters(shards);
  const bool waits = context.wait_request().has_value();
  if (waits) begin_waiting(session, request, context);
  if (session.tracking != nullptr) {
    note_reads(session, row, keys_);
    finish_reads(session);
  }
  commit_effects(/*together=*/true, session.id);
  if (row.has_flag(kWrite)) {
    settle(shards);
    settle(context.extra_locks());
    if (keeps_ranks_) ranks_.tick();
  }
  keyspace.unlock(context.extra_locks());
  if (all) {
    unlock_all(session);
  } else {
    keyspace.unlock(shards);
  }
  forget_keys();
  if (waits) return Outcome::waiting;
  if (!context.parked()) return Outcome::done;
  reply.buffer().truncate(begin);
  return Outcome::parked;
}

void Dispatcher::extract_keys(const CommandRow& row, Arguments arguments, ShardSet& shards) {
  const KeyArguments places = key_arguments(row, arguments);
  for (size_t i = 0; i < places.total(); ++i) {
    const std::string_view key = arguments[places.at(i)];
    keys_.push_back({key, node_.keyspace().hasher()(key)});
    shards.add(keys_.back().shard());
  }
}

void Dispatcher::forget_keys() {
  if (keys_.capacity() > kMostKeptKeys) std::vector<Key>().swap(keys_);
  keys_.clear();
}

void Dispatcher::begin(const ShardSet& shards) {
  shards.for_each([this](unsigned shard) {
    environment_.begin(shard);
    return true;
  });
}

void Dispatcher::settle(const ShardSet& shards) {
  shards.for_each([this](unsigned shard) {
    environment_.settle(shard);
    return true;
  });
}

bool Dispatcher::lock_all(Session& session) {
  Keyspace& keyspace = node_.keyspace();
  return keyspace.take_exclusive_ticket(ticket_name(session)) &&
         keyspace.try_lock(ShardSet::all());
}

void Dispatcher::unlock_all(Session& session) {
  node_.keyspace().unlock(ShardSet::all());
  node_.keyspace().return_exclusive_ticket(ticket_name(session));
}

void Dispatcher::commit_effects(bool together, uint64_t writer) {
  environment_.commit(together, writer);
}

// ---- node-wide commands -------------------------------------------------------------------------

std::shared_ptr<NodeTask> Dispatcher::make_task(Session& session, const Command& command,
                                                Arguments arguments, Reply& reply) {
  NodeContext context(session, *config_, node_.commands(), node_.facts(), node_.worker_count(),
                      environment_.now_ms);
  return command.row->handler.node()(context, arguments, reply);
}

void Dispatcher::finish_task(NodeTask& task, Session& session, KeyContext* keys, bool inside_exec,
                             Reply& reply) {
  FinishContext context{.session = session,
                        .keys = keys,
                        .config_store = node_.config_store(),
                        .pause_store = node_.pause_store(),
                        .slow_log = node_.slow_log(),
                        .latency_history = node_.latency_history(),
                        .tracking = node_.tracking(),
                        .worker = worker_index_,
                        .scripts = node_.scripts(),
                        .services = node_.services(),
                        .facts = node_.facts(),
                        .commands = node_.commands(),
                        .effect_offset = node_.effect_log().end_offset(),
                        .now_ms = environment_.now_ms,
                        .inside_exec = inside_exec};
  task.finish(context, reply);
  if (context.apply_everywhere) session.to_apply.push_back(task.shared_from_this());
}

Outcome Dispatcher::run_node(Session& session, const Request& request, Reply& reply) {
  const CommandRow& row = *request.command->row;
  if (session.gathered.empty()) {
    std::shared_ptr<NodeTask> task =
        make_task(session, *request.command, request.arguments, reply);
    if (task == nullptr) return Outcome::done;
    session.gathered.push_back(task);
    if (task->gathers()) return Outcome::gathering;
  }
  const bool all = row.locks == LockPlan::all_shards;
  if (all && (!node_.keyspace().may_start(ticket_name(session)) || !lock_all(session))) {
    return Outcome::parked;
  }
  const std::shared_ptr<NodeTask> task = std::move(session.gathered.front());
  session.gathered.clear();
  const ShardSet everything = ShardSet::all();
  KeyContext keys(environment_, session.database, {}, request.arguments, &everything);
  finish_task(*task, session, all ? &keys : nullptr, /*inside_exec=*/false, reply);
  if (all) {
    if (!environment_.ready.empty()) serve_waiters(everything);
    commit_effects(/*together=*/true, session.id);
    if (row.has_flag(kWrite)) settle(everything);
    unlock_all(session);
  }
  return session.to_apply.empty() ? Outcome::done : Outcome::applying;
}

// ---- transactions -------------------------------------------------------------------------------

Outcome Dispatcher::run_exec(Session& session, const Request& request, Reply& reply) {
  if (!session.in_transaction()) {
    reply.error("ERR EXEC without MULTI");
    return Outcome::done;
  }
  Transaction& transaction = *session.transaction;
  if (!transaction.refused && session.gathered.empty() && gather_for_exec(session)) {
    return Outcome::gathering;
  }
  ShardSet shards;
  bool all = false;
  bool scripts = false;
  for (const WatchedKey& watched : session.watched) shards.add(storage::shard_of(watched.hash));
  keys_.clear();
  for (const QueuedCommand& queued : transaction.queue) {
    const CommandRow& row = *queued.command().row;
    const LockPlan plan = lock_plan(row, queued.arguments());
    all = all || plan == LockPlan::all_shards || plan == LockPlan::cursor;
    scripts = scripts || row.handler.reach() == Handler::Reach::script;
    if (locks_named_keys(row) || plan == LockPlan::script) {
      extract_keys(row, queued.arguments(), shards);
    }
  }
  if (transaction.refused) all = scripts = false;
  if (!node_.keyspace().may_start(ticket_name(session))) return Outcome::parked;
  if (scripts && !take_script_token()) return Outcome::parked;
  if (!(all ? lock_all(session) : lock_with_waiters(shards, keys_))) {
    if (scripts) node_.scripts().give_back();
    return Outcome::parked;
  }
  if (keeps_ranks_) begin(all ? ShardSet::all() : shards);
  std::unique_ptr<Transaction> running = std::move(session.transaction);
  if (scripts) {
    // It holds all the locks; others may start, and wait for those.
    if (all) node_.keyspace().return_exclusive_ticket(ticket_name(session));
    forget_keys();
    return start_script(session, request, all ? ShardSet::all() : shards, std::move(running),
                        reply);
  }
  run_transaction(session, *running, all ? ShardSet::all() : shards, reply);
  if (!environment_.ready.empty()) serve_waiters(all ? ShardSet::all() : shards);
  if (session.tracking != nullptr) finish_reads(session);
  commit_effects(/*together=*/true, session.id);
  settle(all ? ShardSet::all() : shards);
  if (keeps_ranks_) ranks_.tick();
  if (all) {
    unlock_all(session);
  } else {
    node_.keyspace().unlock(shards);
  }
  forget_keys();
  return session.to_apply.empty() ? Outcome::done : Outcome::applying;
}

void Dispatcher::run_transaction(Session& session, const Transaction& transaction,
                                 const ShardSet& locked, Reply& reply) {
  const bool holds = !transaction.refused && watches_hold(session);
  KeyContext(environment_, session.database, {}, {}, nullptr).unwatch_all(session);
  if (transaction.refused) {
    reply.error("EXECABORT Transaction discarded because of previous errors.");
  } else if (!holds) {
    reply.null_array();
  } else {
    run_queue(session, transaction, locked, reply);
  }
  session.gathered.clear();
}

// Makes the tasks of queued node-wide commands, one for each in order (null where the command will
// answer an error); true if any worker must be visited first.
bool Dispatcher::gather_for_exec(Session& session) {
  bool visits = false;
  protocol::ReplyBuffer ignored;
  Reply discarded(ignored, session.dialect);
  for (const QueuedCommand& queued : session.transaction->queue) {
    if (queued.command().row->handler.reach() != Handler::Reach::node) continue;
    session.gathered.push_back(
        make_task(session, queued.command(), queued.arguments(), discarded));
    visits = visits || (session.gathered.back() != nullptr && session.gathered.back()->gathers());
  }
  return visits;
}

bool Dispatcher::watches_hold(Session& session) {
  bool hold = true;
  KeyContext context(environment_, session.database, {}, {}, nullptr);
  for (const WatchedKey& watched : session.watched) {
    const Key key{watched.key, watched.hash};
    // A deadline that has passed since WATCH is a change too, whether or not it was noticed: this
    // removes the key, or, where nobody may, leaves it overdue.
    const bool exists = static_cast<bool>(context.find_in(watched.database, key));
    const bool is_overdue = context.has_overdue(watched.database, key);
    const ShardSlot& slot = node_.keyspace().slot(key.shard());
    const uint64_t changes =
        slot.watches.version(watched.database, watched.key) - watched.version;
    // What was overdue at WATCH was absent to it, and is so still if it was merely removed.
    const bool merely_removed = watched.was_overdue && changes == 1 && !exists && !is_overdue;
    if (changes != 0 && !merely_removed) hold = false;
    if (is_overdue && !watched.was_overdue) hold = false;
  }
  return hold;
}

void Dispatcher::run_queue(Session& session, const Transaction& transaction, const ShardSet& locked,
                           Reply& reply) {
  reply.array(transaction.queue.size());
  environment_.inside_exec = true;
  auto gathered = session.gathered.begin();
  for (const QueuedCommand& queued : transaction.queue) {
    const CommandRow& row = *queued.command().row;
    const Arguments arguments = queued.arguments();
    const size_t begin = reply.buffer().view().size();
    if (row.has_flag(kDenyOom) && is_far_over_limit()) [[unlikely]] {
      ++stats_.commands[queued.command().index].rejected;
      stats_.count_error(kOutOfMemory);
      reply.error(kOutOfMemory);
      continue;
    }
    ShardSet shards;
    keys_.clear();
    if (locks_named_keys(row)) extract_keys(row, arguments, shards);
    KeyContext keys(environment_, session.database, keys_, arguments, &locked);
    keys.forbid_waiting();
    reply.set_dialect(session.dialect);
    set_touch(session, row);
    const int64_t begin_ns = timer_.now_ns();
    switch (row.handler.reach()) {
      case Handler::Reach::keys:
        row.handler.keys()(keys, arguments, reply);
        break;
      case Handler::Reach::keys_and_session:
        row.handler.keys_and_session()(keys, session, arguments, reply);
        break;
      case Handler::Reach::session: {
        SessionContext context(session, *config_, node_.commands(), environment_);
        row.handler.session()(context, arguments, reply);
        break;
      }
      case Handler::Reach::node: {
        const std::shared_ptr<NodeTask> task =
            session.gathered.empty() ? nullptr : std::move(*gathered++);
        if (task == nullptr) {
          make_task(session, queued.command(), arguments, reply);
        } else {
          finish_task(*task, session, row.locks == LockPlan::all_shards ? &keys : nullptr,
                      /*inside_exec=*/true, reply);
        }
        break;
      }
      case Handler::Reach::script: {
        if (monitored_) show_monitors(session, row, arguments);
        ScriptContext context(node_.scripts(), *script_, script_->out_of_memory());
        row.handler.script()(context, arguments, reply);
        break;
      }
      case Handler::Reach::exec:
      case Handler::Reach::none:
        break;
    }
    if (has_memory_limit_ && row.has_flag(kWrite)) {
      settle(locks_named_keys(row) ? shards : locked);
    }
    if (session.tracking != nullptr) note_reads(session, row, keys_);
    count_reply(queued.command(), reply, begin);
    note_time(session, queued.command(), arguments, begin_ns);
    const bool is_shown = row.handler.reach() == Handler::Reach::script;
    if (monitored_ && !is_shown) show_monitors(session, row, arguments);
  }
  environment_.inside_exec = false;
}

// ---- clients that go ----------------------------------------------------------------------------

bool Dispatcher::release_watches(Session& session) {
  if (session.watched.empty()) return true;
  ShardSet shards;
  for (const WatchedKey& watched : session.watched) shards.add(storage::shard_of(watched.hash));
  if (!node_.keyspace().try_lock(shards)) return false;
  KeyContext(environment_, session.database, {}, {}, &shards).unwatch_all(session);
  node_.keyspace().unlock(shards);
  return true;
}

void Dispatcher::abandon(Session& session) {
  node_.keyspace().return_exclusive_ticket(ticket_name(session));
  session.gathered.clear();
}

}  // namespace larder::server
