// Counters: values that are numbers.
#pragma once

#include "server/command.h"

namespace larder::server {

void incr(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void decr(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void incrby(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void decrby(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void incrbyfloat(KeyContext& context, protocol::Arguments arguments, protocol::Reply& reply);

}  // namespace larder::server
