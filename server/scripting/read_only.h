// Tables that scripts may read but not change.
//
// Lua 5.1 has no such tables, and one state serves all clients: what one script changes, the next
// would see. So a script gets a proxy, an empty table whose metatable leads reads to the real table
// and refuses writes. What reaches into tables past metatables (rawset, table.insert, next ...) is
// replaced in the sandbox by functions that ask here first.
//
// Thread: that of the state. The functions leave the stack as they found it unless they say so.
#pragma once

#include <lua.hpp>

namespace larder::server {

// [-1, +1] Replaces the table on top with a proxy of it.
void make_read_only(lua_State* L);

// Is the value at `index` a proxy?
bool is_read_only(lua_State* L, int index);

// [-0, +1] Pushes what the value at `index` stands for: the real table of a proxy, else itself.
void push_real(lua_State* L, int index);

// [-0, +1] The real table of a proxy that is known to be one.
void push_real_table(lua_State* L, int index);

// Raises the error that says so if the value at `index` is a proxy.
void refuse_read_only(lua_State* L, int index);

}  // namespace larder::server
