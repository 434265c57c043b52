#include "server/scripting/sandbox.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "server/scripting/libraries.h"
#include "server/scripting/lua_extras.h"
#include "server/scripting/read_only.h"

namespace larder::server {
namespace {

// ---- functions of the base library ------------------------------------------------------------

int base_next(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (is_read_only(L, 1)) {
    push_real_table(L, 1);
    lua_replace(L, 1);
  }
  if (lua_next(L, 1) != 0) return 2;
  lua_pushnil(L);
  return 1;
}

// Upvalue: base_next.
int base_pairs(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

int base_rawget(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  push_real(L, 1);
  lua_insert(L, 2);
  lua_rawget(L, 2);
  return 1;
}

int base_rawset(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  refuse_read_only(L, 1);
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

// Upvalue: the read-only metatable of strings.
int base_getmetatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING) {
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
  }
  if (is_read_only(L, 1) || lua_getmetatable(L, 1) == 0) {
    lua_pushnil(L);
    return 1;
  }
  luaL_getmetafield(L, 1, "__metatable");
  return 1;  // the field if there is one, else the metatable
}

int base_setmetatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  refuse_read_only(L, 1);
  if (luaL_getmetafield(L, 1, "__metatable") != 0) {
    return luaL_error(L, "cannot change a protected metatable");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

// As Redis's: an error that is a table with a text `err` is answered as that text.
int base_pcall(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  if (lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0) == 0) return lua_gettop(L);
  lua_remove(L, 1);
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "err");
    lua_rawget(L, -2);
    if (lua_isstring(L, -1) != 0) {
      lua_replace(L, -2);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

// Lua's own calls the handler where the error is: if that is the hook that stops a script, hooks
// are off, and a handler that loops would never end. Here it is called after the error. (It could
// tell the difference only by the library debug, which there is not.)
int base_xpcall(lua_State* L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_insert(L, 1);
  const int status = lua_pcall(L, 0, LUA_MULTRET, 0);
  if (status == 0) {
    lua_pushboolean(L, 1);
    lua_replace(L, 1);
    return lua_gettop(L);
  }
  if (status == LUA_ERRRUN) {
    lua_pushvalue(L, 1);
    lua_insert(L, 2);
    if (lua_pcall(L, 1, 1, 0) != 0) {
      lua_settop(L, 1);
      lua_pushliteral(L, "error in error handling");
    }
  }
  lua_pushboolean(L, 0);
  lua_replace(L, 1);
  return 2;
}

// Lua's own computes last - first + 1 in an int, and believes the result.
int base_unpack(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int64_t first = luaL_optinteger(L, 2, 1);
  const int64_t last = lua_isnoneornil(L, 3) ? static_cast<int64_t>(lua_objlen(L, 1))
                                             : static_cast<int64_t>(luaL_checkinteger(L, 3));
  if (first > last) return 0;
  const uint64_t further = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  if (further >= LUAI_MAXCSTACK || lua_checkstack(L, static_cast<int>(further) + 2) == 0) {
    return luaL_error(L, "too many results to unpack");
  }
  for (uint64_t i = 0; i <= further; ++i) {
    lua_pushnumber(L, static_cast<lua_Number>(first) + static_cast<lua_Number>(i));
    lua_rawget(L, 1);
  }
  return static_cast<int>(further) + 1;
}

// Text only: bytecode is trusted by the virtual machine, and so may come from nowhere.
// [source, name] on top; answers what loadstring does.
int load_text(lua_State* L) {
  size_t size = 0;
  const char* const source = lua_tolstring(L, -2, &size);
  if (size > 0 && source[0] == LUA_SIGNATURE[0]) {
    lua_pushnil(L);
    lua_pushliteral(L, "attempt to load a binary chunk");
    return 2;
  }
  // The parser keeps the name up to a NUL without telling the collector: so it is kept here.
  lua_pushstring(L, lua_tostring(L, -1));
  if (luaL_loadbuffer(L, source, size, lua_tostring(L, -1)) == 0) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int base_loadstring(lua_State* L) {
  luaL_checklstring(L, 1, nullptr);
  luaL_optlstring(L, 2, "", nullptr);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushvalue(L, 1);
    lua_replace(L, 2);
  }
  return load_text(L);
}

int base_load(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_optlstring(L, 2, "=(load)", nullptr);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_pushliteral(L, "=(load)");
    lua_replace(L, 2);
  }
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (unsigned steps = 1;; ++steps) {
    if (steps % kStepsPerPass == 0) pass_steps(L);
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) break;
    if (lua_isstring(L, -1) == 0) return luaL_error(L, "reader function must return a string");
    if (lua_objlen(L, -1) == 0) break;
    luaL_addvalue(&text);
  }
  lua_pop(L, 1);
  luaL_pushresult(&text);
  lua_pushvalue(L, 2);
  return load_text(L);
}

// What tunes the collector would outlive the script. A collection takes as long as memory is large.
int base_collectgarbage(lua_State* L) {
  static const char* const kOptions[] = {"stop", "restart", "collect", "count",
                                         "step", "setpause", "setstepmul", nullptr};
  enum Option { kStop, kRestart, kCollect, kCount, kStep };
  const int option = luaL_checkoption(L, 1, "collect", kOptions);
  const int argument = luaL_optint(L, 2, 0);
  switch (option) {
    case kCollect:
      lua_pushnumber(L, lua_gc(L, LUA_GCCOLLECT, 0));
      pass_steps(L);
      return 1;
    case kCount:
      lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT, 0) + lua_gc(L, LUA_GCCOUNTB, 0) / 1024.0);
      return 1;
    case kStep:
      lua_pushboolean(L, lua_gc(L, LUA_GCSTEP, argument < 0 ? 0 : argument));
      pass_steps(L);
      return 1;
    default:
      lua_pushnumber(L, 0);
      return 1;
  }
}

