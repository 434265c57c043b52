// Message: what somebody published, put into words once for all who hear it.
//
//   heard := kind head tail
//   kind  := '*' (RESP2) | '>' (RESP3)
//   head  := "3" CRLF bulk("message" | "smessage")
//          | "4" CRLF bulk("pmessage") bulk(pattern)
//   tail  := bulk(channel) bulk(payload)
//
// The tail is the message's own, the same for every subscriber of either dialect. Small tails are
// copied into a connection's output, large ones are sent from here by all of them.
//
// Thread: immutable once made; whoever holds a reference, in any thread, keeps it alive.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/reply_buffer.h"
#include "server/pubsub/topic_kind.h"

namespace larder::server {

class Message;

// A counted reference; may be empty.
class MessageRef {
 public:
  MessageRef() = default;
  // Takes over one reference.
  explicit MessageRef(const Message* message) : message_(message) {}
  MessageRef(const MessageRef& other);
  MessageRef(MessageRef&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(MessageRef other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessageRef();

  const Message& operator*() const { return *message_; }
  const Message* operator->() const { return message_; }
  explicit operator bool() const { return message_ != nullptr; }

 private:
  const Message* message_ = nullptr;
};

class Message {
 public:
  // A tail of this size or more is sent from where it lies.
  static constexpr size_t kPinnedFrom = 4096;
  static constexpr std::string_view kChannelHead = "3\r\n$7\r\nmessage\r\n";
  static constexpr std::string_view kShardHead = "3\r\n$8\r\nsmessage\r\n";

  // O(bytes). `kind`: channel or shard_channel; `patterns`: see below.
  static MessageRef make(TopicKind kind, std::string_view channel, std::string_view payload,
                         std::vector<std::string> patterns);
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  TopicKind kind() const { return kind_; }
  std::string_view channel() const { return tail_.view().substr(channel_at_, channel_bytes_); }
  std::string_view tail() const { return tail_.view(); }
  // Of process memory.
  size_t bytes() const;

  // The patterns that match its channel and that anybody had subscribed to.
  const std::vector<std::string>& patterns() const { return patterns_; }

  // For the output of a connection: holds a reference until it is released.
  protocol::PinnedBytes pin() const;

 private:
  friend class MessageRef;
  Message() = default;
  void hold() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() const {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  mutable std::atomic<uint32_t> references_{1};
  TopicKind kind_ = TopicKind::channel;
  size_t channel_at_ = 0;
  size_t channel_bytes_ = 0;
  protocol::ReplyBuffer tail_;
  std::vector<std::string> patterns_;
};

inline MessageRef::MessageRef(const MessageRef& other) : message_(other.message_) {
  if (message_ != nullptr) message_->hold();
}

inline MessageRef::~MessageRef() {
  if (message_ != nullptr) message_->let_go();
}

// The head of what subscribers of a pattern hear.
std::string pattern_head(std::string_view pattern);

}  // namespace larder::server
