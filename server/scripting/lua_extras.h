// What belongs to a Lua state beside what Lua keeps itself; and text that is built in its memory.
//
// Thread: that of the state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "server/scripting/lua_memory.h"

namespace larder::server {

// What cjson's functions set, for the rest of the script.
struct JsonSettings {
  enum class Invalid : uint8_t { refuse, allow, null };

  bool converts_sparse = false;
  int sparse_ratio = 2;
  int sparse_safe = 10;
  int encode_depth = 1000;
  int decode_depth = 1000;
  int precision = 14;
  Invalid encode_invalid = Invalid::refuse;
  bool decode_invalid = true;
  bool keeps_buffer = true;
};

// The generator of drand48(), which Redis uses: the same scripts see the same numbers.
struct ScriptRandom {
  uint64_t state = 0x330E;

  void seed(int32_t value) { state = (uint64_t{static_cast<uint32_t>(value)} << 16) | 0x330E; }
  // In [0, 1].
  double next() {
    state = (state * 0x5DEECE66DULL + 0xB) & ((uint64_t{1} << 48) - 1);
    constexpr int32_t kMost = 0x7fffffff;
    return static_cast<double>(static_cast<int32_t>(state >> 17) % kMost) / kMost;
  }
};

struct LuaExtras {
  // First: the allocator is handed this address.
  LuaMemory memory;
  ScriptRandom random;
  JsonSettings json;
  size_t steps = 0;  // that functions of our own have counted
  // Called by pass_steps(); may be null.
  void (*pass)(lua_State* L, void* owner) = nullptr;
  void* owner = nullptr;

  static LuaExtras& of(lua_State* L) {
    void* self = nullptr;
    lua_getallocf(L, &self);
    return *static_cast<LuaExtras*>(self);
  }
  // Scripts begin alike.
  void reset() {
    random = {};
    json = {};
  }
};
static_assert(offsetof(LuaExtras, memory) == 0);

// Text of unknown size, in memory of the Lua state, which frees it whatever happens. Keeps one
// place on the stack, at which it was made.
class LuaText {
 public:
  explicit LuaText(lua_State* state) : L(state) {
    lua_pushnil(L);
    index_ = lua_gettop(L);
  }

  void add(char c) {
    *reserve(1) = c;
    ++size_;
  }
  void add(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(reserve(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  // Room for so many more bytes, to be committed.
  char* reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return data_ + size_;
  }
  void commit(size_t bytes) { size_ += bytes; }
  size_t size() const { return size_; }
  // [-0, +1]
  void push() const { lua_pushlstring(L, data_ == nullptr ? "" : data_, size_); }

 private:
  void grow(size_t bytes) {
    size_t capacity = capacity_ == 0 ? 128 : 2 * capacity_;
    if (capacity < size_ + bytes) capacity = size_ + bytes;
    auto* const data = static_cast<char*>(lua_newuserdata(L, capacity));
    if (size_ > 0) std::memcpy(data, data_, size_);
    lua_replace(L, index_);
    data_ = data;
    capacity_ = capacity;
  }

  lua_State* L;
  int index_;
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace larder::server
