// Ring: the generator's io_uring, with one buffer ring for everything it receives.
//
// Owns the kernel ring and the receive buffers; never owns sockets. What completed is handed over
// as plain completions; the bytes of a receive stay valid until release() of its buffer.
//
// Receives are multishot: one arm_receive() serves until a completion says `armed == false` (then
// arm again). At most one send per socket may be in flight, or their bytes could interleave.
//
// Thread: one, the one that called open().
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace larder::bench {

enum class Operation : uint8_t { receive, send, tick };

struct Completion {
  Operation operation;
  uint32_t connection;     // as given when the operation was asked for
  int result;              // bytes, or -errno
  bool armed;              // receive: more will come without arming again
  std::string_view bytes;  // receive: what came (empty otherwise)
  uint16_t buffer;         // receive with bytes: give it back with release()
};

class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  // False and `error` when this machine does not allow io_uring or lacks a needed part of it.
  [[nodiscard]] bool open(std::string& error);

  void arm_receive(int fd, uint32_t connection);
  void send(int fd, uint32_t connection, std::string_view bytes);
  // One tick completion after `after_ns`.
  void start_tick(uint64_t after_ns);

  // Submits what was asked for and waits: for a completion; for one, at most `wait_ns`; or not at
  // all. Returns 0 or -errno.
  int submit_and_wait();
  int submit_and_wait(uint64_t wait_ns);
  int submit_and_poll();

  // Takes the next completion; false when there is none now.
  bool next(Completion& completion);
  void release(uint16_t buffer);

 private:
  static constexpr unsigned kEntries = 4096;
  static constexpr unsigned kBuffers = 64;  // a power of two
  static constexpr size_t kBufferBytes = size_t{32} << 10;

  struct FreeAligned {
    void operator()(void* memory) const;
  };

  io_uring_sqe* next_sqe();
  bool open_buffers(std::string& error);
  char* buffer_at(uint16_t buffer) { return buffers_.get() + buffer * kBufferBytes; }

  bool open_ = false;
  io_uring ring_{};
  std::unique_ptr<char, FreeAligned> buffers_;
  std::unique_ptr<io_uring_buf_ring, FreeAligned> buffer_ring_;
  __kernel_timespec tick_{};
};

}  // namespace larder::bench
