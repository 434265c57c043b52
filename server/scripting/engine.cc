#include "server/scripting/engine.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "server/scripting/conversion.h"
#include "server/scripting/libraries.h"
#include "server/scripting/sandbox.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

constexpr std::string_view kCannotCompile = "ERR Error compiling script (new function): ";
constexpr std::string_view kNoMemory = "not enough memory";
// Of the place of an error: loadstring names a chunk by its whole text.
constexpr size_t kMostSourceBytes = 128;
// Of an error itself.
constexpr size_t kMostErrorBytes = 64 << 10;

int fail_for_good(lua_State*) {
  std::abort();  // an error outside of run() and compile(): there is none
}

std::string_view text_at(lua_State* L, int index) {
  size_t size = 0;
  const char* const bytes = lua_tolstring(L, index, &size);
  return {bytes, size};
}

int ref_of_text(lua_State* L, const char* text) {
  lua_pushstring(L, text);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

}  // namespace

// ---- flags --------------------------------------------------------------------------------------

bool read_script_flags(std::string_view source, ScriptFlags& flags, std::string_view& body,
                       std::string& error) {
  body = source;
  if (!source.starts_with("#!")) return true;
  const size_t line_end = source.find('\n');
  if (line_end == std::string_view::npos) {
    error = "ERR Invalid script shebang";
    return false;
  }
  std::string_view line = source.substr(0, line_end);
  body = source.substr(line_end);
  flags.declared = true;
  const auto next_word = [&line] {
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
  };
  const std::string_view engine = next_word();
  if (engine != "#!lua") {
    error = "ERR Unexpected engine in script shebang: " + std::string(engine.substr(0, 128));
    return false;
  }
  for (std::string_view word = next_word(); !word.empty(); word = next_word()) {
    constexpr std::string_view kFlags = "flags=";
    if (!word.starts_with(kFlags)) {
      error = "ERR Unknown lua shebang option: " + std::string(word.substr(0, 128));
      return false;
    }
    word.remove_prefix(kFlags.size());
    while (!word.empty()) {
      const std::string_view flag = word.substr(0, word.find(','));
      word.remove_prefix(std::min(flag.size() + 1, word.size()));
      if (flag == "no-writes") {
        flags.no_writes = true;
      } else if (flag == "allow-oom") {
        flags.allow_oom = true;
      } else if (flag != "allow-stale" && flag != "no-cluster" &&
                 flag != "allow-cross-slot-keys") {
        // Those three are about replicas and clusters: nothing depends on them here.
        error = "ERR Unexpected flag in script shebang: " + std::string(flag.substr(0, 128));
        return false;
      }
    }
  }
  return true;
}

// ---- the state ----------------------------------------------------------------------------------

ScriptEngine::ScriptEngine() {
  extras_.owner = this;
  extras_.pass = [](lua_State* L, void* owner) {
    static_cast<ScriptEngine*>(owner)->on_pass(L, kStepsPerPass);
  };
}

ScriptEngine::~ScriptEngine() {
  if (lua_ != nullptr) lua_close(lua_);
}

Fiber& ScriptEngine::fiber() {
  if (fiber_ == nullptr) fiber_ = std::make_unique<Fiber>(kStackBytes);
  return *fiber_;
}

void ScriptEngine::open() {
  if (lua_ != nullptr) return;
  lua_ = lua_newstate(&LuaMemory::allocate, &extras_.memory);
  if (lua_ == nullptr) std::abort();
  lua_State* const L = lua_;
  lua_atpanic(L, fail_for_good);
  push_globals(L);
  push_redis(L);
  lua_setfield(L, -2, "redis");
  push_bit(L);
  lua_setfield(L, -2, "bit");
  push_struct(L);
  lua_setfield(L, -2, "struct");
  push_msgpack(L);
  lua_setfield(L, -2, "cmsgpack");
  push_json(L);
  lua_setfield(L, -2, "cjson");
  push_os(L);
  lua_setfield(L, -2, "os");
  lua_pushvalue(L, -1);
  globals_ = luaL_ref(L, LUA_REGISTRYINDEX);
  seal_globals(L);
  lua_pushcfunction(L, execute);
  execute_ = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, describe_error);
  describe_error_ = luaL_ref(L, LUA_REGISTRYINDEX);
  keys_name_ = ref_of_text(L, "KEYS");
  arguments_name_ = ref_of_text(L, "ARGV");
  // The parser does not keep it alive by itself.
  chunk_name_ = ref_of_text(L, "@user_script");
  set_hook(L, kInstructionsPerLook);
}

