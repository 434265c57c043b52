// Waiter: a client that waits until a key holds something for it (BLPOP and its like).
//
// It is shared by three parties: its connection's worker, the table of each shard that one of its
// keys lies in, and, for an instant, whoever serves it. What becomes of it is decided once, by
// claim(): it is served, or its time is over, or its client goes or is sent away. So an element
// taken out for a waiter always has somebody to go to.
//
// Thread: claim() any; `connection` its worker; `reply` whoever claimed it as served, then its
// worker; all else is constant once it is in a table.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/reply_buffer.h"
#include "server/connection_id.h"
#include "server/key_context.h"
#include "server/session.h"

namespace larder::server {

class Waiter {
 public:
  // `arrival`: where it stands among all who wait in this node; above 0.
  Waiter(uint64_t arrival, unsigned worker, const Session& session, const Command& command,
         protocol::Arguments arguments);

  enum class State : uint8_t { waiting, served, over };
  // True for the first only.
  bool claim(State as) {
    State expected = State::waiting;
    return state_.compare_exchange_strong(expected, as, std::memory_order_acq_rel);
  }

  uint64_t arrival() const { return arrival_; }
  unsigned worker() const { return worker_; }
  unsigned database() const { return database_; }
  protocol::Dialect dialect() const { return dialect_; }
  const Command& command() const { return request_.command(); }
  protocol::Arguments arguments() const { return request_.arguments(); }
  // Of process memory.
  size_t bytes() const;

  // Of all its keys the first are those it waits for; the others are written to when it is served
  // (BLMOVE's destination).
  std::span<const Key> awaited_keys() const { return std::span(keys).first(awaited); }
  std::span<const Key> written_keys() const { return std::span(keys).subspan(awaited); }

  std::vector<Key> keys;  // texts lie in arguments()
  size_t awaited = 0;
  int64_t timeout_ms = 0;  // from its arrival; 0: none
  ConnectionId connection;
  protocol::ReplyBuffer reply;

 private:
  const uint64_t arrival_;
  const unsigned worker_;
  const unsigned database_;
  const protocol::Dialect dialect_;
  const QueuedCommand request_;
  std::atomic<State> state_{State::waiting};
};

}  // namespace larder::server
