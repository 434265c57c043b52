// The dispatcher's part in scripts: who may run one, and how it begins, goes on and ends.
// script_run.h says what happens in between.
#include <algorithm>

#include "server/dispatcher.h"
#include "server/node.h"
#include "server/script_run.h"

namespace larder::server {

using protocol::Arguments;
using protocol::Reply;

bool Dispatcher::take_script_token() {
  no_room_for_script_ = false;
  if (has_memory_limit_ && environment_.expiry == ExpiryMode::remove) {
    const Room room = evictor_.make_room();
    if (room == Room::later) return false;
    no_room_for_script_ = room == Room::none;
  }
  if (!node_.scripts().try_take()) return false;
  node_.scripts().set_memory_limit(config_->script_memory_bytes);
  if (script_ == nullptr) script_ = std::make_unique<ScriptRun>(*this);
  return true;
}

Outcome Dispatcher::run_script(Session& session, const Request& request, Reply& reply) {
  Keyspace& keyspace = node_.keyspace();
  const CommandRow& row = *request.command->row;
  if (!keyspace.may_start(ticket_name(session)) || !take_script_token()) return Outcome::parked;
  ShardSet shards;
  if (row.locks == LockPlan::script) {
    keys_.clear();
    extract_keys(row, request.arguments, shards);
    forget_keys();
  }
  if (!keyspace.try_lock(shards)) {
    node_.scripts().give_back();
    return Outcome::parked;
  }
  if (keeps_ranks_) begin(shards);
  // Before the commands that it runs.
  if (monitored_ && row.locks == LockPlan::script) {
    monitor_feed_.add(session, request.arguments, environment_.now_us);
  }
  return start_script(session, request, shards, nullptr, reply);
}

Outcome Dispatcher::start_script(Session& session, const Request& request, const ShardSet& locked,
                                 std::unique_ptr<Transaction> transaction, Reply& reply) {
  script_->transaction = std::move(transaction);
  if (!script_->start(session, *request.command, request.arguments, locked,
                      no_room_for_script_)) {
    return Outcome::suspended;
  }
  script_->finish();
  script_->move_output(reply.buffer());
  return session.to_apply.empty() ? Outcome::done : Outcome::applying;
}

bool Dispatcher::has_paused_script() const {
  return script_ != nullptr && script_->is_paused();
}

bool Dispatcher::has_paused_script_of(const Session& session) const {
  return has_paused_script() && script_->session() == &session;
}

bool Dispatcher::resume_script(int64_t now_ns) {
  if (script_->paused_ns < 0) script_->paused_ns = now_ns;
  const int64_t threshold_ms = config_->busy_reply_threshold_ms;
  if (threshold_ms > 0 && (now_ns - script_->paused_ns) / 1'000'000 >= threshold_ms) {
    node_.scripts().set_busy(true);
  }
  const bool ended = script_->resume();
  return ended;
}

Outcome Dispatcher::take_script_reply(Reply& reply) {
  Session& session = *script_->session();
  const QueuedCommand& request = script_->request();
  const size_t begin = reply.buffer().view().size();
  script_->finish();
  script_->move_output(reply.buffer());
  count_reply(request.command(), reply, begin);
  note_time(session, request.command(), request.arguments(), script_->begin_ns);
  if (monitored_) show_monitors(session, *request.command().row, request.arguments());
  script_->forget_request();
  return session.to_apply.empty() ? Outcome::done : Outcome::applying;
}

void Dispatcher::end_script() {
  if (!has_paused_script()) return;
  node_.scripts().kill_by_force();
  while (!script_->resume()) {
  }
  script_->finish();
  script_->forget_request();
  protocol::ReplyBuffer nobody;
  script_->move_output(nobody);
}

void Dispatcher::look_for_busy_script() {
  is_busy_ = node_.scripts().is_busy();
  weigh_requests();
}

// Who has to ask all workers cannot do so from within a script, which holds what they may need.
void Dispatcher::run_node_for_script(Session& session, const Command& command,
                                     Arguments arguments, KeyContext& keys, Reply& reply) {
  const std::shared_ptr<NodeTask> task = make_task(session, command, arguments, reply);
  if (task == nullptr) return;
  if (task->gathers()) {
    return reply.error("ERR This Redis command is not allowed from script");
  }
  const bool all = command.row->locks == LockPlan::all_shards;
  finish_task(*task, *script_->session(), all ? &keys : nullptr, /*inside_exec=*/true, reply);
}

}  // namespace larder::server
