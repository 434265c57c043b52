// CLIENT UNBLOCK: a client that waits for a key is sent away, as if its time were over or with an
// error.
#pragma once

#include <memory>

#include "protocol/reply.h"
#include "protocol/request_parser.h"

namespace larder::server {

class NodeContext;
class NodeTask;

std::shared_ptr<NodeTask> client_unblock(NodeContext& context, protocol::Arguments arguments,
                                         protocol::Reply& reply);

}  // namespace larder::server
