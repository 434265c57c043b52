// Letter: what is in a worker's box: a message or an invalidation.
#pragma once

#include <cstddef>
#include <memory>

#include "server/pubsub/message.h"
#include "server/tracking/invalidation.h"

namespace larder::server {

struct Letter {
  MessageRef message;
  std::shared_ptr<const Invalidation> invalidation;  // null: it is a message

  size_t bytes() const {
    return invalidation != nullptr ? invalidation->bytes() : message->bytes();
  }
};

}  // namespace larder::server
