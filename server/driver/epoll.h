// EpollDriver: the driver on epoll, for kernels and sandboxes without io_uring, and for tools that
// do not understand it (ThreadSanitizer). The contract is in event.h.
//
// Level triggered: what a turn leaves unread is reported again by the next one. Sends are tried at
// once; one that does not fit waits for room.
//
// Invariants
//   - A socket is registered with exactly the interest that interest_of() says; with none it is not
//     registered, so that a hang-up which nobody wants to hear of cannot wake an idle worker.
//   - Every buffer handed out in a turn is free again at the beginning of the next.
//   - epoll's user data = purpose 8 | generation 24 | slot 32.
#pragma once

#include <sys/epoll.h>
#include <sys/uio.h>

#include <memory>
#include <string>
#include <vector>

#include "server/driver/driver.h"
#include "server/driver/options.h"
#include "server/driver/receive_buffers.h"
#include "server/driver/sockets.h"
#include "server/driver/wake_gate.h"

namespace larder::server {

class EpollDriver final : public Driver {
 public:
  // Null, with the reason, if memory or descriptors are lacking.
  static std::unique_ptr<EpollDriver> make(DriverOptions& options, std::string& why_not);
  ~EpollDriver() override;
  EpollDriver(const EpollDriver&) = delete;
  EpollDriver& operator=(const EpollDriver&) = delete;

  void turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) override;
  void wake() override { gate_.knock(); }
  Now now() const override { return read_clocks(); }

 private:
  enum class Purpose : uint8_t { accept = 1, connection, wake };

  // A send that found no room, kept until there is some.
  using Pending = std::vector<iovec>;

  // 16 bytes per connection.
  struct Connection {
    SocketHandle handle = -1;  // -1: the slot is free
    uint32_t generation : 24 = 0;
    uint32_t wanted : 1 = 0;    // the worker wants to receive
    uint32_t ended : 1 = 0;     // the peer closed, or an error was reported
    uint32_t interest : 5 = 0;  // what epoll knows: EPOLLIN, EPOLLOUT
    std::unique_ptr<Pending> pending;
  };

  explicit EpollDriver(const DriverOptions& options);
  bool set_up(DriverOptions& options, std::string& why_not);

  void carry_out(const Ops& ops);
  void adopt(const Op& op);
  void send(const Op& op, const Ops& ops);
  void set_wanted(ConnectionId id, bool wanted);
  void close(ConnectionId id);
  void stop_listening();

  int wait(int64_t wait_ns);
  int wait_for_kernel(int64_t wait_ns);
  void on_ready(const epoll_event& ready);
  void accept_all(uint32_t listener);
  void pause_accepting(uint32_t listener, int error);
  void resume_accepting();
  void receive(ConnectionId id, Connection& connection);
  bool try_send(ConnectionId id, Connection& connection, const iovec* pieces, size_t count);
  void send_pending(ConnectionId id, Connection& connection);

  Connection* find(ConnectionId id);
  void update_interest(ConnectionId id, Connection& connection);
  void watch(int operation, int handle, uint32_t interest, Purpose purpose, ConnectionId id);
  Event& push(EventKind kind, ConnectionId id, int32_t result);

  int epoll_ = -1;
  bool has_pwait2_ = true;
  std::vector<Event>* events_ = nullptr;  // the current turn's
  std::vector<epoll_event> ready_;

  std::vector<Connection> connections_;  // by slot
  ReceiveBuffers buffers_;
  uint32_t buffers_used_ = 0;  // this turn

  std::vector<ListenSocket> listeners_;
  std::vector<uint32_t> paused_listeners_;
  int64_t accept_again_ns_ = 0;
  AddressPool addresses_;

  WakeGate gate_;
  const std::vector<Driver*>* peers_;
};

}  // namespace larder::server
