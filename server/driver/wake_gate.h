// WakeGate: how other threads make a sleeping driver's wait return, and why they rarely have to pay
// a system call for it.
//
// Owns an eventfd. The owner (the driver's thread) announces sleep, looks whether somebody has
// knocked meanwhile, and only then sleeps; a knocker leaves its mark first and only then looks
// whether the owner sleeps. With sequentially consistent order at least one of them sees the other:
//
//   owner:   sleeping = true; if (knocked) do not sleep     knocker: knocked = true;
//            ... wait ...                                            if (sleeping) write the
//            eventfd sleeping = false; knocked = false
//
// What a knocker wrote before knock() is seen by the owner after awake() returns.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace larder::server {

class WakeGate {
 public:
  WakeGate() : handle_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~WakeGate() {
    if (handle_ >= 0) close(handle_);
  }
  WakeGate(const WakeGate&) = delete;
  WakeGate& operator=(const WakeGate&) = delete;

  // -1 if the system had none left.
  int handle() const { return handle_; }

  // Owner: true if it may sleep now. awake() must follow in either case.
  bool fall_asleep() {
    sleeping_.store(true);
    return !knocked_.load();
  }

  // Owner: takes the mark away, so that a later knock() counts again.
  void awake() {
    sleeping_.store(false);
    knocked_.exchange(false);
  }

  // Any thread.
  void knock() {
    if (knocked_.exchange(true) || !sleeping_.load()) return;
    const uint64_t one = 1;
    // Fails only if the counter is full, and then the owner is woken anyway.
    [[maybe_unused]] const ssize_t written = write(handle_, &one, sizeof one);
  }

 private:
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> knocked_{false};
  int handle_;
};

}  // namespace larder::server
