// One client in one line, as CLIENT LIST and CLIENT INFO print it.
//
//   line := field { ' ' field }        field := name '=' value, without spaces
//
// Only what is known to be true: fields of Redis that have no counterpart here are left out.
#pragma once

#include <string>

#include "server/node_task.h"

namespace larder::server {

// Without the newline.
std::string client_line(const Session& session, const ConnectionFacts& facts, int64_t now_ms);

}  // namespace larder::server
