#include "server/driver/uring.h"

#include <sys/syscall.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>


namespace larder::server {

namespace {

constexpr unsigned kSubmissionEntries = 1024;
constexpr unsigned kCompletionEntries = 8192;
constexpr uint16_t kBufferGroup = 0;

// With DEFER_TASKRUN one enter yields about 20 completions. More are fetched, without waiting, up
// to this many events a turn: enough for large batches, few enough that no client waits long.
constexpr size_t kEventsPerTurn = 256;
// ... and as long as this many buffers are left: fewer would only make receives fail.
constexpr size_t kBuffersKeptBack = 8;

// The kernel takes at most this many pieces (IOV_MAX); the rest is a short send.
constexpr uint32_t kMaxPieces = 1024;
// A send's result must fit Event::result.
constexpr size_t kMaxSendBytes = size_t{1} << 30;

// From newer headers than liburing 2.3's: do not show an idle wait as waiting for disks.
constexpr unsigned kEnterNoIowait = 1U << 7;
constexpr unsigned kFeatureNoIowait = 1U << 17;

// How long somebody who sent something may stay without an answer until it is made sure that it is
// still there.
constexpr int64_t kUnansweredNs = 1'000'000'000;

constexpr uint64_t pack(uint8_t purpose, ConnectionId id) {
  return uint64_t{purpose} << 56 | uint64_t{id.generation & 0xffffff} << 32 | id.slot;
}

std::string reason_for(int error) {
  switch (error) {
    case ENOSYS:
      return "this kernel or sandbox has no io_uring";
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here (container policy or kernel.io_uring_disabled)";
    case EINVAL:
      return "this kernel lacks io_uring features of Linux 6.1";
    case ENOMEM:
      return "not enough memory that may be locked (ulimit -l)";
    default:
      return std::string("io_uring cannot be set up: ") + std::strerror(error);
  }
}

// SendPiece has the layout of iovec, so pieces are handed to the kernel where they lie.
static_assert(sizeof(SendPiece) == sizeof(iovec) &&
              offsetof(SendPiece, data) == offsetof(iovec, iov_base) &&
              offsetof(SendPiece, size) == offsetof(iovec, iov_len));

}  // namespace

// ---- setting up ---------------------------------------------------------------------------------

UringDriver::UringDriver(const DriverOptions& options)
    : buffers_(options.receive_buffer_count, options.receive_buffer_bytes), peers_(options.peers) {}

UringDriver::~UringDriver() {
  // The ring goes first: while it lives, its requests use the sockets and the memory below.
  if (ring_exists_) io_uring_queue_exit(&ring_);
  for (const Connection& connection : connections_) {
    if (connection.handle >= 0) ::close(connection.handle);
  }
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, buffers_.count() * sizeof(io_uring_buf));
}

std::unique_ptr<UringDriver> UringDriver::make(DriverOptions& options, std::string& why_not) {
  check(options.receive_buffer_count > 0 &&
            (options.receive_buffer_count & (options.receive_buffer_count - 1)) == 0 &&
            options.receive_buffer_count <= 32768,
        "the number of receive buffers is a power of two");
  std::unique_ptr<UringDriver> driver(new UringDriver(options));
  if (!driver->set_up(why_not)) return nullptr;
  driver->listeners_ = std::move(options.listeners);
  options.listeners.clear();
  return driver;
}

bool UringDriver::set_up(std::string& why_not) {
  if (gate_.handle() < 0 || !buffers_.valid()) {
    why_not = "not enough memory or file descriptors for a driver";
    return false;
  }
  return set_up_ring(why_not) && set_up_buffers(why_not);
}

bool UringDriver::set_up_ring(std::string& why_not) {
  io_uring_params params{};
  // SINGLE_ISSUER, DEFER_TASKRUN: completions are finished when this thread asks for them, not by
  //   interrupting it; the largest single gain of all flags.
  // R_DISABLED: whoever enables the ring, in start(), becomes its single issuer.
  // TASKRUN_FLAG: the ring shows whether asking is worth a system call.
  // SUBMIT_ALL: one faulty request does not hold back those behind it.
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                 IORING_SETUP_CLAMP;
  params.cq_entries = kCompletionEntries;
  const int made = io_uring_queue_init_params(kSubmissionEntries, &ring_, &params);
  if (made != 0) {
    why_not = reason_for(-made);
    return false;
  }
  ring_exists_ = true;
  enter_without_iowait_ = (params.features & kFeatureNoIowait) != 0;
  constexpr unsigned kNeeded =
      IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;
  const std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(
      io_uring_get_probe_ring(&ring_), io_uring_free_probe);
  bool complete = (params.features & kNeeded) == kNeeded && probe != nullptr;
  for (int opcode : {IORING_OP_ACCEPT, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_SENDMSG,
                     IORING_OP_READ, IORING_OP_ASYNC_CANCEL}) {
    complete = complete && io_uring_opcode_supported(probe.get(), opcode) != 0;
  }
  if (!complete) why_not = reason_for(EINVAL);
  return complete;
}

