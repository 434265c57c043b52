#include "bench/load/ring.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bench/load/clock.h"

namespace larder::bench {
namespace {

constexpr int kBufferGroup = 0;
constexpr size_t kPageBytes = 4096;

uint64_t pack(Operation operation, uint32_t connection) {
  return uint64_t{static_cast<uint8_t>(operation)} << 32 | connection;
}

__kernel_timespec to_timespec(uint64_t ns) {
  return {.tv_sec = static_cast<int64_t>(ns / kNsPerSecond),
          .tv_nsec = static_cast<long long>(ns % kNsPerSecond)};
}

}  // namespace

void Ring::FreeAligned::operator()(void* memory) const {
  std::free(memory);
}

Ring::~Ring() {
  // The kernel writes into the buffers until the ring is gone.
  if (open_) io_uring_queue_exit(&ring_);
}

bool Ring::open(std::string& error) {
  // Newest first; older kernels answer EINVAL to flags they do not know.
  constexpr unsigned kFlags[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                 IORING_SETUP_COOP_TASKRUN, 0};
  int rc = -EINVAL;
  for (const unsigned flags : kFlags) {
    rc = io_uring_queue_init(kEntries, &ring_, flags | IORING_SETUP_CLAMP);
    if (rc != -EINVAL) break;
  }
  if (rc < 0) {
    error = std::string("io_uring cannot be used here: ") + std::strerror(-rc);
    return false;
  }
  open_ = true;
  io_uring_register_ring_fd(&ring_);  // only saves a little; without it everything works too
  return open_buffers(error);
}

bool Ring::open_buffers(std::string& error) {
  const size_t ring_bytes = kBuffers * sizeof(io_uring_buf);
  buffers_.reset(static_cast<char*>(std::aligned_alloc(kPageBytes, kBuffers * kBufferBytes)));
  buffer_ring_.reset(static_cast<io_uring_buf_ring*>(
      std::aligned_alloc(kPageBytes, (ring_bytes + kPageBytes - 1) / kPageBytes * kPageBytes)));
  if (!buffers_ || !buffer_ring_) {
    error = "out of memory";
    return false;
  }
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffer_ring_.get());
  registration.ring_entries = kBuffers;
  registration.bgid = kBufferGroup;
  if (const int rc = io_uring_register_buf_ring(&ring_, &registration, 0); rc < 0) {
    error = std::string("io_uring has no buffer rings here: ") + std::strerror(-rc);
    return false;
  }
  io_uring_buf_ring_init(buffer_ring_.get());
  for (uint16_t buffer = 0; buffer < kBuffers; ++buffer) release(buffer);
  return true;
}

io_uring_sqe* Ring::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

void Ring::arm_receive(int fd, uint32_t connection) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  io_uring_sqe_set_data64(sqe, pack(Operation::receive, connection));
}

void Ring::send(int fd, uint32_t connection, std::string_view bytes) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_send(sqe, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_data64(sqe, pack(Operation::send, connection));
}

void Ring::start_tick(uint64_t after_ns) {
  tick_ = to_timespec(after_ns);
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_timeout(sqe, &tick_, 0, 0);
  io_uring_sqe_set_data64(sqe, pack(Operation::tick, 0));
}

int Ring::submit_and_wait() {
  const int rc = io_uring_submit_and_wait(&ring_, 1);
  return rc < 0 && rc != -EINTR ? rc : 0;
}

int Ring::submit_and_wait(uint64_t wait_ns) {
  __kernel_timespec timeout = to_timespec(wait_ns);
  io_uring_cqe* cqe = nullptr;
  const int rc = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &timeout, nullptr);
  return rc < 0 && rc != -EINTR && rc != -ETIME ? rc : 0;
}

int Ring::submit_and_poll() {
  const int rc = io_uring_submit_and_get_events(&ring_);
  return rc < 0 && rc != -EINTR ? rc : 0;
}

bool Ring::next(Completion& completion) {
  io_uring_cqe* cqe = nullptr;
  unsigned head = 0;
  bool found = false;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    found = true;
    break;
  }
  if (!found) return false;
  const uint64_t data = io_uring_cqe_get_data64(cqe);
  completion.operation = static_cast<Operation>(data >> 32);
  completion.connection = static_cast<uint32_t>(data);
  completion.result = cqe->res;
  completion.armed = (cqe->flags & IORING_CQE_F_MORE) != 0;
  completion.bytes = {};
  if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
    completion.buffer = static_cast<uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    completion.bytes = {buffer_at(completion.buffer),
                        static_cast<size_t>(cqe->res > 0 ? cqe->res : 0)};
    if (completion.bytes.empty()) release(completion.buffer);
  }
  io_uring_cqe_seen(&ring_, cqe);
  return true;
}

void Ring::release(uint16_t buffer) {
  io_uring_buf_ring_add(buffer_ring_.get(), buffer_at(buffer), kBufferBytes, buffer,
                        io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(buffer_ring_.get(), 1);
}

}  // namespace larder::bench
