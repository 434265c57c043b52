// Threads of a stress test: run them all, wait for all, and report the first thing that went wrong.
//
// Catch2's assertions belong to the main thread; a worker thread says what is wrong with require(),
// which throws, and run_threads() throws it again where Catch2 sees it.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace larder::stress {

inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

// One of those that others wait for; counted off however it ends.
class Busy {
 public:
  explicit Busy(std::atomic<int>& count) : count_(count) {}
  ~Busy() { --count_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<int>& count_;
};

// Every body in a thread of its own; returns when all have ended.
inline void run_threads(const std::vector<std::function<void()>>& bodies) {
  std::mutex mutex;
  std::exception_ptr first;
  std::vector<std::thread> threads;
  for (const std::function<void()>& body : bodies) {
    threads.emplace_back([&] {
      try {
        body();
      } catch (...) {
        std::lock_guard guard(mutex);
        if (!first) first = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace larder::stress
