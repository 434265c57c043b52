// Event and Op: the whole conversation between a worker and the kernel, as plain data.
//
//   driver --Events--> worker.step(now, events, ops) --Ops--> driver
//
// A worker never makes a system call; a driver never looks into bytes. Three drivers translate:
// io_uring, epoll, and the simulator in tests/. The contract below is what each of them keeps and
// what tests/contract checks.
//
// Contract
//   C1 Bytes of a `received` event belong to the worker until step() returns, are writable, and
//   have
//      kReceiveHeadroom writable bytes in front of them, so that an unfinished request kept from
//      before can be copied in front and read contiguously.
//   C2 At most one `send` per connection is in flight. Its bytes belong to the connection and stay
//      unchanged until the `sent` event; the list of pieces is free when turn() returns.
//      `sent.result` may be short; the worker sends the rest.
//   C3 After `received` with result 0 (peer closed) or < 0 (error) no further `received` follows.
//      Sending goes on working after result 0 (the peer may have closed its half only).
//   C4 After op `close` exactly one `closed` event follows, after every other event of the
//      connection; only then may the worker reuse the connection's memory and slot. No `sent` is
//      lost before it: a send in flight at close is answered by `sent` (possibly an error) first.
//      Bytes that arrive after op `close` was taken are dropped.
//   C5 Events of one connection come in order; between connections there is no order.
//   C6 After op `pause_receive` a few `received` events already under way may still come. Neither
//      bytes nor the end of the stream are lost: they come after `resume_receive`.
//   C7 Events for a ConnectionId whose generation is no longer current are dropped by the driver.
//      Ops for one do nothing.
//   C8 A turn may return without any event: after wake(), a signal, or for the driver's own needs.
//   C9 A socket named by `accepted` belongs to the worker until it gives it back by `adopt` (to any
//      driver) or `refuse`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/connection_id.h"

namespace larder::server {

constexpr size_t kReceiveHeadroom = 4096;

// The kernel's name for a socket (a file descriptor), handed between workers but never used by
// them.
using SocketHandle = int;

enum class Transport : uint8_t { tcp, unix_socket };

// Both ends of an accepted connection as CLIENT LIST prints them: "127.0.0.1:6379", "[::1]:6379",
// or the path and ":0" for a Unix socket.
struct Addresses {
  std::string peer;
  std::string local;
};

enum class EventKind : uint8_t {
  accepted,       // handle, transport, addresses (valid until step() returns)
  received,       // connection, bytes/size; result: size, 0 = peer closed, < 0 = -errno
  sent,           // connection; result: bytes taken by the kernel, or -errno
  closed,         // connection: nothing more will come
  accept_failed,  // result: -errno (no descriptors or memory left); accepting goes on by itself
};

struct Event {
  EventKind kind;
  Transport transport = Transport::tcp;
  int32_t result = 0;
  ConnectionId connection = {};
  char* bytes = nullptr;
  SocketHandle handle = -1;
  const Addresses* addresses = nullptr;
};

enum class OpKind : uint8_t {
  adopt,           // connection, handle, keepalive_s: begin to receive on this socket
  send,            // connection, pieces[first_piece, first_piece + piece_count)
  pause_receive,   // connection: stop receiving (the client does not read its replies)
  resume_receive,  // connection
  close,           // connection: stop everything, then `closed`
  refuse,          // handle: write texts[text] as far as it goes without waiting, close the socket
  wake,            // worker: make that worker's wait return
  stop_listening,  // close the listeners
};

struct SendPiece {
  const char* data;
  size_t size;
};

struct Op {
  OpKind kind;
  ConnectionId connection = {};
  SocketHandle handle = -1;
  uint32_t worker = 0;
  uint32_t first_piece = 0;
  uint32_t piece_count = 0;
  uint32_t text = 0;  // index into Ops::texts
  // adopt, TCP: seconds of silence after which the kernel probes the peer; 0 never, < 0 as the
  // listener was opened.
  int32_t keepalive_s = -1;
};

// One turn's requests to the driver. Cleared by the driver once it has taken them.
struct Ops {
  std::vector<Op> list;
  std::vector<SendPiece> pieces;
  std::vector<std::string> texts;

  void clear() {
    list.clear();
    pieces.clear();
    texts.clear();
  }
};

// The two clocks, read once per turn by the driver and passed down; nothing below asks again.
struct Now {
  int64_t monotonic_ns = 0;  // for timeouts and waiting
  int64_t unix_us = 0;       // for deadlines that clients see
};

}  // namespace larder::server
