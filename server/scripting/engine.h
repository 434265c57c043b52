// ScriptEngine: the one Lua state of a node, the scripts it knows, and the one script that runs.
//
// One state for the whole node, not one for each worker: scripts run one at a time anyway (they
// lock keys as they come to them, which is free of deadlocks only then), a script is compiled once,
// and there is one limit on memory. Whoever holds the token uses the state; the token passes on
// what the last one wrote.
//
// A script runs on a fiber, so that it can stop after some milliseconds wherever it is, also within
// a C function, and let its worker take its turn. Other clients are served meanwhile, as far as the
// script does not hold what they need.
//
// Invariants
//   * No Lua error leaves the engine, and no frame that Lua may leave by longjmp holds anything
//     that needs to be destroyed.
//   * Nothing that a script does to Lua outlives it (sandbox.h).
//
// Thread: as each part says.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "protocol/request_parser.h"
#include "server/scripting/fiber.h"
#include "server/scripting/host.h"
#include "server/scripting/lua_extras.h"
#include "server/scripting/script_cache.h"

namespace larder::server {

class ScriptEngine {
 public:
  static constexpr std::string_view kBusyError =
      "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

  ScriptEngine();
  ~ScriptEngine();
  ScriptEngine(const ScriptEngine&) = delete;
  ScriptEngine& operator=(const ScriptEngine&) = delete;

  // ---- any thread

  [[nodiscard]] bool try_take() { return !taken_.exchange(true, std::memory_order_acquire); }
  void give_back() { taken_.store(false, std::memory_order_release); }

  enum class Kill : uint8_t {
    killing,     // it ends as soon as it can
    no_script,   // none runs
    has_written  // half of its writes would remain
  };
  Kill kill();
  // Although it has written: the server ends.
  void kill_by_force() { forced_.store(true, std::memory_order_relaxed); }

  // Does a script run for longer than busy-reply-threshold?
  bool is_busy() const { return busy_.load(std::memory_order_relaxed); }

  struct Usage {
    size_t lua_bytes;
    size_t cache_bytes;
    size_t scripts;
    uint64_t evicted;
  };
  Usage usage() const {
    return {extras_.memory.used(), cache_bytes_.load(std::memory_order_relaxed),
            cached_scripts_.load(std::memory_order_relaxed),
            evicted_.load(std::memory_order_relaxed)};
  }

  // ---- whoever holds the token

  // Of the Lua state and the sources of scripts.
  void set_memory_limit(size_t bytes) { memory_limit_ = bytes; }
  Fiber& fiber();
  void set_busy(bool busy) { busy_.store(busy, std::memory_order_relaxed); }

  Script* find(std::string_view sha) { return cache_.find(sha); }
  bool knows(std::string_view sha) const { return cache_.contains(sha); }
  // The script of this source, compiled if it is new; or null and why not. A script that is not to
  // be kept may go when others come.
  Script* load(std::string_view source, bool keep, std::string& error);
  // Forgets all scripts.
  void flush();

  // Runs it and writes what it answers. REQUIRES: on the fiber.
  void run(const Script& script, protocol::Arguments keys, protocol::Arguments arguments,
           ScriptHost& host, protocol::Reply& reply);

  // ---- the host, while a script runs, on the fiber

  // The script is about to write. False: it was killed.
  [[nodiscard]] bool begin_write();
  // Stops until the fiber is resumed; also after the script's end. False: it was killed meanwhile.
  [[nodiscard]] bool pause();

 private:
  friend struct ScriptCall;  // redis_library.cc

  enum class State : uint8_t { idle, reading, writing, killed };

  // A script stops after so much time, or (where time stands still) so many instructions or steps.
  static constexpr int64_t kSliceNs = 4'000'000;
  static constexpr unsigned kStepsPerSlice = 250'000;
  // Instructions between looks at the time. Fewer after a look that came late: some instructions
  // take as long as memory is large (.., next, string.reverse).
  static constexpr int kInstructionsPerLook = 250;
  static constexpr int64_t kLateNs = 500'000;
  // Commands between looks.
  static constexpr unsigned kCallsPerLook = 16;
  // Room for what Lua's 200 nested C calls may need at worst; reserved, not used.
  static constexpr size_t kStackBytes = 8 << 20;

  void begin_slice();
  void open();
  Script* add(std::string_view source, std::string& error);
  int compile(std::string_view body);
  bool evict_one(const Script* except);
  void make_room(const Script* except);
  bool is_half_full() const { return extras_.memory.used() > extras_.memory.limit() / 2; }
  void note_usage();
  bool is_killed() const {
    return state_.load(std::memory_order_relaxed) == State::killed ||
           forced_.load(std::memory_order_relaxed);
  }
  void throw_if_killed(lua_State* L);
  // To be called after so many steps.
  void on_pass(lua_State* L, unsigned steps);
  void on_count(lua_State* L);
  void set_hook(lua_State* L, int instructions);
  void set_limit();
  void write_failure(int status, const Script& script, protocol::Reply& reply);
  static void hook(lua_State* L, lua_Debug* activation);
  static int execute(lua_State* L);
  static int describe_error(lua_State* L);

  struct Execution;

  std::atomic<bool> taken_{false};
  std::atomic<State> state_{State::idle};
  std::atomic<bool> forced_{false};
  std::atomic<bool> busy_{false};
  std::atomic<size_t> cache_bytes_{0};
  std::atomic<size_t> cached_scripts_{0};
  std::atomic<uint64_t> evicted_{0};

  LuaExtras extras_;
  size_t memory_limit_ = ~size_t{0};
  lua_State* lua_ = nullptr;
  std::unique_ptr<Fiber> fiber_;
  ScriptCache cache_;
  // Places of values in Lua's registry.
  int globals_ = 0;
  int execute_ = 0;
  int describe_error_ = 0;
  int keys_name_ = 0;
  int arguments_name_ = 0;
  int chunk_name_ = 0;

  // Of the script that runs.
  ScriptHost* host_ = nullptr;
  protocol::Dialect dialect_ = protocol::Dialect::resp2;
  int64_t slice_begin_ns_ = 0;
  int64_t look_ns_ = 0;
  unsigned slice_steps_ = 0;
  unsigned calls_ = 0;
  bool was_killed_ = false;
  std::vector<std::string_view> words_;  // of the command that it calls
  std::vector<char> numbers_;            // those of them that are numbers
  struct Failure {
    std::string text;
    std::string source;
    int line = -1;
    bool counted = false;
  } failure_;
};

// Reads the first line of a script; false and the error if it asks for what does not exist. `body`
// is what Lua gets: the same lines, the first one empty.
[[nodiscard]] bool read_script_flags(std::string_view source, ScriptFlags& flags,
                                     std::string_view& body, std::string& error);

}  // namespace larder::server
