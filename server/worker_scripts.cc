// The worker's part in scripts that need several turns: each turn a slice, and at the end the
// reply.
//
// A client that goes leaves its script behind, which runs to its end: what it has begun to write is
// not to be seen half done. Its connection waits for that as script_orphan_.
#include "server/node.h"
#include "server/worker.h"

namespace larder::server {

using protocol::Reply;

void Worker::resume_script() {
  ++script_turns_;
  const bool has_ended = dispatcher_.resume_script(now_.monotonic_ns);
  Connection* connection = script_orphan_ ? script_orphan_.get() : find(script_connection_);
  const size_t reply_begin = connection->output.view().size();
  if (!has_ended) {
    dispatcher_.look_for_busy_script();
    // What a transaction around it did before it.
    if (dispatcher_.environment().attention) attend(*connection, reply_begin, Outcome::suspended);
    return;
  }
  Session& session = connection->session;
  protocol::ReplyBuffer& output = script_is_heard_ ? connection->output : unheard_;
  output.set_limit(output_limit_bytes(session));
  Reply reply(output, session.dialect);
  const Outcome outcome = dispatcher_.take_script_reply(reply);
  dispatcher_.look_for_busy_script();
  attend(*connection, reply_begin, outcome);
  if (script_orphan_) {
    if (outcome == Outcome::applying) begin_round(*script_orphan_, /*apply=*/true);
    return forget(std::move(script_orphan_));
  }
  // As run_request() does.
  if (!script_is_heard_) {
    if (session.reply_mode == ReplyMode::on) connection->output.append_all_of(unheard_);
    unheard_.clear();
    if (unheard_.capacity() > kPooledBufferBytes) unheard_.free_memory();
  }
  if (session.reply_mode == ReplyMode::skip_this) session.reply_mode = ReplyMode::on;
  mark_for_flush(*connection);
  if (outcome == Outcome::applying) return begin_round(*connection, /*apply=*/true);
  waiting_.push_back(connection->id);
  if (connection->unsent_bytes() > output_check_bytes_) check_output(*connection);
}

}  // namespace larder::server
