// Values of Lua and replies of RESP, into each other, by the rules that Redis documents.
//
//   RESP -> Lua (redis.call)               Lua -> RESP (what a script returns)
//   +text          {ok = text}             string            bulk string
//   -text          {err = text}            number            integer, truncated
//   :n  $bytes     number, string          true, false       :1 and null; with setresp(3) #t, #f
//   *              array                   {err =}, {ok =}   error, simple string
//   null           false; RESP3's _: nil   {double =}        double
//   ,n             {double = n}            {map =}, {set =}  map, set
//   #t #f          boolean                 {big_number =}, {verbatim_string = {format =, string =}}
//   %  ~           {map =}, {set =}        other table       array, up to the first nil
//   (n             {big_number = text}     nil, function ... null
//   =fmt:text      {verbatim_string = {format =, string =}}
//
// Both are bounded: in depth by Lua's stack, in bytes by what they are given. Metatables are not
// asked. They raise Lua errors only for want of memory, so whoever calls them is protected and has
// nothing to destroy.
//
// Thread: that of the state.
#pragma once

#include <cstddef>
#include <lua.hpp>
#include <cstdint>
#include <string_view>

#include "protocol/reply.h"

namespace larder::server {

// Pushes the value of the first reply in `bytes`; nil (and what was understood before) if they
// break off or nest too deeply, which no reply of ours does.
void push_reply(lua_State* L, std::string_view bytes);

enum class Written : uint8_t {
  whole,
  too_large,  // it would take more than it may
  too_deep,   // the stack cannot grow so far
};

// Writes the value on top of the stack; what is not whole must be dropped. `most_bytes` of reply,
// in which a table counts for some more each time it occurs: finding it takes time.
// `script_dialect` is what the script said to setresp.
[[nodiscard]] Written write_value(lua_State* L, protocol::Reply& reply,
                                  protocol::Dialect script_dialect, size_t most_bytes);

}  // namespace larder::server
