// What a worker does with messages: it takes them out of its box (pubsub/channel_registry.h) and
// hands them out to its connections; and it wakes other workers for what its clients published.
#include <algorithm>
#include <cstring>

#include "server/node.h"
#include "server/worker.h"

namespace larder::server {
namespace {

// Scratch beyond this is given back.
constexpr size_t kMostKeptMessages = 4096;

void append_message(std::string_view head, const Message& message, protocol::Dialect dialect,
                    bool may_pin, protocol::ReplyBuffer& output) {
  const std::string_view tail = message.tail();
  const char kind = dialect == protocol::Dialect::resp3 ? '>' : '*';
  const bool pins = may_pin && tail.size() >= Message::kPinnedFrom;
  const size_t copied = 1 + head.size() + (pins ? 0 : tail.size());
  char* const start = output.reserve(copied);
  start[0] = kind;
  std::memcpy(start + 1, head.data(), head.size());
  if (!pins) std::memcpy(start + 1 + head.size(), tail.data(), tail.size());
  output.commit(copied);
  if (pins) output.append_pinned(message.pin());
}

}  // namespace

void Worker::begin_messages() {
  dispatcher_.subscriptions().on_earlier(
      [this](const Session& session, std::vector<MessageRef>& messages, bool lost) {
        // Between the answers to (un)subscribing there is room for a message; inside EXEC's reply,
        // and for one that is leaving, there is none.
        const bool has_room = !dispatcher_.environment().inside_exec;
        deliver(messages, lost, has_room ? nullptr : session.connection);
      });
}

// Of the commands that are answered by pushes each is heard, whatever CLIENT REPLY says.
bool Worker::is_answered_anyway(const Session& session, const Request& request) {
  constexpr uint32_t kSubscribing = kPubSub | kSubscriberMode;
  return request.command != nullptr && !session.in_transaction() &&
         (request.command->row->flags & kSubscribing) == kSubscribing &&
         request.command->row->accepts(request.arguments.size());
}

void Worker::deliver_messages() {
  MessageBox& box = node_.channels().box(index_);
  while (box.has_mail()) {
    const bool lost = box.take(messages_);
    deliver(messages_, lost, nullptr);
    if (messages_.capacity() > kMostKeptMessages) std::vector<MessageRef>().swap(messages_);
    messages_.clear();
  }
}

// `deferring`: what it hears waits until its reply is complete; null: nobody.
void Worker::deliver(std::vector<MessageRef>& messages, bool lost, Connection* deferring) {
  for (const MessageRef& message : messages) hand_out(*message, deferring);
  messages_lost_ = messages_lost_ || lost;
}

void Worker::hand_out(const Message& message, Connection* deferring) {
  if (const Topic* topic = dispatcher_.subscriptions().find(message.kind(), message.channel())) {
    hand_out(*topic, message, deferring);
  }
  for (const std::string& pattern : message.patterns()) {
    if (const Topic* topic = dispatcher_.subscriptions().find(TopicKind::pattern, pattern)) {
      hand_out(*topic, message, deferring);
    }
  }
}

void Worker::hand_out(const Topic& topic, const Message& message, Connection* deferring) {
  for (Session* seat : topic.seats) {
    const Session& session = *seat;
    Connection* const connection = session.connection;
    if (connection->closing || session.close_after_reply) continue;
    if (connection == deferring) [[unlikely]] {
      append_message(topic.head, message, session.dialect, /*may_pin=*/false, deferred_);
      dispatcher_.environment().attention = true;
      continue;
    }
    if (connection->output.capacity() == 0 && !pool_.empty()) {
      connection->output = std::move(pool_.back());
      pool_.pop_back();
    }
    connection->output.set_limit(output_limit_bytes(session));
    append_message(topic.head, message, session.dialect, /*may_pin=*/true, connection->output);
    mark_for_flush(*connection);
    // Closing it now would change what is being walked over.
    if (connection->unsent_bytes() > output_check_bytes_) laden_.push_back(connection->id);
  }
}

// Recipients that do not read; better no subscriber than one that misses something.
void Worker::check_recipients() {
  for (size_t i = 0; i < laden_.size(); ++i) {
    Connection* connection = find(laden_[i]);
    if (connection != nullptr && !connection->closing) check_output(*connection);
  }
  laden_.clear();
  if (!std::exchange(messages_lost_, false)) return;
  for (auto& connection : connections_) {
    if (connection == nullptr || connection->closing) continue;
    if (!connection->session.is_subscribed()) continue;
    ++stats().output_limit_disconnections;
    close(*connection);
  }
}

// After a request of `connection` that left something to do.
void Worker::attend(Connection& connection) {
  if (dispatcher_.monitored()) show_own_monitors();
  if (!deferred_.empty()) {
    connection.output.append(deferred_.view());
    deferred_.clear();
  }
  deliver_messages();
  check_recipients();
  dispatcher_.environment().attention = dispatcher_.monitored();
}

void Worker::finish_messages() {
  deliver_messages();
  check_recipients();
  if (!std::exchange(dispatcher_.environment().posted, false)) return;
  for (unsigned worker = 0; worker < node_.worker_count(); ++worker) {
    if (worker == index_ || !node_.channels().box(worker).claim_wake()) continue;
    ops_->list.push_back({.kind = OpKind::wake, .worker = worker});
  }
}

}  // namespace larder::server
