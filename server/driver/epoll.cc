#include "server/driver/epoll.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>


namespace larder::server {

namespace {

constexpr size_t kReadyPerTurn = 256;
// Clients that wait in a listener's backlog are taken in portions, so that a storm of them does not
// keep the connected ones waiting.
constexpr int kAcceptsPerTurn = 64;
constexpr size_t kMaxPieces = 1024;                // IOV_MAX; the rest is a short send
constexpr size_t kMaxSendBytes = size_t{1} << 30;  // a send's result must fit Event::result

uint64_t pack(uint8_t purpose, ConnectionId id) {
  return uint64_t{purpose} << 56 | uint64_t{id.generation & 0xffffff} << 32 | id.slot;
}

// SendPiece has the layout of iovec, so pieces are handed to the kernel where they lie.
static_assert(sizeof(SendPiece) == sizeof(iovec) &&
              offsetof(SendPiece, data) == offsetof(iovec, iov_base) &&
              offsetof(SendPiece, size) == offsetof(iovec, iov_len));

}  // namespace

// ---- setting up ---------------------------------------------------------------------------------

EpollDriver::EpollDriver(const DriverOptions& options)
    : ready_(kReadyPerTurn),
      buffers_(options.receive_buffer_count, options.receive_buffer_bytes),
      peers_(options.peers) {}

EpollDriver::~EpollDriver() {
  for (const Connection& connection : connections_) {
    if (connection.handle >= 0) ::close(connection.handle);
  }
  if (epoll_ >= 0) ::close(epoll_);
}

std::unique_ptr<EpollDriver> EpollDriver::make(DriverOptions& options, std::string& why_not) {
  std::unique_ptr<EpollDriver> driver(new EpollDriver(options));
  if (!driver->set_up(options, why_not)) return nullptr;
  return driver;
}

bool EpollDriver::set_up(DriverOptions& options, std::string& why_not) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0 || gate_.handle() < 0 || !buffers_.valid()) {
    why_not = "not enough memory or file descriptors for a driver";
    return false;
  }
  watch(EPOLL_CTL_ADD, gate_.handle(), EPOLLIN, Purpose::wake, {});
  listeners_ = std::move(options.listeners);
  options.listeners.clear();
  for (uint32_t index = 0; index < listeners_.size(); ++index) {
    const int handle = listeners_[index].handle();
    fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
    watch(EPOLL_CTL_ADD, handle, EPOLLIN, Purpose::accept, {index, 0});
  }
  return true;
}

// ---- one turn -----------------------------------------------------------------------------------

void EpollDriver::turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) {
  events.clear();
  events_ = &events;
  addresses_.rewind();
  buffers_used_ = 0;
  if (!paused_listeners_.empty()) resume_accepting();
  carry_out(ops);
  ops.clear();
  const int ready_count = wait(wait_ns);
  for (int index = 0; index < ready_count; ++index) on_ready(ready_[static_cast<size_t>(index)]);
  events_ = nullptr;
}

// Returns how many of ready_ are filled.
int EpollDriver::wait(int64_t wait_ns) {
  const bool asleep = gate_.fall_asleep();
  if (!asleep || !events_->empty()) wait_ns = 0;
  if (!paused_listeners_.empty() && (wait_ns < 0 || wait_ns > kAcceptPauseNs)) {
    wait_ns = kAcceptPauseNs;
  }
  const int count = wait_for_kernel(wait_ns);
  gate_.awake();
  if (count < 0 && errno != EINTR) fail("cannot wait for epoll", errno);
  return std::max(count, 0);
}

