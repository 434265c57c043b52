// SpinLock: one flag, for sections of well under a microsecond.
//
// Nobody sleeps on it: a shard's lock is only tried (see Keyspace), and the effect log's, which is
// taken last and held for a few copies, yields the core after a while because its holder may have
// been put off it.
#pragma once

#include <atomic>
#include <thread>

namespace larder::server {

class SpinLock {
 public:
  bool try_lock() {
    return !taken_.load(std::memory_order_relaxed) &&
           !taken_.exchange(true, std::memory_order_acquire);
  }

  // Tries for about `rounds` pauses.
  bool try_lock_for(unsigned rounds) {
    if (try_lock()) [[likely]]
      return true;
    return keep_trying(rounds);
  }

  void lock() {
    while (!try_lock_for(100)) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

  bool is_taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  // Apart, so that the first try can stand where it is asked for.
  [[gnu::noinline]] bool keep_trying(unsigned rounds) {
    for (; rounds > 0; --rounds) {
      pause();
      if (try_lock()) return true;
    }
    return false;
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }

  std::atomic<bool> taken_{false};
};

}  // namespace larder::server
