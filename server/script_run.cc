#include "server/script_run.h"

#include <utility>

#include "server/dispatcher.h"
#include "server/key_arguments.h"
#include "server/node.h"

namespace larder::server {

using protocol::Arguments;
using protocol::Dialect;
using protocol::Reply;

namespace {

// Scratch beyond this is given back: one giant reply must not cost its memory for ever.
constexpr size_t kMostKeptBytes = 64 << 10;

}  // namespace

// ---- from outside -------------------------------------------------------------------------------

bool ScriptRun::start(Session& session, const Command& command, Arguments arguments,
                      const ShardSet& held, bool out_of_memory) {
  session_ = &session;
  command_ = &command;
  arguments_ = arguments;
  held_ = held;
  out_of_memory_ = out_of_memory;
  now_us_ = dispatcher_.environment_.now_us;
  paused_ns = -1;
  const config::OutputBufferLimit& limit =
      dispatcher_.config_->output_buffer_limit(config::ClientClass::normal);
  output_.set_limit(limit.hard_bytes);
  reply_.set_limit(dispatcher_.config_->script_memory_bytes);
  Fiber& fiber = dispatcher_.node_.scripts().fiber();
  if (on_fiber([&] { return fiber.start(enter, this); })) return true;
  paused_ = true;
  request_.emplace(command, arguments);
  return false;
}

bool ScriptRun::resume() {
  Fiber& fiber = dispatcher_.node_.scripts().fiber();
  if (!on_fiber([&] { return fiber.resume(); })) return false;
  paused_ = false;
  return true;
}

// While the script runs, the worker's environment is its own: its time and its effects.
template <typename Switch>
bool ScriptRun::on_fiber(Switch&& switch_in) {
  CommandEnvironment& environment = dispatcher_.environment_;
  const int64_t now_us = std::exchange(environment.now_us, now_us_);
  const int64_t now_ms = std::exchange(environment.now_ms, now_us_ / 1000);
  EffectBatch* const batch = std::exchange(environment.batch, &batch_);
  environment.ready.swap(ready_);
  std::swap(environment.inside_exec, inside_exec_);
  dispatcher_.reads_.swap(reads_);
  const bool ended = switch_in();
  environment.now_us = now_us;
  environment.now_ms = now_ms;
  environment.batch = batch;
  environment.ready.swap(ready_);
  std::swap(environment.inside_exec, inside_exec_);
  dispatcher_.reads_.swap(reads_);
  return ended;
}

void ScriptRun::finish() {
  if (session_->tracking != nullptr) {
    dispatcher_.reads_.swap(reads_);
    dispatcher_.finish_reads(*session_);
  }
  reads_.clear();
  read_keys_.clear();
  EffectBatch* const batch = std::exchange(dispatcher_.environment_.batch, &batch_);
  dispatcher_.commit_effects(/*together=*/true, session_->id);
  dispatcher_.environment_.batch = batch;
  dispatcher_.settle(held_);
  if (dispatcher_.keeps_ranks_) dispatcher_.ranks_.tick();
  dispatcher_.node_.keyspace().unlock(held_);
  held_.clear();
  ScriptEngine& engine = dispatcher_.node_.scripts();
  engine.set_busy(false);
  engine.give_back();
  transaction.reset();
  session_ = nullptr;
  keys_.clear();
  if (reply_.capacity() > kMostKeptBytes) reply_.free_memory();
  if (flat_.capacity() > kMostKeptBytes) std::string().swap(flat_);
  if (keys_.capacity() > Dispatcher::kMostKeptKeys) std::vector<Key>().swap(keys_);
}

void ScriptRun::move_output(protocol::ReplyBuffer& to) {
  to.append_all_of(output_);
  if (output_.capacity() > kMostKeptBytes) output_.free_memory();
}

// ---- on the fiber -------------------------------------------------------------------------------

void ScriptRun::enter(void* self) {
  static_cast<ScriptRun*>(self)->run_whole();
}

void ScriptRun::run_whole() {
  Reply reply(output_, session_->dialect);
  if (command_->row->handler.reach() == Handler::Reach::exec) {
    dispatcher_.run_transaction(*session_, *transaction, held_, reply);
  } else {
    ScriptContext context(dispatcher_.node_.scripts(), *this, out_of_memory_);
    command_->row->handler.script()(context, arguments_, reply);
  }
  if (!dispatcher_.environment_.ready.empty()) serve_waiters();
}

// Those who wait for keys that it has written to. Who waits there can be seen only now.
void ScriptRun::serve_waiters() {
  std::vector<ReadyKey>& ready = dispatcher_.environment_.ready;
  keys_.clear();
  for (const ReadyKey& key : ready) keys_.push_back({key.text, key.hash});
  for (;;) {
    const ShardSet missing = dispatcher_.missing_for_waiters(keys_, held_);
    if (missing.empty()) return dispatcher_.serve_waiters(held_);
    if (!missing.for_each([this](unsigned shard) { return lock(shard); })) break;
  }
  ready.clear();  // the server ends
}

void ScriptRun::begin_script(ScriptRights rights) {
  rights_ = rights;
  has_written_ = false;
  replicates_ = true;
  inner_.id = session_->id;
  inner_.authenticated = true;
  inner_.database = session_->database;
  inner_.no_touch = session_->no_touch;
  inner_.peer = "lua";
}

std::string_view ScriptRun::call(Arguments words, Dialect dialect) {
  reply_.clear();
  inner_.dialect = dialect;
  Reply reply(reply_, dialect);
  const Command* const command = dispatcher_.node_.commands().find(words);
  const std::string_view error = refusal(command, words);
  if (error.empty()) {
    run_command(*command, words, reply);
  } else {
    reply.error(error);
  }
  // Lua would need more for it than it may have.
  if (reply_.size() > dispatcher_.config_->script_memory_bytes) [[unlikely]] {
    reply_.clear();
    reply.error("ERR the reply is too large for a script");
  }
  return flattened();
}

std::string_view ScriptRun::refusal(const Command* command, Arguments words) const {
  const CommandRow* const row = command == nullptr ? nullptr : command->row;
  if (row == nullptr || (!row->subcommands.empty() && words.size() >= 2)) {
    return "ERR Unknown Redis command called from script";
  }
  if (!row->accepts(words.size())) {
    return "ERR Wrong number of args calling Redis command from script";
  }
  switch (row->handler.reach()) {
    case Handler::Reach::none:
      return "ERR Wrong number of args calling Redis command from script";
    case Handler::Reach::script:
    case Handler::Reach::exec:
      return "ERR This Redis command is not allowed from script";
    default:
      break;
  }
  if (row->has_flag(kNoScript)) return "ERR This Redis command is not allowed from script";
  if (row->has_flag(kWrite) && !rights_.writes) {
    return "ERR Write commands are not allowed from read-only scripts.";
  }
  // Half of a script's writes must not be missing: only the first one is refused.
  if (row->has_flag(kDenyOom) && out_of_memory_ && !has_written_ &&
      !rights_.ignores_memory_limit) {
    return kOutOfMemory;
  }
  if (row->has_flag(kDenyOom) && dispatcher_.is_far_over_limit()) return kOutOfMemory;
  return {};
}

void ScriptRun::run_command(const Command& command, Arguments words, Reply& reply) {
  const CommandRow& row = *command.row;
  ScriptEngine& engine = dispatcher_.node_.scripts();
  if (row.has_flag(kWrite)) {
    if (!engine.begin_write()) return;
    has_written_ = true;
  }
  if (!lock_for(row, words)) return;
  if (session_->tracking != nullptr && !note_reads(row)) {
    return reply.error("ERR the script reads more keys than a client may track");
  }
  CommandStats& counters = dispatcher_.stats_.commands[command.index];
  const bool is_timed = counters.untimed_left == 0;
  const int64_t command_begin_ns = is_timed ? dispatcher_.timer_.now_ns() : 0;
  dispatcher_.set_touch(inner_, row);
  const size_t effects = batch_.command_count();
  KeyContext context(dispatcher_.environment_, inner_.database, keys_, words, &held_);
  context.forbid_waiting_in_script();
  switch (row.handler.reach()) {
    case Handler::Reach::keys:
      row.handler.keys()(context, words, reply);
      break;
    case Handler::Reach::keys_and_session:
      row.handler.keys_and_session()(context, inner_, words, reply);
      break;
    case Handler::Reach::session: {
      SessionContext session(inner_, *dispatcher_.config_, dispatcher_.node_.commands(),
                             dispatcher_.environment_);
      row.handler.session()(session, words, reply);
      break;
    }
    default:
      dispatcher_.run_node_for_script(inner_, command, words, context, reply);
  }
  if (dispatcher_.has_memory_limit_ && row.has_flag(kWrite)) settle(row);
  if (!replicates_) batch_.forget_commands_after(effects);
  dispatcher_.count_reply(command, reply, 0);
  if (is_timed) {
    const int64_t duration_ns = dispatcher_.timer_.now_ns() - command_begin_ns;
    dispatcher_.timer_.note_inner(command, duration_ns, dispatcher_.stats_);
  } else {
    --counters.untimed_left;
  }
  if (dispatcher_.monitored_) dispatcher_.show_monitors(inner_, row, words);
}

bool ScriptRun::note_reads(const CommandRow& row) {
  if (!row.has_flag(kReadonly) || !session_->tracking->remembers_reads()) return true;
  const auto limit = static_cast<size_t>(dispatcher_.config_->tracking_table_max_keys);
  for (const Key& key : keys_) {
    const auto [place, is_new] = read_keys_.emplace(key.text);
    if (!is_new) continue;
    if (limit != 0 && read_keys_.size() > limit) return false;
    dispatcher_.reads_.push_back({*place, key.hash});
  }
  return true;
}

// So that what it takes counts before its end.
void ScriptRun::settle(const CommandRow& row) {
  if (!locks_named_keys(row)) return dispatcher_.settle(held_);
  for (const Key& key : keys_) dispatcher_.environment_.settle(key.shard());
}

// ---- locks --------------------------------------------------------------------------------------

bool ScriptRun::lock(unsigned shard) {
  if (held_.contains(shard)) return true;
  Keyspace& keyspace = dispatcher_.node_.keyspace();
  while (!keyspace.try_lock(shard)) {
    if (!dispatcher_.node_.scripts().pause()) return false;
  }
  held_.add(shard);
  if (dispatcher_.keeps_ranks_) dispatcher_.environment_.begin(shard);
  return true;
}

bool ScriptRun::lock_for(const CommandRow& row, Arguments words) {
  keys_.clear();
  if (locks_named_keys(row)) {
    const KeyArguments places = key_arguments(row, words);
    for (size_t i = 0; i < places.total(); ++i) {
      const std::string_view key = words[places.at(i)];
      keys_.push_back({key, dispatcher_.node_.keyspace().hasher()(key)});
      if (!lock(keys_.back().shard())) return false;
    }
  }
  switch (lock_plan(row, words)) {
    case LockPlan::all_shards:
    case LockPlan::cursor:
      return ShardSet::all().for_each([this](unsigned shard) { return lock(shard); });
    default:
      return true;
  }
}

// ---- small things -------------------------------------------------------------------------------

std::string_view ScriptRun::flattened() {
  if (reply_.pinned_bytes() == 0) return reply_.view();
  pieces_.clear();
  reply_.pieces_after(0, pieces_);
  flat_.clear();
  for (const auto& piece : pieces_) flat_.append(piece.data, piece.size);
  return flat_;
}

void ScriptRun::log(ScriptLogLevel level, std::string_view text) {
  const auto& log = dispatcher_.node_.services().log;
  if (log) log(static_cast<config::LogLevel>(level), text);
}

void ScriptRun::note_counted_error() {
  dispatcher_.error_is_counted_ = true;
}

uint64_t ScriptRun::random() {
  return dispatcher_.environment_.random();
}

int64_t ScriptRun::clock_ns() {
  return dispatcher_.timer_.now_ns();
}

}  // namespace larder::server