// ---- table --------------------------------------------------------------------------------------

// Lua's own shifts two billion places for a position of -2^31.
int table_insert(lua_State* L) {
  constexpr int kMostBefore = 1000;
  luaL_checktype(L, 1, LUA_TTABLE);
  refuse_read_only(L, 1);
  if (lua_objlen(L, 1) >= static_cast<size_t>(std::numeric_limits<int>::max())) {
    return luaL_error(L, "table is full");
  }
  int end = static_cast<int>(lua_objlen(L, 1)) + 1;
  if (lua_gettop(L) == 2) {
    lua_rawseti(L, 1, end);
    return 0;
  }
  if (lua_gettop(L) != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  const lua_Integer said = luaL_checkinteger(L, 2);
  luaL_argcheck(L, said >= -kMostBefore && said <= std::numeric_limits<int>::max(), 2,
                "position out of bounds");
  const int position = static_cast<int>(said);
  if (position > end) end = position;
  unsigned steps = 0;
  for (int i = end; i > position; --i) {
    if (++steps % kStepsPerPass == 0) pass_steps(L);
    lua_rawgeti(L, 1, i - 1);
    lua_rawseti(L, 1, i);
  }
  lua_rawseti(L, 1, position);
  return 0;
}

// Lua's own shifts as many places as #t says, which may be 2^29 for a table of 30 elements.
int table_remove(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  refuse_read_only(L, 1);
  const auto end = static_cast<lua_Integer>(lua_objlen(L, 1));
  const lua_Integer position = luaL_optinteger(L, 2, end);
  if (position < 1 || position > end) return 0;
  lua_rawgeti(L, 1, static_cast<int>(position));
  unsigned steps = 0;
  for (lua_Integer i = position; i < end; ++i) {
    if (++steps % kStepsPerPass == 0) pass_steps(L);
    lua_rawgeti(L, 1, static_cast<int>(i) + 1);
    lua_rawseti(L, 1, static_cast<int>(i));
  }
  lua_pushnil(L);
  lua_rawseti(L, 1, static_cast<int>(end));
  return 1;
}

// The same count; and what is called may be a C function, which takes its time.
int table_foreachi(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  const auto count = static_cast<int>(lua_objlen(L, 1));
  for (int i = 1; i <= count; ++i) {
    pass_steps(L);
    lua_pushvalue(L, 2);
    lua_pushinteger(L, i);
    lua_rawgeti(L, 1, i);
    lua_call(L, 2, 1);
    if (!lua_isnil(L, -1)) return 1;
    lua_pop(L, 1);
  }
  return 0;
}

int table_foreach(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 2)) {
    pass_steps(L);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 1);
    if (!lua_isnil(L, -1)) return 1;
  }
  return 0;
}

