// The worker's part in clients that wait for keys: until they are served, their time is over, or
// they go.
//
// Who is claimed as served by another worker gets its reply by mail; until that has come nothing
// else may end its wait.
#include <algorithm>

#include "server/waiter.h"
#include "server/worker.h"

namespace larder::server {
namespace {

// As good as never, and its nanoseconds fit.
constexpr int64_t kLongestWaitMs = 1'000'000'000'000;

}  // namespace

void Worker::begin_wait(Connection& connection) {
  Waiter& waiter = *connection.session.waiter;
  connection.hold = Hold::key;
  waiter.connection = connection.id;
  if (waiter.timeout_ms == 0) return;
  connection.wait_ends_ns =
      now_.monotonic_ns + std::min(waiter.timeout_ms, kLongestWaitMs) * 1'000'000;
  wait_ends_.emplace(connection.wait_ends_ns, connection.id.slot);
}

// Nothing is left of the wait but what is in tables.
void Worker::end_wait(Connection& connection) {
  std::shared_ptr<Waiter> waiter = std::move(connection.session.waiter);
  wait_ends_.erase({connection.wait_ends_ns, connection.id.slot});
  if (!dispatcher_.forget_waiter(*waiter)) former_waiters_.push_back(std::move(waiter));
}

// The wait ends with what `write` adds to the client's replies.
template <typename Write>
void Worker::end_wait_with(Connection& connection, Write write) {
  end_wait(connection);
  Session& session = connection.session;
  if (session.reply_mode == ReplyMode::on) write(connection.output);
  if (session.reply_mode == ReplyMode::skip_this) session.reply_mode = ReplyMode::on;
  mark_for_flush(connection);
  waiting_.push_back(connection.id);  // the requests behind it go on with the next turn
  if (connection.unsent_bytes() > output_check_bytes_) check_output(connection);
}

void Worker::tell_served() {
  for (std::shared_ptr<Waiter>& waiter : dispatcher_.served()) {
    if (waiter->worker() == index_) {
      on_served(waiter);
    } else {
      const unsigned worker = waiter->worker();
      post(worker, Served{std::move(waiter)});
    }
  }
  dispatcher_.served().clear();
}

void Worker::on_served(const std::shared_ptr<Waiter>& waiter) {
  Connection* connection = find(waiter->connection);
  if (connection == nullptr || connection->session.waiter != waiter) return;
  end_wait_with(*connection, [&waiter](protocol::ReplyBuffer& output) {
    output.append_all_of(waiter->reply);
  });
}

void Worker::end_wait(const std::shared_ptr<Waiter>& waiter, std::string_view error) {
  Connection* connection = waiter->worker() == index_ ? find(waiter->connection) : nullptr;
  if (connection == nullptr || connection->session.waiter != waiter) return;
  end_wait_with(*connection, [&](protocol::ReplyBuffer& output) {
    protocol::Reply reply(output, connection->session.dialect);
    if (!error.empty()) return reply.error(error);
    reply.null_array();  // whatever the command would answer otherwise
  });
}

void Worker::end_overdue_waits() {
  while (!wait_ends_.empty() && wait_ends_.begin()->first <= now_.monotonic_ns) {
    Connection& connection = *connections_[wait_ends_.begin()->second];
    wait_ends_.erase(wait_ends_.begin());
    const std::shared_ptr<Waiter> waiter = connection.session.waiter;
    if (waiter->claim(Waiter::State::over)) end_wait(waiter, {});
  }
}

}  // namespace larder::server
