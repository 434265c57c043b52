// CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO; their rows are CLIENT's.
#pragma once

#include <memory>

#include "server/command.h"

namespace larder::server {

std::shared_ptr<NodeTask> client_tracking(NodeContext& context, protocol::Arguments arguments,
                                          protocol::Reply& reply);
void client_caching(SessionContext& context, protocol::Arguments arguments, protocol::Reply& reply);
void client_getredir(SessionContext& context, protocol::Arguments arguments,
                     protocol::Reply& reply);
void client_trackinginfo(SessionContext& context, protocol::Arguments arguments,
                         protocol::Reply& reply);

}  // namespace larder::server