// A comparison of table.sort, counted: as long as texts are, and as long as a look if who knows
// what compares. Upvalue: the script's function, or nil.
int counted_less(lua_State* L) {
  const bool is_plain = lua_isnil(L, lua_upvalueindex(1)) && lua_isstring(L, 1) != 0;
  size_t& steps = LuaExtras::of(L).steps;
  steps += is_plain ? 1 + (lua_type(L, 1) == LUA_TSTRING ? lua_objlen(L, 1) / 16 : 0)
                    : kStepsPerPass;
  if (steps >= kStepsPerPass) {
    steps = 0;
    pass_steps(L);
  }
  if (lua_isnil(L, lua_upvalueindex(1))) {
    lua_pushboolean(L, lua_lessthan(L, 1, 2));
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

// Lua's own compares without executing an instruction of the script, quadratically often for who
// knows how. Upvalue: it.
int table_sort(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  refuse_read_only(L, 1);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  if (lua_isnil(L, 2) || lua_iscfunction(L, 2) != 0) lua_pushcclosure(L, counted_less, 1);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// Upvalue: the function of Lua's library that does it.
int guarded(lua_State* L) {
  refuse_read_only(L, 1);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// Replaces the function of the table on top by one that refuses read-only tables.
void guard_field(lua_State* L, const char* name) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, guarded, 1);
  lua_setfield(L, -2, name);
}

// ---- math ---------------------------------------------------------------------------------------

int math_random(lua_State* L) {
  const double unit = LuaExtras::of(L).random.next();
  switch (lua_gettop(L)) {
    case 0:
      lua_pushnumber(L, unit);
      return 1;
    case 1: {
      const int most = luaL_checkint(L, 1);
      luaL_argcheck(L, 1 <= most, 1, "interval is empty");
      lua_pushnumber(L, std::floor(unit * most) + 1);
      return 1;
    }
    case 2: {
      const int least = luaL_checkint(L, 1);
      const int most = luaL_checkint(L, 2);
      luaL_argcheck(L, least <= most, 2, "interval is empty");
      const double count = static_cast<double>(most) - static_cast<double>(least) + 1;
      lua_pushnumber(L, std::floor(unit * count) + least);
      return 1;
    }
    default:
      return luaL_error(L, "wrong number of arguments");
  }
}

int math_randomseed(lua_State* L) {
  LuaExtras::of(L).random.seed(static_cast<int32_t>(luaL_checkinteger(L, 1)));
  return 0;
}

// ---- globals ------------------------------------------------------------------------------------

int missing_global(lua_State* L) {
  const char* const name =
      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", name);
}

constexpr std::array kKept{"assert", "error",    "gcinfo", "ipairs",   "rawequal", "select",
                           "tonumber", "tostring", "type",   "_VERSION"};

constexpr luaL_Reg kOwnBase[] = {{"next", base_next},
                                 {"rawget", base_rawget},
                                 {"rawset", base_rawset},
                                 {"setmetatable", base_setmetatable},
                                 {"pcall", base_pcall},
                                 {"xpcall", base_xpcall},
                                 {"unpack", base_unpack},
                                 {"loadstring", base_loadstring},
                                 {"load", base_load},
                                 {"collectgarbage", base_collectgarbage}};

void open(lua_State* L, lua_CFunction library, const char* name) {
  lua_pushcfunction(L, library);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

// Copies a field of Lua's own globals into the table on top.
void keep(lua_State* L, const char* name) {
  lua_getfield(L, LUA_GLOBALSINDEX, name);
  lua_setfield(L, -2, name);
}

void add_tables(lua_State* L) {
  for (const char* name : {"coroutine", "string", "table", "math"}) keep(L, name);

  lua_getfield(L, -1, "table");
  lua_pushcfunction(L, table_insert);
  lua_setfield(L, -2, "insert");
  lua_pushcfunction(L, table_remove);
  lua_setfield(L, -2, "remove");
  lua_pushcfunction(L, table_foreachi);
  lua_setfield(L, -2, "foreachi");
  lua_pushcfunction(L, table_foreach);
  lua_setfield(L, -2, "foreach");
  lua_getfield(L, -1, "sort");
  lua_pushcclosure(L, table_sort, 1);
  lua_setfield(L, -2, "sort");
  guard_field(L, "setn");
  lua_pop(L, 1);

  lua_getfield(L, -1, "math");
  lua_pushcfunction(L, math_random);
  lua_setfield(L, -2, "random");
  lua_pushcfunction(L, math_randomseed);
  lua_setfield(L, -2, "randomseed");
  lua_pop(L, 1);

  lua_getfield(L, -1, "string");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  add_pattern_functions(L);
  lua_pop(L, 1);
}

}  // namespace

void push_globals(lua_State* L) {
  open(L, luaopen_base, "");
  open(L, luaopen_table, LUA_TABLIBNAME);
  open(L, luaopen_string, LUA_STRLIBNAME);
  open(L, luaopen_math, LUA_MATHLIBNAME);
  lua_newtable(L);
  for (const char* name : kKept) keep(L, name);
  for (const luaL_Reg& function : kOwnBase) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  lua_getfield(L, -1, "next");
  lua_pushcclosure(L, base_pairs, 1);
  lua_setfield(L, -2, "pairs");
  add_tables(L);
}

void seal_globals(lua_State* L) {
  // Strings find their methods in the real table; who asks for their metatable gets a proxy of it,
  // with a proxy of the methods in it.
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_remove(L, -2);
  lua_newtable(L);
  lua_getfield(L, -3, "string");
  make_read_only(L);
  lua_setfield(L, -2, "__index");
  make_read_only(L);
  lua_pushcclosure(L, base_getmetatable, 1);
  lua_setfield(L, -3, "getmetatable");
  lua_pop(L, 1);

  // Every table in it, then itself. (Assigning to existing keys is allowed while traversing.)
  for (lua_pushnil(L); lua_next(L, -2) != 0;) {
    if (!lua_istable(L, -1)) {
      lua_pop(L, 1);
      continue;
    }
    make_read_only(L);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, missing_global);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  make_read_only(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "_G");
  lua_replace(L, LUA_GLOBALSINDEX);
  lua_pop(L, 1);
}

void pass_steps(lua_State* L) {
  const LuaExtras& extras = LuaExtras::of(L);
  if (extras.pass != nullptr) extras.pass(L, extras.owner);
}

}  // namespace larder::server
