// Keyspace events as messages: what notify-keyspace-events asks for.
//
//   __keyspace@<database>__:<key>    says the event's name
//   __keyevent@<database>__:<event>  says the key's name
//
// Thread: any.
#pragma once

#include <cstdint>
#include <span>

#include "server/effects.h"
#include "server/pubsub/channel_registry.h"

namespace larder::server {

// Publishes those of the events that `wanted` (config::KeyspaceEvents) includes, in their order.
// REQUIRES: the keys' shards are locked, so that the events of a key come in the order in which
// they happened. Cheap while nobody has subscribed to anything.
void publish_events(std::span<const KeyEvent> events, uint32_t wanted, ChannelRegistry& channels);

}  // namespace larder::server
