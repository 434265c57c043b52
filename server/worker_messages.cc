// What a worker does with letters: it takes them out of its box (pubsub/channel_registry.h) and
// hands them out to its connections; and it wakes other workers for what its clients published.
#include <algorithm>
#include <cstring>

#include "server/node.h"
#include "server/worker.h"

namespace larder::server {
namespace {

// Scratch beyond this is given back.
constexpr size_t kMostKeptLetters = 4096;

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
      [this](const Session& session, const std::vector<Letter>& letters, bool lost) {
        // Between the answers to (un)subscribing there is room for a message; inside EXEC's reply
        // there is none, so it goes before it.
        if (dispatcher_.environment().inside_exec) {
          aside_ = session.connection;
          dispatcher_.environment().attention = true;
        }
        deliver(letters, lost);
        aside_ = nullptr;
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
    const bool lost = box.take(letters_);
    deliver(letters_, lost);
    if (letters_.capacity() > kMostKeptLetters) std::vector<Letter>().swap(letters_);
    letters_.clear();
  }
}

void Worker::deliver(const std::vector<Letter>& letters, bool lost) {
  for (const Letter& letter : letters) {
    if (letter.invalidation != nullptr) {
      invalidate(*letter.invalidation);
    } else {
      hand_out(*letter.message);
    }
  }
  letters_lost_ = letters_lost_ || lost;
}

void Worker::hand_out(const Message& message) {
  const Subscriptions& subscriptions = dispatcher_.subscriptions();
  if (const Topic* topic = subscriptions.find(message.kind(), message.channel())) {
    hand_out(*topic, message);
  }
  for (const std::string& pattern : message.patterns()) {
    if (const Topic* topic = subscriptions.find(TopicKind::pattern, pattern)) {
      hand_out(*topic, message);
    }
  }
}

void Worker::hand_out(const Topic& topic, const Message& message) {
  for (Session* seat : topic.seats) {
    const Session& session = *seat;
    Connection& connection = *session.connection;
    if (connection.closing || session.close_after_reply) continue;
    append_message(topic.head, message, session.dialect, /*may_pin=*/&connection != aside_,
                   output_for(connection));
    note_output(connection);
  }
}

// Where a push to a connection is written.
protocol::ReplyBuffer& Worker::output_for(Connection& connection) {
  if (&connection == aside_) [[unlikely]]
    return aside_output_;
  if (connection.output.capacity() == 0 && !pool_.empty()) {
    connection.output = std::move(pool_.back());
    pool_.pop_back();
  }
  connection.output.set_limit(output_limit_bytes(connection.session));
  return connection.output;
}

// A push was written.
void Worker::note_output(Connection& connection) {
  if (&connection == aside_) [[unlikely]]
    return;
  mark_for_flush(connection);
  // Closing it now would change what is being walked over.
  if (connection.is_laden || connection.unsent_bytes() <= output_check_bytes_) return;
  connection.is_laden = true;
  laden_.push_back(connection.id);
}

// Recipients that do not read; better no subscriber, and no cached key, than one that missed
// something.
void Worker::check_recipients() {
  for (size_t i = 0; i < laden_.size(); ++i) {
    Connection* connection = find(laden_[i]);
    if (connection == nullptr) continue;
    connection->is_laden = false;
    if (!connection->closing) check_output(*connection);
  }
  laden_.clear();
  if (!std::exchange(letters_lost_, false)) return;
  invalidate_everything();
  for (auto& connection : connections_) {
    if (connection == nullptr || connection->closing) continue;
    if (!connection->session.is_subscribed()) continue;
    ++stats().output_limit_disconnections;
    close(*connection);
  }
}

// After a request of `connection` that left something to do. Its reply begins there in its output.
void Worker::attend(Connection& connection, size_t reply_begin, Outcome outcome) {
  if (dispatcher_.monitored()) show_own_monitors();
  std::vector<Letter>& earlier = dispatcher_.earlier_letters();
  if (!earlier.empty() || dispatcher_.earlier_lost()) {
    aside_ = &connection;
    deliver(earlier, std::exchange(dispatcher_.earlier_lost(), false));
    aside_ = nullptr;
    earlier.clear();
  }
  if (!aside_output_.empty()) {
    connection.output.insert(reply_begin, aside_output_.view());
    aside_output_.clear();
    if (aside_output_.capacity() > kPooledBufferBytes) aside_output_.free_memory();
  }
  deliver_messages();
  check_recipients();
  dispatcher_.environment().attention = dispatcher_.monitored();
  const Session& session = connection.session;
  if (session.tracking == nullptr || session.in_transaction()) return;
  if (outcome != Outcome::done && outcome != Outcome::applying) return;
  // CLIENT CACHING speaks of one command or transaction, other words of CLIENT between not counted.
  const Command* parent = session.last_command->parent;
  if (parent == nullptr || parent->row->name != "client") session.tracking->caching = false;
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