bool UringDriver::set_up_buffers(std::string& why_not) {
  void* memory = mmap(nullptr, buffers_.count() * sizeof(io_uring_buf), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    why_not = reason_for(ENOMEM);
    return false;
  }
  buffer_ring_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  registration.ring_entries = buffers_.count();
  registration.bgid = kBufferGroup;
  const int registered = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (registered != 0) {
    why_not = reason_for(-registered);
    return false;
  }
  io_uring_buf_ring_init(buffer_ring_);
  // All buffers start as "held", so that the first turn lends them to the kernel.
  for (uint32_t index = 0; index < buffers_.count(); ++index) {
    held_buffers_.push_back(static_cast<uint16_t>(index));
  }
  return true;
}

// Runs in the owning thread, at the beginning of its first turn.
void UringDriver::start() {
  started_ = true;
  // By hand: liburing 2.3 declares io_uring_enable_rings() but does not export it.
  const int enabled = io_uring_register(static_cast<unsigned>(ring_.ring_fd),
                                        IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (enabled != 0) fail("cannot enable the ring", -enabled);
  // Saves looking up the ring's descriptor in each enter; without it everything works as well.
  io_uring_register_ring_fd(&ring_);
  arm_wake();
  listening_ = true;
  for (uint32_t index = 0; index < listeners_.size(); ++index) arm_accept(index);
}

// ---- one turn -----------------------------------------------------------------------------------

void UringDriver::turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) {
  events.clear();
  events_ = &events;
  addresses_.rewind();
  messages_used_ = 0;
  if (!started_) start();
  give_back_buffers();
  rearm_starved();
  if (!paused_listeners_.empty()) resume_accepting();
  carry_out(ops);
  if (!heard_.empty() || !unanswered_.empty()) look_after_unanswered();
  submit_and_wait(wait_ns);
  reap();
  // Only now, because requests point into the pieces until they are submitted.
  ops.clear();
  events_ = nullptr;
}

// Submits and waits unless there is something to report already.
void UringDriver::submit_and_wait(int64_t wait_ns) {
  const bool asleep = gate_.fall_asleep();
  const bool may_wait = asleep && wait_ns != 0 && events_->empty() && starved_.empty() &&
                        io_uring_cq_ready(&ring_) == 0;
  if (!may_wait) {
    if (io_uring_sq_ready(&ring_) != 0 || kernel_holds_completions()) {
      io_uring_submit_and_get_events(&ring_);
    }
  } else {
    if (!paused_listeners_.empty() && (wait_ns < 0 || wait_ns > kAcceptPauseNs)) {
      wait_ns = kAcceptPauseNs;
    }
    if (!unanswered_.empty() && (wait_ns < 0 || wait_ns > kUnansweredNs)) wait_ns = kUnansweredNs;
    __kernel_timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    const __kernel_timespec* limit = wait_ns < 0 ? nullptr : &timeout;
    if (io_uring_sq_ready(&ring_) == 0) {
      wait_without_submitting(limit);
    } else if (limit == nullptr) {
      io_uring_submit_and_wait(&ring_, 1);
    } else {
      io_uring_cqe* first = nullptr;
      io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
    }
  }
  gate_.awake();
  // A signal or a full completion queue can leave requests behind.
  while (io_uring_sq_ready(&ring_) != 0) submit_all();
}

// The long wait of an idle worker, which tools should show as idle and not as waiting for disks.
void UringDriver::wait_without_submitting(const __kernel_timespec* timeout) {
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<uint64_t>(timeout);
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  if (enter_without_iowait_) flags |= kEnterNoIowait;
  if (ring_.enter_ring_fd != ring_.ring_fd) flags |= IORING_ENTER_REGISTERED_RING;
  const int result = io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), 0, 1, flags,
                                     reinterpret_cast<sigset_t*>(&argument), sizeof argument);
  if (result < 0 && result != -ETIME && result != -EINTR && result != -EBUSY && result != -EAGAIN) {
    fail("cannot wait for the ring", -result);
  }
}

