#include "server/keyspace_events.h"

#include <string>

namespace larder::server {

void publish_events(std::span<const KeyEvent> events, uint32_t wanted, ChannelRegistry& channels) {
  if (!channels.has_audience()) return;
  std::string channel;
  for (const KeyEvent& event : events) {
    if ((wanted & static_cast<uint32_t>(event.event_class)) == 0) continue;
    const std::string place = "@" + std::to_string(event.database) + "__:";
    if ((wanted & config::kEventsByKey) != 0) {
      channel.assign("__keyspace").append(place).append(event.key);
      channels.publish(TopicKind::channel, channel, event.name);
    }
    if ((wanted & config::kEventsByEvent) != 0) {
      channel.assign("__keyevent").append(place).append(event.name);
      channels.publish(TopicKind::channel, channel, event.key);
    }
  }
}

}  // namespace larder::server
