#include "server/pubsub/message.h"

#include "protocol/reply.h"

namespace larder::server {

using protocol::Dialect;
using protocol::Reply;

MessageRef Message::make(TopicKind kind, std::string_view channel, std::string_view payload,
                         std::vector<std::string> patterns) {
  Message* const message = new Message;
  message->kind_ = kind;
  message->patterns_ = std::move(patterns);
  // A length takes at most 20 digits.
  message->tail_.reserve(channel.size() + payload.size() + 2 * (1 + 20 + 2 + 2));
  Reply tail(message->tail_, Dialect::resp2);
  tail.bulk(channel);
  message->channel_at_ = message->tail_.size() - channel.size() - 2;
  message->channel_bytes_ = channel.size();
  tail.bulk(payload);
  return MessageRef(message);
}

size_t Message::bytes() const {
  size_t bytes = sizeof *this + tail_.capacity() + patterns_.capacity() * sizeof(std::string);
  for (const std::string& pattern : patterns_) bytes += pattern.capacity();
  return bytes;
}

protocol::PinnedBytes Message::pin() const {
  hold();
  return {.data = tail_.view().data(),
          .size = tail_.size(),
          .owner = const_cast<Message*>(this),
          .release = [](void* owner) { static_cast<const Message*>(owner)->let_go(); }};
}

std::string pattern_head(std::string_view pattern) {
  std::string head = "4\r\n$8\r\npmessage\r\n$";
  head += std::to_string(pattern.size());
  head += "\r\n";
  head += pattern;
  head += "\r\n";
  return head;
}

}  // namespace larder::server