// Hands everything to the kernel, now. Completions stay in their queue.
void UringDriver::submit_all() {
  const int result = io_uring_submit(&ring_);
  if (result >= 0 || result == -EINTR) return;
  if (result != -EBUSY && result != -EAGAIN) fail("cannot submit to the ring", -result);
  // The completion queue is full: make room in it, then let the kernel move on what it kept back.
  reap_ready();
  io_uring_get_events(&ring_);
}

io_uring_sqe* UringDriver::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    submit_all();
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

bool UringDriver::kernel_holds_completions() const {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

void UringDriver::reap() {
  reap_ready();
  while (kernel_holds_completions() && events_->size() < kEventsPerTurn &&
         held_buffers_.size() + kBuffersKeptBack <= buffers_.count()) {
    io_uring_get_events(&ring_);
    // The kernel's flag can stay up although nothing is left (6.18): only progress counts.
    if (io_uring_cq_ready(&ring_) == 0) break;
    reap_ready();
  }
  check(__atomic_load_n(ring_.cq.koverflow, __ATOMIC_RELAXED) == 0, "the ring lost a completion");
}

void UringDriver::reap_ready() {
  // One at a time, because handling one may submit, and that may lead here again.
  io_uring_cqe completion{};
  while (pop(completion)) on_completion(completion);
}

// Takes the oldest completion that is in shared memory; no system call.
bool UringDriver::pop(io_uring_cqe& completion) {
  unsigned head = 0;
  io_uring_cqe* first = nullptr;
  io_uring_for_each_cqe(&ring_, head, first) {
    completion = *first;
    io_uring_cq_advance(&ring_, 1);
    return true;
  }
  return false;
}

void UringDriver::on_completion(const io_uring_cqe& completion) {
  const auto purpose = static_cast<Purpose>(completion.user_data >> 56);
  const ConnectionId id{static_cast<uint32_t>(completion.user_data),
                        static_cast<uint32_t>(completion.user_data >> 32) & 0xffffff};
  switch (purpose) {
    case Purpose::receive:
      return on_received(id, completion);
    case Purpose::send:
      return on_sent(id, completion.res);
    case Purpose::accept:
      return on_accepted(id.slot, completion);
    case Purpose::cancel_receive:
    case Purpose::cancel_send:
      return on_cancel_failed(purpose, id, completion.res);
    case Purpose::wake:
      return arm_wake();
  }
  fail("a completion of nobody");
}

Event& UringDriver::push(EventKind kind, ConnectionId id, int32_t result) {
  Event& event = events_->emplace_back();
  event.kind = kind;
  event.connection = id;
  event.result = result;
  return event;
}

// ---- ops ----------------------------------------------------------------------------------------

void UringDriver::carry_out(const Ops& ops) {
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

UringDriver::Connection* UringDriver::find(ConnectionId id) {
  if (id.slot >= connections_.size()) return nullptr;
  Connection& connection = connections_[id.slot];
  if (connection.handle < 0 || connection.generation != (id.generation & 0xffffff)) return nullptr;
  return &connection;
}

void UringDriver::adopt(const Op& op) {
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
  arm_receive(id, connection);
}

void UringDriver::send(const Op& op, const Ops& ops) {
  Connection* connection = find(op.connection);
  if (connection == nullptr || connection->closing) return;
  check(!connection->sending, "a second send on one connection");
  check(op.piece_count > 0, "a send of nothing");
  const SendPiece* pieces = &ops.pieces[op.first_piece];
  // WAITALL: a short send is tried again inside the kernel instead of by another turn.
  constexpr int kFlags = MSG_NOSIGNAL | MSG_WAITALL;
  io_uring_sqe* sqe = next_sqe();
  if (op.piece_count == 1) {
    io_uring_prep_send(sqe, connection->handle, pieces->data, std::min(pieces->size, kMaxSendBytes),
                       kFlags);
  } else {
    if (messages_used_ == messages_.size()) messages_.emplace_back();
    msghdr& message = messages_[messages_used_++];
    message = msghdr{};
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<SendPiece*>(pieces));
    message.msg_iovlen = std::min(op.piece_count, kMaxPieces);
    io_uring_prep_sendmsg(sqe, connection->handle, &message, kFlags);
  }
  sqe->user_data = pack(static_cast<uint8_t>(Purpose::send), op.connection);
  connection->sending = 1;
  connection->unanswered = 0;
}

void UringDriver::set_wanted(ConnectionId id, bool wanted) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->closing) return;
  connection->wanted = wanted ? 1 : 0;
  if (wanted) {
    // If the old receive is still in the ring, its end arms the next one.
    if (!connection->receiving && !connection->starved && !connection->ended) {
      arm_receive(id, *connection);
    }
  } else if (connection->receiving && !connection->cancelling) {
    connection->cancelling = 1;
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_cancel64(sqe, pack(static_cast<uint8_t>(Purpose::receive), id), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = pack(static_cast<uint8_t>(Purpose::cancel_receive), id);
  }
}

