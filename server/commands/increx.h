// INCREX: adds to a number within bounds, and says how long the key lives, in one command.
//
//   INCREX key [BYINT n | BYFLOAT x] [LBOUND n] [UBOUND n] [SATURATE]
//              [EX s | PX ms | EXAT s | PXAT ms | PERSIST] [ENX] [NX | XX]
//
// As in Redis 8.8; NX and XX are Valkey 9.2's. The words may stand in any order, each once. The
// reply is the number that holds now and what was added to it: two integers, or with BYFLOAT two
// decimals as INCRBYFLOAT writes them. A sum outside the bounds (bounded_sum.h has the rules), or a
// condition that fails, adds 0 and changes nothing: no key is created, no lifetime touched.
//
//   no word of time   the key lives on as it did
//   ENX               a key that has a deadline keeps it, even where the new one has passed
//   a time that has passed deletes the key; the reply is as if it had stayed
//
// Errors of the words come before those of the key; of the words, those of grammar first, then
// increment, bounds and time in this order. No public text says in what order Redis looks at
// several faults of one request.
#pragma once

#include "server/command.h"

namespace larder::server {

void increx(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
