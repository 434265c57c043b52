// The worker's part in what concerns all workers: it takes its turn at node-wide tasks, of its own
// clients and of others (node_task.h), and shows and does what they may see and do here.
#include <algorithm>

#include "server/node.h"
#include "server/waiter.h"
#include "server/worker.h"

namespace larder::server {
namespace {

// What a client has said and the server remembers.
size_t kept_bytes(const Session& session) {
  size_t bytes = session.watched_bytes;
  if (session.subscriber != nullptr) bytes += session.subscriber->bytes;
  if (session.transaction != nullptr) bytes += session.transaction->bytes;
  if (session.waiter != nullptr) bytes += session.waiter->bytes();
  if (session.key_walk != nullptr) bytes += session.key_walk->bytes();
  return bytes;
}

}  // namespace

// ---- rounds -------------------------------------------------------------------------------------

void Worker::begin_round(Connection& connection, bool apply) {
  Session& session = connection.session;
  std::vector<std::shared_ptr<NodeTask>> tasks = apply ? session.to_apply : session.gathered;
  std::erase(tasks, nullptr);
  session.to_apply.clear();
  connection.hold = Hold::round;
  connection.reply_held_back = apply;
  connection.rounds_missing = node_.worker_count();
  TaskRound round{std::move(tasks), apply, index_, connection.id};
  for (unsigned worker = 0; worker < node_.worker_count(); ++worker) {
    if (worker != index_) post(worker, round);
  }
  do_round(round);
}

void Worker::do_round(const TaskRound& round) {
  group_begin_ns_ = kUnknownTime;
  const int64_t begin_ns = dispatcher_.timer().now_ns();
  for (const std::shared_ptr<NodeTask>& task : round.tasks) {
    if (round.apply) {
      task->apply(*this);
    } else {
      task->visit(*this);
    }
  }
  if (round.origin != index_) {
    post(round.origin, RoundDone{round.connection});
  } else if (Connection* connection = find(round.connection)) {
    if (!round.apply) connection->session.visits_ns = dispatcher_.timer().now_ns() - begin_ns;
    on_round_done(*connection);
  }
}

void Worker::on_round_done(Connection& connection) {
  if (--connection.rounds_missing > 0) return;
  connection.reply_held_back = false;
  mark_for_flush(connection);
  waiting_.push_back(connection.id);
}

// ---- what tasks may do --------------------------------------------------------------------------

void Worker::for_each_client(
    const std::function<void(const Session&, const ConnectionFacts&)>& visit) {
  for (const auto& connection : connections_) {
    if (connection == nullptr || connection->closing) continue;
    const size_t output_capacity = connection->output.capacity() + connection->sending.capacity();
    visit(connection->session,
          {.created_unix_ms = connection->created_unix_ms,
           .last_interaction_unix_ms = connection->last_interaction_ms,
           .peer = connection->addresses.peer,
           .local = connection->addresses.local,
           .is_unix_socket = connection->transport == Transport::unix_socket,
           .closing = connection->session.close_after_reply,
           .paused = connection->hold == Hold::paused,
           .waiting = connection->session.waiter != nullptr,
           .handle = connection->handle,
           .input_bytes = connection->kept.size(),
           .input_capacity = connection->kept.capacity(),
           .output_bytes = connection->unsent_bytes(),
           .output_capacity = output_capacity,
           .total_bytes = sizeof(Connection) + connection->kept.capacity() + output_capacity +
                          kept_bytes(connection->session)});
  }
}

void Worker::close_clients(std::span<const uint64_t> session_ids) {
  for (auto& connection : connections_) {
    if (connection != nullptr &&
        std::binary_search(session_ids.begin(), session_ids.end(), connection->session.id)) {
      close(*connection);
    }
  }
}

void Worker::use_config(std::shared_ptr<const Config> config) {
  dispatcher_.use_config(std::move(config));
  set_output_check();
  if (!dispatcher_.config().requirepass.empty()) return;
  // Nobody needs the password any more; who came while there was one is let in as well.
  for (auto& connection : connections_) {
    if (connection != nullptr) connection->session.authenticated = true;
  }
}

void Worker::pause_clients(PauseMode mode, int64_t until_unix_ms) {
  pause_ = mode;
  pause_until_ms_ = until_unix_ms;
  dispatcher_.set_pause(mode);
  dispatcher_.environment().expiry = node_.role() == Role::primary && mode == PauseMode::none
                                         ? ExpiryMode::remove
                                         : ExpiryMode::hide;
  // Who still may not go on will be paused again.
  for (ConnectionId id : paused_) {
    Connection* connection = find(id);
    if (connection != nullptr && connection->hold == Hold::paused) waiting_.push_back(id);
  }
  paused_.clear();
}

void Worker::sleep_ns(int64_t duration_ns) {
  if (node_.services().sleep_ns) node_.services().sleep_ns(duration_ns);
}

}  // namespace larder::server