void UringDriver::close(ConnectionId id) {
  Connection* connection = find(id);
  if (connection == nullptr || connection->closing) return;
  set_wanted(id, false);
  connection->closing = 1;
  if (connection->sending) {
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_cancel64(sqe, pack(static_cast<uint8_t>(Purpose::send), id), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = pack(static_cast<uint8_t>(Purpose::cancel_send), id);
  }
  finish_close(id, *connection);
}

void UringDriver::stop_listening() {
  if (!listening_) return;
  listening_ = false;
  for (uint32_t index = 0; index < listeners_.size(); ++index) {
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_cancel64(sqe, pack(static_cast<uint8_t>(Purpose::accept), {index, 0}), 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = pack(static_cast<uint8_t>(Purpose::cancel_receive), {index, 0});
    listeners_[index].close();
  }
  paused_listeners_.clear();
}

// ---- receiving ----------------------------------------------------------------------------------

void UringDriver::arm_receive(ConnectionId id, Connection& connection) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_recv_multishot(sqe, connection.handle, nullptr, 0, 0);
  // Wait for bytes before taking a buffer: there are rarely any at this moment.
  sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  sqe->user_data = pack(static_cast<uint8_t>(Purpose::receive), id);
  connection.receiving = 1;
}

void UringDriver::give_back_buffers() {
  if (held_buffers_.empty()) return;
  const int mask = io_uring_buf_ring_mask(buffers_.count());
  int offset = 0;
  for (const uint16_t index : held_buffers_) {
    io_uring_buf_ring_add(buffer_ring_, buffers_.buffer(index), buffers_.buffer_bytes(), index,
                          mask, offset++);
  }
  io_uring_buf_ring_advance(buffer_ring_, offset);
  held_buffers_.clear();
}

// Arms as many receives as there are buffers: further ones would fail at once.
void UringDriver::rearm_starved() {
  size_t buffers_left = buffers_.count() - held_buffers_.size();
  for (; !starved_.empty() && buffers_left > 0; starved_.pop_front()) {
    const ConnectionId id = starved_.front();
    Connection* connection = find(id);
    if (connection == nullptr || !connection->starved) continue;
    connection->starved = 0;
    if (!connection->wanted || connection->closing) continue;
    arm_receive(id, *connection);
    --buffers_left;
  }
}

// A reset that comes in the same instant as bytes is lost on a multishot receive: the kernel takes
// both for one event, and no other follows (at least up to 6.18). Whoever is answered is found by
// the failing send. For the others the receive is armed anew after a while, which looks at the
// socket's state afresh.
void UringDriver::look_after_unanswered() {
  const bool is_first = unanswered_.empty();
  for (const ConnectionId id : heard_) {
    const Connection* connection = find(id);
    if (connection != nullptr && connection->unanswered) unanswered_.push_back(id);
  }
  heard_.clear();
  if (unanswered_.empty()) return;
  const int64_t now_ns = now().monotonic_ns;
  if (is_first) look_again_ns_ = now_ns + kUnansweredNs;
  if (now_ns < look_again_ns_) return;
  for (const ConnectionId id : unanswered_) {
    Connection* connection = find(id);
    if (connection == nullptr || !connection->unanswered) continue;
    connection->unanswered = 0;
    if (!connection->wanted || !connection->receiving || connection->closing) continue;
    set_wanted(id, false);
    set_wanted(id, true);
  }
  unanswered_.clear();
}

void UringDriver::on_received(ConnectionId id, const io_uring_cqe& completion) {
  Connection* connection = find(id);
  const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
  const auto buffer = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  // Held until the next turn even if nobody looks at it: one way back for all.
  if (has_buffer) held_buffers_.push_back(buffer);
  if (connection == nullptr) return;
  const bool last = (completion.flags & IORING_CQE_F_MORE) == 0;
  if (last) {
    connection->receiving = 0;
    connection->cancelling = 0;
  }
  if (connection->closing) {
    if (last) finish_close(id, *connection);
    return;
  }
  if (completion.res > 0) {
    push(EventKind::received, id, completion.res).bytes = buffers_.buffer(buffer);
    if (!connection->unanswered) {
      connection->unanswered = 1;
      heard_.push_back(id);
    }
    if (last && connection->wanted) arm_receive(id, *connection);
    return;
  }
  check(last, "a receive failed and goes on");
  on_receive_ended(id, *connection, completion.res);
}

// A multishot receive ended without bytes: the peer closed, it failed, or it must be armed again.
void UringDriver::on_receive_ended(ConnectionId id, Connection& connection, int result) {
  switch (result) {
    case -ENOBUFS:
      if (connection.wanted) {
        connection.starved = 1;
        starved_.push_back(id);
      }
      return;
    case -ECANCELED:
    case -EINTR:
    case -EAGAIN:
      if (connection.wanted) arm_receive(id, connection);
      return;
    default:
      connection.ended = 1;
      push(EventKind::received, id, result);
  }
}

// ---- sending, closing ---------------------------------------------------------------------------

void UringDriver::on_sent(ConnectionId id, int result) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  connection->sending = 0;
  push(EventKind::sent, id, result);
  if (connection->closing) finish_close(id, *connection);
}

