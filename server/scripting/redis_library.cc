// redis: what scripts say to the server.
#include <cmath>
#include <cstdio>
#include <string_view>

#include "protocol/number.h"
#include "server/scripting/conversion.h"
#include "server/scripting/engine.h"
#include "server/scripting/libraries.h"
#include "server/scripting/sandbox.h"
#include "server/version.h"

namespace larder::server {

// The engine's inside, for the functions below.
struct ScriptCall {
  static ScriptEngine& engine(lua_State* L) {
    return *static_cast<ScriptEngine*>(LuaExtras::of(L).owner);
  }
  static ScriptHost& host(lua_State* L) { return *engine(L).host_; }
  static void set_dialect(lua_State* L, protocol::Dialect dialect) {
    engine(L).dialect_ = dialect;
  }

  // The arguments as a command's words; false if one is neither text nor number. They hold until
  // the stack changes.
  static bool read_words(lua_State* L) {
    ScriptEngine& it = engine(L);
    const int count = lua_gettop(L);
    it.words_.clear();
    it.numbers_.resize(static_cast<size_t>(count) * kMostNumberChars);
    for (int i = 1; i <= count; ++i) {
      if (lua_type(L, i) == LUA_TSTRING) {
        size_t size = 0;
        const char* const text = lua_tolstring(L, i, &size);
        it.words_.emplace_back(text, size);
      } else if (lua_type(L, i) == LUA_TNUMBER) {
        char* const text = it.numbers_.data() + static_cast<size_t>(i - 1) * kMostNumberChars;
        it.words_.emplace_back(text, write_number(lua_tonumber(L, i), text));
      } else {
        return false;
      }
    }
    return true;
  }

  static std::string_view run(lua_State* L) {
    ScriptEngine& it = engine(L);
    return it.host_->call(it.words_, it.dialect_);
  }
  static void stop_if_killed(lua_State* L) { engine(L).throw_if_killed(L); }
  // Commands take time that Lua's instructions do not show.
  static void look_at_time(lua_State* L) {
    ScriptEngine& it = engine(L);
    if (++it.calls_ % ScriptEngine::kCallsPerLook == 0) it.on_pass(L, kStepsPerPass);
  }

 private:
  static constexpr size_t kMostNumberChars = 32;

