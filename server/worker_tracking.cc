// What a worker does for clients that cache keys: it tells them, or whom they redirect to, which of
// these have changed (tracking/tracking_table.h).
#include <algorithm>
#include <utility>

#include "protocol/reply.h"
#include "server/node.h"
#include "server/worker.h"

namespace larder::server {

Session* Worker::session_of(uint64_t id) {
  const auto place = connections_by_session_.find(id);
  if (place == connections_by_session_.end() || place->second->closing) return nullptr;
  return &place->second->session;
}

void Worker::notice_tracking() {
  dispatcher_.look_at_tracking();
}

void Worker::stop_tracking(Session& session) {
  if (session.tracking != nullptr) node_.tracking().end(session);
}

void Worker::invalidate(const Invalidation& it) {
  using Kind = Invalidation::Kind;
  switch (it.kind) {
    case Kind::keys:
      for (uint64_t client : it.clients) {
        Session* const session = session_of(client);
        if (session == nullptr || session->tracking == nullptr) continue;
        // What it read before it began to broadcast, or the other way round, is of no interest.
        if (session->tracking->broadcast != it.broadcast) continue;
        if (session->tracking->noloop && it.writer == client) continue;
        tell(*session, it.keys);
      }
      return;
    case Kind::everything:
      if (it.clients.empty()) return invalidate_everything();
      if (Session* session = session_of(it.clients[0]); session != nullptr && session->tracking) {
        tell(*session, {});
      }
      return;
    case Kind::redirected:
      if (Session* session = session_of(it.clients[0])) {
        return push_invalidation(*session, it.keys, /*is_redirected=*/true);
      }
      post_invalidation(it.origin_worker, {.kind = Kind::broken, .clients = {it.origin}});
      return;
    case Kind::broken:
      if (Session* session = session_of(it.clients[0]); session != nullptr && session->tracking) {
        break_redirection(*session);
      }
      return;
  }
}

void Worker::invalidate_everything() {
  for (auto& connection : connections_) {
    if (connection == nullptr || connection->closing) continue;
    if (connection->session.tracking != nullptr) tell(connection->session, {});
  }
}

// `keys`: empty for all of them.
void Worker::tell(Session& session, std::string_view keys) {
  const Tracking& tracking = *session.tracking;
  if (tracking.redirect == 0) return push_invalidation(session, keys, /*is_redirected=*/false);
  if (tracking.redirect_worker != index_) {
    return post_invalidation(tracking.redirect_worker, {.kind = Invalidation::Kind::redirected,
                                                        .keys = std::string(keys),
                                                        .origin = session.id,
                                                        .origin_worker = index_,
                                                        .clients = {tracking.redirect}});
  }
  if (Session* target = session_of(tracking.redirect)) {
    push_invalidation(*target, keys, /*is_redirected=*/true);
  } else {
    break_redirection(session);
  }
}

void Worker::break_redirection(Session& session) {
  session.tracking->redirect_is_broken = true;
  if (session.dialect != protocol::Dialect::resp3) return;
  protocol::Reply push(output_for(*session.connection), session.dialect);
  push.push(2);
  push.bulk("tracking-redir-broken");
  push.integer(static_cast<int64_t>(session.tracking->redirect));
  note_output(*session.connection);
}

// In RESP2 only a subscriber can tell it from a reply.
void Worker::push_invalidation(Session& session, std::string_view keys, bool is_redirected) {
  const bool has_pushes = session.dialect == protocol::Dialect::resp3;
  if (session.close_after_reply) return;
  if (!has_pushes && !(is_redirected && session.is_subscribed())) return;
  Connection& connection = *session.connection;
  protocol::ReplyBuffer& output = output_for(connection);
  const size_t size_before = output.size();
  const size_t unsent_before = connection.unsent_bytes();
  protocol::Reply push(output, session.dialect);
  push.push(has_pushes ? 2 : 3);
  if (has_pushes) {
    push.bulk("invalidate");
  } else {
    push.bulk("message");
    push.bulk("__redis__:invalidate");
  }
  if (keys.empty()) {
    push.null();
  } else {
    output.append(keys);
  }
  connection.invalidation_bytes =
      std::min(connection.invalidation_bytes, unsent_before) + (output.size() - size_before);
  note_output(connection);
}

void Worker::post_invalidation(unsigned worker, Invalidation invalidation) {
  auto letter = std::make_shared<const Invalidation>(std::move(invalidation));
  node_.channels().box(worker).post({.message = {}, .invalidation = std::move(letter)});
  dispatcher_.environment().posted = true;
}

}  // namespace larder::server
