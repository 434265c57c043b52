// LuaMemory: what a Lua state has taken, and the limit it must not exceed.
//
// Lua raises "not enough memory" in the script when an allocation is refused. Refusing is switched
// on only while Lua can catch that (Guard); outside, where an error would end the process, the
// limit waits. Lua 5.1 does not collect garbage when an allocation is refused, so garbage counts.
//
// Thread: whoever runs the state; used() any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace larder::server {

class LuaMemory {
 public:
  void set_limit(size_t limit_bytes) { limit_ = limit_bytes; }
  size_t limit() const { return limit_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  // Is there room for so much more?
  bool has_room(size_t bytes) const { return bytes <= limit_ && used() <= limit_ - bytes; }

  // As lua_Alloc wants it; `self` is a LuaMemory.
  static void* allocate(void* self, void* old, size_t old_bytes, size_t new_bytes) {
    return static_cast<LuaMemory*>(self)->resize(old, old_bytes, new_bytes);
  }

  // While it lives, what exceeds the limit is refused.
  class Guard {
   public:
    explicit Guard(LuaMemory& memory) : memory_(memory) { memory_.refuses_ = true; }
    ~Guard() { memory_.refuses_ = false; }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    LuaMemory& memory_;
  };

 private:
  void* resize(void* old, size_t old_bytes, size_t new_bytes) {
    if (new_bytes == 0) {
      std::free(old);
      count(used() - old_bytes);
      return nullptr;
    }
    if (refuses_ && new_bytes > old_bytes && !has_room(new_bytes - old_bytes)) return nullptr;
    void* const memory = std::realloc(old, new_bytes);
    if (memory != nullptr) count(used() - old_bytes + new_bytes);
    return memory;
  }
  void count(size_t bytes) { used_.store(bytes, std::memory_order_relaxed); }

  size_t limit_ = ~size_t{0};
  std::atomic<size_t> used_{0};
  bool refuses_ = false;
};

}  // namespace larder::server