void ScriptEngine::set_hook(lua_State* L, int instructions) {
  lua_sethook(L, hook, LUA_MASKCOUNT, instructions);
}

void ScriptEngine::set_limit() {
  extras_.memory.set_limit(memory_limit_ - std::min(memory_limit_, cache_.bytes()));
}

// Garbage and scripts that are not kept may take half of the memory, not more: the other half is
// for the script that comes.
void ScriptEngine::make_room(const Script* except) {
  set_limit();
  while (lua_ != nullptr && is_half_full()) {
    lua_gc(lua_, LUA_GCCOLLECT, 0);
    if (!is_half_full()) return;
    size_t evicted = 0;
    // Several at a time: each round collects all garbage.
    while (evicted < 1 + cache_.passing() / 2 && evict_one(except)) ++evicted;
    if (evicted == 0) return;
    set_limit();
    note_usage();
  }
}

bool ScriptEngine::evict_one(const Script* except) {
  int function = 0;
  if (!cache_.evict(except, function)) return false;
  luaL_unref(lua_, LUA_REGISTRYINDEX, function);
  evicted_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void ScriptEngine::note_usage() {
  cache_bytes_.store(cache_.bytes(), std::memory_order_relaxed);
  cached_scripts_.store(cache_.size(), std::memory_order_relaxed);
}

// ---- scripts ------------------------------------------------------------------------------------

// Leaves the function on the stack, or the text of the error.
int ScriptEngine::compile(std::string_view body) {
  if (body.starts_with(LUA_SIGNATURE[0])) {
    lua_pushliteral(lua_, "attempt to load a binary chunk");
    return LUA_ERRSYNTAX;
  }
  const LuaMemory::Guard guard(extras_.memory);
  return luaL_loadbuffer(lua_, body.data(), body.size(), "@user_script");
}

Script* ScriptEngine::load(std::string_view source, bool keep, std::string& error) {
  open();
  Script* script = cache_.find_source(source);
  if (script == nullptr) script = add(source, error);
  if (script == nullptr || !keep || script->kept) return script;
  // Those that are kept must leave room for others.
  make_room(script);
  if (is_half_full()) {
    error = kCannotCompile;
    error += kNoMemory;
    return nullptr;
  }
  cache_.keep(*script);
  return script;
}

Script* ScriptEngine::add(std::string_view source, std::string& error) {
  Script script;
  std::string_view body;
  if (!read_script_flags(source, script.flags, body, error)) return nullptr;
  while (cache_.passing() >= ScriptCache::kMostPassing && evict_one(nullptr)) {
  }
  while (cache_.bytes() + source.size() > memory_limit_ / 2 && evict_one(nullptr)) {
  }
  make_room(nullptr);
  error = kCannotCompile;
  if (cache_.bytes() + source.size() > memory_limit_ / 2) {
    error += kNoMemory;
    return nullptr;
  }
  if (compile(body) != 0) {
    error += text_at(lua_, -1);
    lua_settop(lua_, 0);
    return nullptr;
  }
  error.clear();
  script.function = luaL_ref(lua_, LUA_REGISTRYINDEX);
  script.source = source;
  script.sha = sha1_text(source);
  Script& added = cache_.add(std::move(script));
  note_usage();
  return &added;
}

// With the state goes whatever scripts have left in it.
void ScriptEngine::flush() {
  cache_.clear([](const Script&) {});
  if (lua_ != nullptr) lua_close(lua_);
  lua_ = nullptr;
  note_usage();
}

// ---- running ------------------------------------------------------------------------------------

struct ScriptEngine::Execution {
  ScriptEngine* engine;
  int function;
  Arguments keys;
  Arguments arguments;
  Reply* reply;
  size_t most_bytes;
};

namespace {

// [-0, +0] Sets a global to a list of texts.
void set_list(lua_State* L, int globals, int name, Arguments texts) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, globals);
  lua_rawgeti(L, LUA_REGISTRYINDEX, name);
  lua_createtable(L, static_cast<int>(texts.size()), 0);
  for (size_t i = 0; i < texts.size(); ++i) {
    lua_pushlstring(L, texts[i].data(), texts[i].size());
    lua_rawseti(L, -2, static_cast<int>(i) + 1);
  }
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

// What was written of a reply that will not be. (Of a buffer beyond its limit nothing is sent.)
void drop_reply(Reply& reply, size_t begin) {
  if (reply.buffer().view().size() > begin) reply.buffer().truncate(begin);
}

// An error that a command was answered with: it was counted then.
bool is_counted_error(lua_State* L, int index) {
  if (!lua_istable(L, index)) return false;
  lua_pushliteral(L, "ignore_error_stats_update");
  lua_rawget(L, index);
  const bool is_counted = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return is_counted;
}

void set_nil(lua_State* L, int globals, int name) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, globals);
  lua_rawgeti(L, LUA_REGISTRYINDEX, name);
  lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

}  // namespace

