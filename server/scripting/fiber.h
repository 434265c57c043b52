// Fiber: a second stack, so that a computation can stop in its middle and go on later.
//
//   start(entry, argument)   runs entry(argument) on the fiber's stack; returns when it has ended
//                            or said suspend()
//   resume()                 goes on after that suspend(); returns as start() does
//   suspend()                inside: goes back to whoever said start() or resume()
//
// Scripts run on one, because what Lua cannot do by itself is stop inside a C function. A switch
// costs some nanoseconds: registers change, no system call is made.
//
// Invariants
//   * From start() to the end of the entry, one thread does all of it. Between two computations the
//     fiber may go from thread to thread.
//   * No exception leaves the entry.
//
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <memory>

namespace larder::server {

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  // The memory of the stack is reserved here and taken from the system as it is used.
  explicit Fiber(size_t stack_bytes);
  // REQUIRES: nothing is running; what a suspended entry holds would be lost.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // REQUIRES: !is_running(). True if the entry has ended, false if it is suspended.
  bool start(Entry entry, void* argument);
  // REQUIRES: is_running(), and the caller is not the fiber itself.
  bool resume();
  // REQUIRES: the caller runs on the fiber.
  void suspend();

  // Has it been started and not yet ended?
  bool is_running() const { return entry_ != nullptr; }

 private:
  friend struct FiberStart;

  void switch_in();
  void switch_out();
  [[noreturn]] void loop();

  struct Free {
    void operator()(void* memory) const;
  };

  std::unique_ptr<void, Free> stack_;
  [[maybe_unused]] size_t stack_bytes_;
  void* inside_ = nullptr;   // the fiber's stack pointer while it does not run
  void* outside_ = nullptr;  // that of whoever resumed it
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  // What sanitizers have to be told about stacks; unused without them.
  [[maybe_unused]] const void* caller_bottom_ = nullptr;
  [[maybe_unused]] size_t caller_bytes_ = 0;
  [[maybe_unused]] void* thread_sanitizer_fiber_ = nullptr;
  [[maybe_unused]] void* thread_sanitizer_caller_ = nullptr;
};

}  // namespace larder::server