int EpollDriver::wait_for_kernel(int64_t wait_ns) {
  const int limit = static_cast<int>(ready_.size());
  if (wait_ns > 0 && has_pwait2_) {
    timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    const int count = epoll_pwait2(epoll_, ready_.data(), limit, &timeout, nullptr);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_pwait2_ = false;  // Linux before 5.11, or a sandbox that does not know it
  }
  int timeout_ms = -1;
  if (wait_ns >= 0) {
    // Rounded up: waking too early would make the worker spin until its timer is due.
    timeout_ms =
        static_cast<int>(std::min<int64_t>((wait_ns + 999'999) / 1'000'000, 1'000'000'000));
  }
  return epoll_wait(epoll_, ready_.data(), limit, timeout_ms);
}

void EpollDriver::on_ready(const epoll_event& ready) {
  const auto purpose = static_cast<Purpose>(ready.data.u64 >> 56);
  const ConnectionId id{static_cast<uint32_t>(ready.data.u64),
                        static_cast<uint32_t>(ready.data.u64 >> 32) & 0xffffff};
  if (purpose == Purpose::wake) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = read(gate_.handle(), &count, sizeof count);
    return;
  }
  if (purpose == Purpose::accept) return accept_all(id.slot);
  Connection* connection = find(id);
  if (connection == nullptr) return;
  constexpr uint32_t kBroken = EPOLLERR | EPOLLHUP;
  if ((ready.events & (EPOLLOUT | kBroken)) != 0 && connection->pending) {
    send_pending(id, *connection);
  }
  if ((ready.events & (EPOLLIN | kBroken)) != 0 && connection->wanted && !connection->ended) {
    receive(id, *connection);
  }
}

Event& EpollDriver::push(EventKind kind, ConnectionId id, int32_t result) {
  Event& event = events_->emplace_back();
  event.kind = kind;
  event.connection = id;
  event.result = result;
  return event;
}

// ---- ops ----------------------------------------------------------------------------------------

void EpollDriver::carry_out(const Ops& ops) {
  for (const Op& op : ops.list) {
    switch (op.kind) {
      case OpKind::adopt:
        adopt(op);
        break;
      case OpKind::send:
        send(op, ops);
        break;
      case OpKind::pause_receive:
        set_wanted(op.connection, false);
        break;
      case OpKind::resume_receive:
        set_wanted(op.connection, true);
        break;
      case OpKind::close:
        close(op.connection);
        break;
      case OpKind::refuse:
        refuse(op.handle, ops.texts[op.text]);
        break;
      case OpKind::wake:
        (*peers_)[op.worker]->wake();
        break;
      case OpKind::stop_listening:
        stop_listening();
        break;
    }
  }
}

EpollDriver::Connection* EpollDriver::find(ConnectionId id) {
  if (id.slot >= connections_.size()) return nullptr;
  Connection& connection = connections_[id.slot];
  if (connection.handle < 0 || connection.generation != (id.generation & 0xffffff)) return nullptr;
  return &connection;
}

void EpollDriver::adopt(const Op& op) {
  const ConnectionId id = op.connection;
  if (id.slot >= connections_.size()) connections_.resize(id.slot + 1);
  Connection& connection = connections_[id.slot];
  check(connection.handle < 0, "a connection was adopted into a slot in use");
  connection = Connection{};
  connection.handle = op.handle;
  connection.generation = id.generation & 0xffffff;
  connection.wanted = 1;
  // Refused for sockets that are not TCP, or already gone: nothing depends on it.
  if (op.keepalive_s >= 0) set_keepalive(op.handle, op.keepalive_s);
  update_interest(id, connection);
}

void EpollDriver::send(const Op& op, const Ops& ops) {
  Connection* connection = find(op.connection);
  if (connection == nullptr) return;
  check(connection->pending == nullptr, "a second send on one connection");
  check(op.piece_count > 0, "a send of nothing");
  const auto* pieces = reinterpret_cast<const iovec*>(&ops.pieces[op.first_piece]);
  const size_t count = std::min<size_t>(op.piece_count, kMaxPieces);
  if (try_send(op.connection, *connection, pieces, count)) return;
  connection->pending = std::make_unique<Pending>(pieces, pieces + count);
  update_interest(op.connection, *connection);
}

void EpollDriver::set_wanted(ConnectionId id, bool wanted) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  connection->wanted = wanted ? 1 : 0;
  update_interest(id, *connection);
}

void EpollDriver::close(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  if (connection->pending) push(EventKind::sent, id, -ECANCELED);
  // Closing the only descriptor of a socket removes it from epoll.
  ::close(connection->handle);
  *connection = Connection{};
  push(EventKind::closed, id, 0);
}

void EpollDriver::stop_listening() {
  listeners_.clear();
  paused_listeners_.clear();
}

