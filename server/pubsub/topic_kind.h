// TopicKind: the three things a client can subscribe to. Each has names of its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace larder::server {

enum class TopicKind : uint8_t { channel, pattern, shard_channel };
constexpr size_t kTopicKinds = 3;

}  // namespace larder::server
