#include "server/scripting/read_only.h"

namespace larder::server {
namespace {

// The key of the real table in a proxy's metatable: an address that no script can name.
const char kRealTable = 0;

void* real_table_key() {
  return const_cast<char*>(&kRealTable);
}

int refuse_write(lua_State* L) {
  return luaL_error(L, "Attempt to modify a readonly table");
}

}  // namespace

void make_read_only(lua_State* L) {
  lua_newtable(L);                 // real, proxy
  lua_createtable(L, 0, 4);        // real, proxy, metatable
  lua_pushlightuserdata(L, real_table_key());
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_write);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

bool is_read_only(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;
  lua_pushlightuserdata(L, real_table_key());
  lua_rawget(L, -2);
  const bool found = lua_istable(L, -1);
  lua_pop(L, 2);
  return found;
}

void push_real_table(lua_State* L, int index) {
  lua_getmetatable(L, index);
  lua_pushlightuserdata(L, real_table_key());
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void push_real(lua_State* L, int index) {
  if (is_read_only(L, index)) return push_real_table(L, index);
  lua_pushvalue(L, index);
}

void refuse_read_only(lua_State* L, int index) {
  if (!is_read_only(L, index)) return;
  lua_pushliteral(L, "Attempt to modify a readonly table");
  lua_error(L);
}

}  // namespace larder::server