  // As printf's %.17g, which whole numbers need not wait for.
  static size_t write_number(double number, char* text) {
    constexpr double kMostWhole = 1e15;
    if (std::abs(number) < kMostWhole && number == std::trunc(number) &&
        !(number == 0 && std::signbit(number))) {
      return static_cast<size_t>(protocol::write_int64(static_cast<int64_t>(number), text) - text);
    }
    return static_cast<size_t>(std::snprintf(text, kMostNumberChars, "%.17g", number));
  }
};

namespace {

constexpr int kReplicateNone = 0;
constexpr int kReplicateLog = 1;
constexpr int kReplicateReplica = 2;

// Pushes {err = text}.
int push_error(lua_State* L, const char* text) {
  lua_createtable(L, 0, 1);
  lua_pushstring(L, text);
  lua_setfield(L, -2, "err");
  return 1;
}

int raise(lua_State* L, const char* text) {
  push_error(L, text);
  return lua_error(L);
}

int call(lua_State* L, bool raises) {
  ScriptCall::look_at_time(L);
  if (lua_gettop(L) == 0) {
    push_error(L, "ERR Please specify at least one argument for this redis lib call");
    return raises ? lua_error(L) : 1;
  }
  if (!ScriptCall::read_words(L)) {
    push_error(L, "ERR Lua redis lib command arguments must be strings or integers");
    return raises ? lua_error(L) : 1;
  }
  const std::string_view reply = ScriptCall::run(L);
  ScriptCall::stop_if_killed(L);
  const bool failed = reply.starts_with('-');
  lua_settop(L, 0);
  push_reply(L, reply);
  return failed && raises ? lua_error(L) : 1;
}

int redis_call(lua_State* L) {
  return call(L, /*raises=*/true);
}
int redis_pcall(lua_State* L) {
  return call(L, /*raises=*/false);
}

bool has_one_text(lua_State* L) {
  return lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING;
}

// "-CODE text" and "CODE text" are taken as they are; one word alone gets the code ERR.
int redis_error_reply(lua_State* L) {
  if (!has_one_text(L)) return push_error(L, "ERR wrong number or type of arguments");
  size_t size = 0;
  const char* const bytes = lua_tolstring(L, 1, &size);
  std::string_view text(bytes, size);
  if (text.starts_with('-')) text.remove_prefix(1);
  lua_createtable(L, 0, 1);
  if (text.find(' ') == std::string_view::npos) {
    lua_pushliteral(L, "ERR ");
    lua_pushlstring(L, text.data(), text.size());
    lua_concat(L, 2);
  } else {
    lua_pushlstring(L, text.data(), text.size());
  }
  lua_setfield(L, -2, "err");
  return 1;
}

int redis_status_reply(lua_State* L) {
  if (!has_one_text(L)) return push_error(L, "ERR wrong number or type of arguments");
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "ok");
  return 1;
}

int redis_sha1hex(lua_State* L) {
  if (lua_gettop(L) != 1) return raise(L, "ERR wrong number of arguments");
  size_t size = 0;
  const char* text = lua_tolstring(L, 1, &size);
  if (text == nullptr) text = "";
  const Sha1Text sha = sha1_text({text, size});
  lua_pushlstring(L, sha.data(), sha.size());
  return 1;
}

int redis_log(lua_State* L) {
  const int count = lua_gettop(L);
  if (count < 2) return raise(L, "ERR redis.log() requires two arguments or more.");
  if (lua_isnumber(L, 1) == 0) return raise(L, "ERR First argument must be a number (log level).");
  const double level = lua_tonumber(L, 1);
  if (!(level >= 0 && level < 4)) return raise(L, "ERR Invalid debug level.");
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (int i = 2; i <= count; ++i) {
    size_t size = 0;
    const char* const part = lua_tolstring(L, i, &size);
    if (part == nullptr) continue;
    if (i > 2) luaL_addchar(&text, ' ');
    luaL_addlstring(&text, part, size);
  }
  luaL_pushresult(&text);
  size_t size = 0;
  const char* const whole = lua_tolstring(L, -1, &size);
  ScriptCall::host(L).log(static_cast<ScriptLogLevel>(level), {whole, size});
  return 0;
}

int redis_setresp(lua_State* L) {
  if (lua_gettop(L) != 1) return raise(L, "ERR redis.setresp() requires one argument.");
  const double version = lua_tonumber(L, 1);
  if (version != 2 && version != 3) return raise(L, "ERR RESP version must be 2 or 3.");
  ScriptCall::set_dialect(L, version == 2 ? protocol::Dialect::resp2 : protocol::Dialect::resp3);
  return 0;
}

int redis_set_repl(lua_State* L) {
  if (lua_gettop(L) != 1) return raise(L, "ERR redis.set_repl() requires two arguments.");
  const double flags = lua_tonumber(L, 1);
  if (!(flags >= kReplicateNone && flags <= (kReplicateLog | kReplicateReplica))) {
    return raise(L,
                 "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or "
                 "REPL_NONE.");
  }
  ScriptCall::host(L).set_replicates(flags >= 1);
  return 0;
}

// Commands are always replicated by their effects.
int redis_replicate_commands(lua_State* L) {
  lua_pushboolean(L, 1);
  return 1;
}

// Processor time, roughly: seconds since some moment.
int os_clock(lua_State* L) {
  lua_pushnumber(L, static_cast<lua_Number>(ScriptCall::host(L).clock_ns()) / 1e9);
  return 1;
}

void set_number(lua_State* L, const char* name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

}  // namespace

void push_redis(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"call", redis_call},
                                     {"pcall", redis_pcall},
                                     {"error_reply", redis_error_reply},
                                     {"status_reply", redis_status_reply},
                                     {"sha1hex", redis_sha1hex},
                                     {"log", redis_log},
                                     {"setresp", redis_setresp},
                                     {"set_repl", redis_set_repl},
                                     {"replicate_commands", redis_replicate_commands}};
  lua_newtable(L);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  set_number(L, "LOG_DEBUG", 0);
  set_number(L, "LOG_VERBOSE", 1);
  set_number(L, "LOG_NOTICE", 2);
  set_number(L, "LOG_WARNING", 3);
  set_number(L, "REPL_NONE", kReplicateNone);
  set_number(L, "REPL_AOF", kReplicateLog);
  set_number(L, "REPL_SLAVE", kReplicateReplica);
  set_number(L, "REPL_REPLICA", kReplicateReplica);
  set_number(L, "REPL_ALL", kReplicateLog | kReplicateReplica);
  lua_pushlstring(L, kRedisVersion.data(), kRedisVersion.size());
  lua_setfield(L, -2, "REDIS_VERSION");
  set_number(L, "REDIS_VERSION_NUM", kRedisVersionNumber);
}

void push_os(lua_State* L) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, os_clock);
  lua_setfield(L, -2, "clock");
}

}  // namespace larder::server
