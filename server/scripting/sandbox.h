// The world of a script: which of Lua's functions it can name, and that it cannot change them.
//
// Of the standard library it has what cannot reach outside the script. What of that crashes or
// loops in Debian's Lua 5.1 when asked badly is our own: unpack, load, table.insert, string.rep,
// the pattern functions. Global tables are read-only proxies (read_only.h), as is the table of
// globals.
//
// Thread: that of the state.
#pragma once

#include <lua.hpp>

namespace larder::server {

// Pushes the real table of globals, filled with what scripts may use of Lua itself.
// [-0, +1] REQUIRES: a new state whose allocator is a LuaExtras.
void push_globals(lua_State* L);

// Makes the table on top the globals of all chunks to come, read-only: itself, its tables, and the
// methods of strings. Pops it. What is put into the real table later, scripts see.
void seal_globals(lua_State* L);

// For functions that are our own and may loop for long: to be called each time so many small steps
// are done. Stops the script for a while, or for good.
void pass_steps(lua_State* L);
constexpr unsigned kStepsPerPass = 2'000;

}  // namespace larder::server
