#include "server/scripting/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <new>

// GCC and Clang say it in different ways.
#if defined(__SANITIZE_ADDRESS__)
#define LARDER_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LARDER_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define LARDER_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LARDER_THREAD_SANITIZER
#endif
#endif

#if defined(LARDER_ADDRESS_SANITIZER)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(LARDER_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace larder::server {

// The only ones who may enter a fiber's loop.
struct FiberStart {
  [[noreturn]] static void run(Fiber* fiber) { fiber->loop(); }
};

namespace {

constexpr std::align_val_t kStackAlignment{4096};

#if defined(__x86_64__)

// Saves the registers that a function must preserve, and its stack pointer in *from; takes those of
// `to`. Returns when somebody switches back.
[[gnu::naked, gnu::noinline]] void switch_stack(void** /*from*/, void* /*to*/) {
  asm volatile(
      "pushq %rbp\n\t"
      "pushq %rbx\n\t"
      "pushq %r12\n\t"
      "pushq %r13\n\t"
      "pushq %r14\n\t"
      "pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t"
      "movq %rsi, %rsp\n\t"
      "popq %r15\n\t"
      "popq %r14\n\t"
      "popq %r13\n\t"
      "popq %r12\n\t"
      "popq %rbx\n\t"
      "popq %rbp\n\t"
      "ret\n\t");
}

// Where the first switch to a fiber arrives: the fiber is in %r12, the loop in %r13.
[[gnu::naked, gnu::noinline]] void first_frame() {
  asm volatile(
      "movq %r12, %rdi\n\t"
      "jmpq *%r13\n\t");
}

// A stack that looks as if switch_stack() had left it.
void* prepared_stack(void* bottom, size_t bytes, Fiber* fiber) {
  auto* const top = reinterpret_cast<uintptr_t*>(static_cast<char*>(bottom) + bytes);
  uintptr_t* p = top;
  *--p = 0;  // a return address for who looks for one; nothing returns there
  *--p = reinterpret_cast<uintptr_t>(&first_frame);
  *--p = 0;                                                // %rbp
  *--p = 0;                                                // %rbx
  *--p = reinterpret_cast<uintptr_t>(fiber);               // %r12
  *--p = reinterpret_cast<uintptr_t>(&FiberStart::run);    // %r13
  *--p = 0;                                                // %r14
  *--p = 0;                                                // %r15
  return p;
}

#else

// Elsewhere the C library switches; its contexts stand where the stack pointers stand above.
void switch_stack(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}

void start_context(unsigned high, unsigned low) {
  const uint64_t address = (uint64_t{high} << 32) | low;
  FiberStart::run(reinterpret_cast<Fiber*>(static_cast<uintptr_t>(address)));
}

void* prepared_stack(void* bottom, size_t bytes, Fiber* fiber) {
  auto* const context = new (bottom) ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = static_cast<char*>(bottom) + sizeof(ucontext_t);
  context->uc_stack.ss_size = bytes - sizeof(ucontext_t);
  context->uc_link = nullptr;
  const auto address = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(fiber));
  makecontext(context, reinterpret_cast<void (*)()>(&start_context), 2,
              static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
  return context;
}

#endif

}  // namespace

void Fiber::Free::operator()(void* memory) const {
  ::operator delete(memory, kStackAlignment);
}

Fiber::Fiber(size_t stack_bytes)
    : stack_(::operator new(stack_bytes, kStackAlignment)), stack_bytes_(stack_bytes) {
  inside_ = prepared_stack(stack_.get(), stack_bytes, this);
#if defined(LARDER_THREAD_SANITIZER)
  thread_sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(LARDER_THREAD_SANITIZER)
  __tsan_destroy_fiber(thread_sanitizer_fiber_);
#endif
}

bool Fiber::start(Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
  return resume();
}

bool Fiber::resume() {
  switch_in();
  return entry_ == nullptr;
}

void Fiber::suspend() {
  switch_out();
}

void Fiber::switch_in() {
#if defined(LARDER_ADDRESS_SANITIZER)
  void* shadow = nullptr;
  __sanitizer_start_switch_fiber(&shadow, stack_.get(), stack_bytes_);
#endif
#if defined(LARDER_THREAD_SANITIZER)
  thread_sanitizer_caller_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(thread_sanitizer_fiber_, 0);
#endif
  switch_stack(&outside_, inside_);
#if defined(LARDER_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(shadow, nullptr, nullptr);
#endif
}

void Fiber::switch_out() {
#if defined(LARDER_ADDRESS_SANITIZER)
  void* shadow = nullptr;
  __sanitizer_start_switch_fiber(&shadow, caller_bottom_, caller_bytes_);
#endif
#if defined(LARDER_THREAD_SANITIZER)
  __tsan_switch_to_fiber(thread_sanitizer_caller_, 0);
#endif
  switch_stack(&inside_, outside_);
#if defined(LARDER_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(shadow, &caller_bottom_, &caller_bytes_);
#endif
}

// One computation after the other, so that the stack need not be prepared for each.
void Fiber::loop() {
#if defined(LARDER_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(nullptr, &caller_bottom_, &caller_bytes_);
#endif
  for (;;) {
    entry_(argument_);
    entry_ = nullptr;
    switch_out();
  }
}

}  // namespace larder::server