int ScriptEngine::execute(lua_State* L) {
  const auto& execution = *static_cast<const Execution*>(lua_touserdata(L, 1));
  ScriptEngine& engine = *execution.engine;
  lua_settop(L, 0);
  set_list(L, engine.globals_, engine.keys_name_, execution.keys);
  set_list(L, engine.globals_, engine.arguments_name_, execution.arguments);
  lua_rawgeti(L, LUA_REGISTRYINDEX, execution.function);
  lua_call(L, 0, 1);
  Reply& reply = *execution.reply;
  const size_t begin = reply.buffer().view().size();
  const Written written = write_value(L, reply, engine.dialect_, execution.most_bytes);
  if (written == Written::whole) {
    const bool is_error = reply.buffer().view().substr(begin).starts_with('-');
    if (is_error && is_counted_error(L, 1)) engine.host_->note_counted_error();
    return 0;
  }
  drop_reply(reply, begin);
  reply.error(written == Written::too_large ? "ERR the reply of the script is too large"
                                            : "ERR reached lua stack limit");
  return 0;
}

void ScriptEngine::run(const Script& script, Arguments keys, Arguments arguments, ScriptHost& host,
                       Reply& reply) {
  make_room(&script);
  host_ = &host;
  dialect_ = protocol::Dialect::resp2;
  extras_.reset();
  extras_.random.seed(static_cast<int32_t>(host.random()));
  failure_.text.clear();
  failure_.source.clear();
  failure_.line = -1;
  failure_.counted = false;
  was_killed_ = false;
  state_.store(State::reading, std::memory_order_relaxed);
  begin_slice();
  lua_State* const L = lua_;
  const size_t begin = reply.buffer().view().size();
  Execution execution{this, script.function, keys, arguments, &reply, extras_.memory.limit()};
  int status = 0;
  {
    const LuaMemory::Guard guard(extras_.memory);
    lua_rawgeti(L, LUA_REGISTRYINDEX, describe_error_);
    lua_rawgeti(L, LUA_REGISTRYINDEX, execute_);
    lua_pushlightuserdata(L, &execution);
    status = lua_pcall(L, 1, 0, 1);
  }
  lua_settop(L, 0);
  set_nil(L, globals_, keys_name_);
  set_nil(L, globals_, arguments_name_);
  if (lua_gethookcount(L) != kInstructionsPerLook) set_hook(L, kInstructionsPerLook);
  if (status != 0) {
    drop_reply(reply, begin);
    write_failure(status, script, reply);
  }
  state_.store(State::idle, std::memory_order_relaxed);
  host_ = nullptr;
}

