// BITFIELD and BITFIELD_RO; their rows are in bits.cc.
#pragma once

#include "server/command.h"

namespace larder::server {

void bitfield(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void bitfield_ro(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
