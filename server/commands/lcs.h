// LCS: what two values have in common.
#pragma once

#include "server/command.h"

namespace larder::server {

void lcs(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
