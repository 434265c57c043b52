// UringDriver: the driver on io_uring (Linux 6.1 or later). The contract is in event.h.
//
// One ring per worker. Accepting and receiving are multishot requests that stay armed; received
// bytes land in a ring of buffers lent to the kernel. A turn is one io_uring_enter that submits
// everything and waits for something.
//
// Invariants
//   - At most one receive, one send and one cancellation of the receive of a connection are in the
//     ring. Its socket is closed when none is, so no completion can meet a stranger's socket.
//   - user_data = purpose 8 | generation 24 | slot 32; completions of an old generation are
//   dropped.
//   - Buffers of a turn's events go back to the kernel at the beginning of the next turn.
//   - Everything an op points to has been read by the kernel when turn() returns, except the bytes
//     of a send.
//   - The ring belongs to the thread of the first turn() (SINGLE_ISSUER).
#pragma once

#include <liburing.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "server/driver/driver.h"
#include "server/driver/options.h"
#include "server/driver/receive_buffers.h"
#include "server/driver/sockets.h"
#include "server/driver/wake_gate.h"

namespace larder::server {

class UringDriver final : public Driver {
 public:
  // Null, with the reason, where the kernel or the sandbox lacks something.
  static std::unique_ptr<UringDriver> make(DriverOptions& options, std::string& why_not);
  ~UringDriver() override;
  UringDriver(const UringDriver&) = delete;
  UringDriver& operator=(const UringDriver&) = delete;

  void turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) override;
  void wake() override { gate_.knock(); }
  Now now() const override { return read_clocks(); }

 private:
  enum class Purpose : uint8_t { accept = 1, receive, send, cancel_receive, cancel_send, wake };

  // 8 bytes per connection; everything else about it is the kernel's or the worker's.
  struct Connection {
    SocketHandle handle = -1;  // -1: the slot is free
    uint32_t generation : 24 = 0;
    uint32_t receiving : 1 = 0;   // a receive is in the ring
    uint32_t cancelling : 1 = 0;  // and so is its cancellation
    uint32_t starved : 1 = 0;     // stands in starved_
    uint32_t wanted : 1 = 0;      // the worker wants to receive
    uint32_t ended : 1 = 0;       // the peer closed, or an error was reported
    uint32_t sending : 1 = 0;     // a send is in the ring
    uint32_t closing : 1 = 0;     // op close was taken
    uint32_t unanswered : 1 = 0;  // something was received and nothing sent since
  };

  explicit UringDriver(const DriverOptions& options);
  bool set_up(std::string& why_not);
  bool set_up_ring(std::string& why_not);
  bool set_up_buffers(std::string& why_not);
  void start();

  // The ring.
  io_uring_sqe* next_sqe();
  void submit_all();
  void submit_and_wait(int64_t wait_ns);
  void wait_without_submitting(const __kernel_timespec* timeout);
  bool kernel_holds_completions() const;
  void reap();
  void reap_ready();
  bool pop(io_uring_cqe& completion);
  void on_completion(const io_uring_cqe& completion);

  // Ops.
  void carry_out(const Ops& ops);
  void adopt(const Op& op);
  void send(const Op& op, const Ops& ops);
  void set_wanted(ConnectionId id, bool wanted);
  void close(ConnectionId id);
  void stop_listening();

  // Receiving, sending, closing.
  Connection* find(ConnectionId id);
  void arm_receive(ConnectionId id, Connection& connection);
  void rearm_starved();
  void look_after_unanswered();
  void give_back_buffers();
  void on_received(ConnectionId id, const io_uring_cqe& completion);
  void on_receive_ended(ConnectionId id, Connection& connection, int result);
  void on_sent(ConnectionId id, int result);
  void on_cancel_failed(Purpose purpose, ConnectionId id, int result);
  void finish_close(ConnectionId id, Connection& connection);

  // Accepting.
  void arm_accept(uint32_t listener);
  void arm_wake();
  void resume_accepting();
  void on_accepted(uint32_t listener, const io_uring_cqe& completion);

  Event& push(EventKind kind, ConnectionId id, int32_t result);

  io_uring ring_{};
  bool ring_exists_ = false;
  bool started_ = false;
  bool enter_without_iowait_ = false;
  bool listening_ = false;
  std::vector<Event>* events_ = nullptr;  // the current turn's

  std::vector<Connection> connections_;  // by slot
  std::deque<ConnectionId> starved_;     // to be armed again when there are buffers, in order
  std::vector<ConnectionId> heard_;      // received something in the last turn, and were unanswered
  std::vector<ConnectionId> unanswered_;  // still, after the turn that followed
  int64_t look_again_ns_ = 0;             // when to look after unanswered_, unless it is empty

  io_uring_buf_ring* buffer_ring_ = nullptr;
  ReceiveBuffers buffers_;
  std::vector<uint16_t> held_buffers_;  // whose bytes this turn's events show

  std::deque<msghdr> messages_;  // of this turn's sends of several pieces
  size_t messages_used_ = 0;

  std::vector<ListenSocket> listeners_;
  std::vector<uint32_t> paused_listeners_;
  int64_t accept_again_ns_ = 0;
  AddressPool addresses_;

  WakeGate gate_;
  uint64_t wake_count_ = 0;  // where the ring reads gate_'s counter to
  const std::vector<Driver*>* peers_;
};

}  // namespace larder::server