// ---- receiving and sending ----------------------------------------------------------------------

void EpollDriver::receive(ConnectionId id, Connection& connection) {
  // No buffer left: the bytes stay where they are and are reported again by the next turn.
  if (buffers_used_ == buffers_.count()) return;
  char* bytes = buffers_.buffer(buffers_used_);
  const ssize_t received = recv(connection.handle, bytes, buffers_.buffer_bytes(), MSG_DONTWAIT);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received > 0) {
    ++buffers_used_;
    push(EventKind::received, id, static_cast<int32_t>(received)).bytes = bytes;
    return;
  }
  const int result = received == 0 ? 0 : -errno;
  connection.ended = 1;
  update_interest(id, connection);
  push(EventKind::received, id, result);
}

// Returns false if there is no room now; otherwise the `sent` event says what happened.
bool EpollDriver::try_send(ConnectionId id, Connection& connection, const iovec* pieces,
                           size_t count) {
  ssize_t sent = 0;
  do {
    if (count == 1) {
      sent = ::send(connection.handle, pieces->iov_base, std::min(pieces->iov_len, kMaxSendBytes),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(pieces);
      message.msg_iovlen = count;
      sent = sendmsg(connection.handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) return false;
  push(EventKind::sent, id, sent < 0 ? -errno : static_cast<int32_t>(sent));
  return true;
}

void EpollDriver::send_pending(ConnectionId id, Connection& connection) {
  const Pending& pieces = *connection.pending;
  if (!try_send(id, connection, pieces.data(), pieces.size())) return;
  connection.pending.reset();
  update_interest(id, connection);
}

// Makes epoll's interest agree with what is wanted.
void EpollDriver::update_interest(ConnectionId id, Connection& connection) {
  uint32_t interest = 0;
  if (connection.wanted && !connection.ended) interest |= EPOLLIN;
  if (connection.pending) interest |= EPOLLOUT;
  const uint32_t known = connection.interest;
  if (interest == known) return;
  int operation = EPOLL_CTL_MOD;
  if (known == 0) operation = EPOLL_CTL_ADD;
  if (interest == 0) operation = EPOLL_CTL_DEL;
  watch(operation, connection.handle, interest, Purpose::connection, id);
  connection.interest = interest & 0x1f;
}

void EpollDriver::watch(int operation, int handle, uint32_t interest, Purpose purpose,
                        ConnectionId id) {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = pack(static_cast<uint8_t>(purpose), id);
  if (epoll_ctl(epoll_, operation, handle, &event) != 0) fail("cannot change epoll", errno);
}

// ---- accepting ----------------------------------------------------------------------------------

void EpollDriver::accept_all(uint32_t listener) {
  for (int accepted = 0; accepted < kAcceptsPerTurn; ++accepted) {
    if (listener >= listeners_.size()) return;
    const int handle = accept4(listeners_[listener].handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (handle < 0 && (errno == EAGAIN || is_passing_accept_error(errno))) return;
    if (handle < 0) return pause_accepting(listener, errno);
    Addresses& addresses = addresses_.next();
    describe(handle, listeners_[listener], addresses);
    Event& event = push(EventKind::accepted, {}, 0);
    event.handle = handle;
    event.transport = listeners_[listener].transport();
    event.addresses = &addresses;
  }
}

void EpollDriver::pause_accepting(uint32_t listener, int error) {
  push(EventKind::accept_failed, {}, -error);
  watch(EPOLL_CTL_DEL, listeners_[listener].handle(), 0, Purpose::accept, {listener, 0});
  paused_listeners_.push_back(listener);
  accept_again_ns_ = now().monotonic_ns + kAcceptPauseNs;
}

void EpollDriver::resume_accepting() {
  if (now().monotonic_ns < accept_again_ns_) return;
  for (const uint32_t listener : paused_listeners_) {
    watch(EPOLL_CTL_ADD, listeners_[listener].handle(), EPOLLIN, Purpose::accept, {listener, 0});
  }
  paused_listeners_.clear();
}

std::unique_ptr<Driver> make_epoll_driver(DriverOptions& options, std::string& why_not) {
  return EpollDriver::make(options, why_not);
}

}  // namespace larder::server