// The outermost handler of errors: notes what and where, while the stack still shows it.
int ScriptEngine::describe_error(lua_State* L) {
  auto& engine = *static_cast<ScriptEngine*>(LuaExtras::of(L).owner);
  Failure& failure = engine.failure_;
  const auto bounded = [L](int index) { return text_at(L, index).substr(0, kMostErrorBytes); };
  lua_settop(L, 1);
  if (lua_istable(L, 1)) {
    lua_pushliteral(L, "err");
    lua_rawget(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
      failure.text = bounded(-1);
    } else {
      failure.text = "ERR unknown error";
    }
    failure.counted = is_counted_error(L, 1);
  } else {
    failure.text = "ERR ";
    if (lua_isstring(L, 1) != 0) {
      failure.text += bounded(1);
    } else if (lua_isboolean(L, 1)) {
      failure.text += lua_toboolean(L, 1) != 0 ? "true" : "false";
    } else {
      failure.text += luaL_typename(L, 1);
    }
  }
  lua_Debug activation;
  for (int level = 1; level <= 2; ++level) {
    if (lua_getstack(L, level, &activation) == 0) break;
    lua_getinfo(L, "Sl", &activation);
    failure.source = std::string_view(activation.source).substr(0, kMostSourceBytes);
    failure.line = activation.currentline;
    if (std::string_view(activation.what) != "C") break;
  }
  lua_settop(L, 1);
  return 1;
}

void ScriptEngine::write_failure(int status, const Script& script, Reply& reply) {
  std::string text;
  if (status == LUA_ERRRUN && !failure_.text.empty()) {
    text = failure_.text;
    if (failure_.counted) host_->note_counted_error();
    if (!failure_.source.empty()) {
      text += " script: ";
      text += script.name();
      text += ", on " + failure_.source + ":" + std::to_string(failure_.line) + ".";
    }
  } else {
    text = "ERR Error running script ";
    text += script.name();
    text += ", ";
    text += status == LUA_ERRMEM ? kNoMemory : "error in error handling";
  }
  reply.error(text);
}

// ---- stopping -----------------------------------------------------------------------------------

ScriptEngine::Kill ScriptEngine::kill() {
  State expected = State::reading;
  if (state_.compare_exchange_strong(expected, State::killed, std::memory_order_relaxed)) {
    return Kill::killing;
  }
  switch (expected) {
    case State::writing:
      return Kill::has_written;
    case State::killed:
      return Kill::killing;
    default:
      return Kill::no_script;
  }
}

bool ScriptEngine::begin_write() {
  State expected = State::reading;
  return state_.compare_exchange_strong(expected, State::writing, std::memory_order_relaxed) ||
         (expected == State::writing && !is_killed());
}

void ScriptEngine::begin_slice() {
  slice_steps_ = 0;
  if (host_ != nullptr) slice_begin_ns_ = look_ns_ = host_->clock_ns();
}

bool ScriptEngine::pause() {
  fiber_->suspend();
  begin_slice();
  return !is_killed();
}

void ScriptEngine::hook(lua_State* L, lua_Debug*) {
  static_cast<ScriptEngine*>(LuaExtras::of(L).owner)->on_count(L);
}

void ScriptEngine::on_count(lua_State* L) {
  if (host_ == nullptr) return;
  const int64_t last_ns = look_ns_;
  const int instructions = lua_gethookcount(L);
  on_pass(L, static_cast<unsigned>(instructions));
  const int64_t passed_ns = look_ns_ - last_ns;
  if (passed_ns > kLateNs) {
    set_hook(L, std::max(1, instructions / 8));
  } else if (instructions < kInstructionsPerLook && passed_ns < kLateNs / 8) {
    set_hook(L, std::min(kInstructionsPerLook, instructions * 2));
  }
}

void ScriptEngine::on_pass(lua_State* L, unsigned steps) {
  if (host_ == nullptr) return;
  throw_if_killed(L);
  look_ns_ = host_->clock_ns();
  slice_steps_ += steps;
  if (slice_steps_ < kStepsPerSlice && look_ns_ - slice_begin_ns_ < kSliceNs) return;
  static_cast<void>(pause());
  throw_if_killed(L);
}

// Again with each instruction, so that no pcall can hold it up.
void ScriptEngine::throw_if_killed(lua_State* L) {
  if (!is_killed()) return;
  was_killed_ = true;
  set_hook(lua_, 1);
  if (L != lua_) set_hook(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "ERR Script killed by user with SCRIPT KILL...");
  lua_setfield(L, -2, "err");
  lua_error(L);
}

}  // namespace larder::server
