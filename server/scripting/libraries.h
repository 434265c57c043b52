// The libraries of scripts that are our own, one file each.
//
// Written anew from their documentation, because those of Debian crash when asked badly (bit.tohex
// of -2^31), end the process when memory is short (cjson), or do not exist (struct, cmsgpack), and
// what they allocate belongs to no account. Ours take memory from the Lua state only, bound depth
// and lengths before they believe them, and keep nothing from one script to the next.
//
// Thread: that of the state.
#pragma once

#include <lua.hpp>

namespace larder::server {

// [-0, +0] Into the string table, which is on top: find, match, gmatch, gfind, gsub, rep. Patterns
// are Lua 5.1's; deep ones are refused, slow ones can be stopped.
void add_pattern_functions(lua_State* L);

// [-0, +1] Each pushes its table.
void push_bit(lua_State* L);      // 32-bit integers, as LuaBitOp
void push_struct(lua_State* L);   // binary records, as Roberto Ierusalimschy's struct 0.2
void push_msgpack(lua_State* L);  // MessagePack, as lua-cmsgpack 0.4
void push_json(lua_State* L);     // JSON, as lua-cjson 2.1
void push_redis(lua_State* L);    // redis.call and its like
void push_os(lua_State* L);       // nothing but os.clock

}  // namespace larder::server
