// Connection: one client's bytes in both directions, and where it stands. The session is who it is.
//
// Invariants
//   * At most one send is in flight; its bytes are in `sending` and do not change until it ends.
//   * A connection whose next request has to wait (`hold`) runs nothing; what arrives is kept.
//   * After `closing` the worker only waits for the driver's `closed`.
//
// Thread: its worker's.
#pragma once

#include <cstdint>

#include "protocol/reply_buffer.h"
#include "protocol/request_parser.h"
#include "server/driver/event.h"
#include "server/input_buffer.h"
#include "server/session.h"

namespace larder::server {

// Why a connection's next request waits.
enum class Hold : uint8_t {
  none,
  parked,  // a shard was taken; tried again each turn
  paused,  // CLIENT PAUSE
  round,   // workers are doing their part of a node-wide command
  output,  // the client does not read its replies
  key,     // its last command waits for a key (session.waiter)
  script,  // its script needs several turns
};

struct Connection {
  ConnectionId id;
  SocketHandle handle = -1;
  Transport transport = Transport::tcp;
  Hold hold = Hold::none;
  bool closing = false;          // op `close` was sent
  bool receive_ended = false;    // the peer has finished sending, or failed
  bool receive_paused = false;
  bool send_in_flight = false;
  bool reply_held_back = false;  // the reply of a node-wide change waits for its last worker
  bool to_flush = false;         // is in the worker's flush list
  bool is_laden = false;         // is in the worker's list of recipients to look at
  bool has_input = false;        // is in the worker's input list of this turn
  uint32_t rounds_missing = 0;   // workers that have not done their part
  size_t sent = 0;               // bytes of `sending` the kernel has taken
  size_t invalidation_bytes = 0;  // of unsent_bytes() at most so many are invalidations
  int64_t created_unix_ms = 0;
  int64_t last_interaction_ms = 0;   // Unix time
  int64_t wait_ends_ns = -1;         // of Hold::key, monotonic; < 0: never
  int64_t over_soft_limit_since_ns = -1;  // monotonic; < 0: it is not
  Addresses addresses;
  InputBuffer kept;
  protocol::RequestParser parser;
  protocol::ReplyBuffer output;
  protocol::ReplyBuffer sending;
  Session session;

  size_t unsent_bytes() const { return output.size() + sending.size() - sent; }
  bool may_run() const {
    return hold == Hold::none && !closing && !session.close_after_reply;
  }
};

}  // namespace larder::server