// A cancellation that succeeds says nothing. ENOENT: the request had ended already, its completion
// is on its way.
void UringDriver::on_cancel_failed(Purpose purpose, ConnectionId id, int result) {
  if (result != -EALREADY || purpose != Purpose::cancel_send) return;
  // The send is being carried out by another thread of the kernel; this ends it.
  Connection* connection = find(id);
  if (connection != nullptr && connection->sending) shutdown(connection->handle, SHUT_RDWR);
}

void UringDriver::finish_close(ConnectionId id, Connection& connection) {
  if (connection.receiving || connection.sending) return;
  ::close(connection.handle);
  connection.handle = -1;
  push(EventKind::closed, id, 0);
}

// ---- accepting, waking --------------------------------------------------------------------------

void UringDriver::arm_accept(uint32_t listener) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_multishot_accept(sqe, listeners_[listener].handle(), nullptr, nullptr,
                                 SOCK_CLOEXEC);
  sqe->user_data = pack(static_cast<uint8_t>(Purpose::accept), {listener, 0});
}

void UringDriver::arm_wake() {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_read(sqe, gate_.handle(), &wake_count_, sizeof wake_count_, 0);
  sqe->user_data = pack(static_cast<uint8_t>(Purpose::wake), {});
}

void UringDriver::resume_accepting() {
  if (now().monotonic_ns < accept_again_ns_) return;
  for (const uint32_t listener : paused_listeners_) arm_accept(listener);
  paused_listeners_.clear();
}

void UringDriver::on_accepted(uint32_t listener, const io_uring_cqe& completion) {
  const int result = completion.res;
  if (!listening_) {
    // It came in the same instant as stop_listening: as if it had still been in the backlog.
    if (result >= 0) ::close(result);
    return;
  }
  if (result >= 0) {
    Addresses& addresses = addresses_.next();
    describe(result, listeners_[listener], addresses);
    Event& event = push(EventKind::accepted, {}, 0);
    event.handle = result;
    event.transport = listeners_[listener].transport();
    event.addresses = &addresses;
  }
  if ((completion.flags & IORING_CQE_F_MORE) != 0) return;
  if (result >= 0 || is_passing_accept_error(-result)) {
    arm_accept(listener);
    return;
  }
  push(EventKind::accept_failed, {}, result);
  paused_listeners_.push_back(listener);
  accept_again_ns_ = now().monotonic_ns + kAcceptPauseNs;
}

std::unique_ptr<Driver> make_uring_driver(DriverOptions& options, std::string& why_not) {
  return UringDriver::make(options, why_not);
}

}  // namespace larder::server
