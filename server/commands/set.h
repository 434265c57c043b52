// SET: the one command with a language of its own.
#pragma once

#include "server/command.h"

namespace larder::server {

void set_command(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
