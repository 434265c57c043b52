// Session: who a client is and what it has said so far, as far as commands care. Knows nothing of
// sockets, buffers or workers.
//
// Thread: the worker of its connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/reply.h"
#include "protocol/request_parser.h"
#include "server/key_walk.h"
#include "server/pubsub/subscriber.h"
#include "server/tracking/tracking.h"
#include "storage/shard.h"

namespace larder::server {

struct Command;
struct Connection;
class NodeTask;
class Waiter;

// A command that waits for EXEC, with its arguments copied out of the connection's buffers.
class QueuedCommand {
 public:
  QueuedCommand(const Command& command, protocol::Arguments arguments);
  QueuedCommand(QueuedCommand&&) = default;
  QueuedCommand& operator=(QueuedCommand&&) = default;

  const Command& command() const { return *command_; }
  protocol::Arguments arguments() const { return views_; }
  size_t bytes() const { return text_bytes_ + views_.capacity() * sizeof(std::string_view); }

 private:
  const Command* command_;
  std::unique_ptr<char[]> text_;  // all arguments, one after the other
  size_t text_bytes_ = 0;
  std::vector<std::string_view> views_;
};

// Between MULTI and EXEC or DISCARD.
struct Transaction {
  bool refused = false;  // a command could not be queued: EXEC answers EXECABORT
  std::vector<QueuedCommand> queue;
  size_t bytes = 0;
};

struct WatchedKey {
  unsigned database;
  storage::Hash hash;
  std::string key;
  uint64_t version;  // WatchTable's, when WATCH ran
  // It was past its deadline then, but nobody may remove it (CLIENT PAUSE): it counted as absent.
  bool was_overdue = false;
};

enum class ReplyMode : uint8_t {
  on,
  off,        // CLIENT REPLY OFF: nothing is answered
  skip_next,  // CLIENT REPLY SKIP was just said: the command after it is not answered
  skip_this,  // ... and this is that command
};

struct Session {
  uint64_t id = 0;
  protocol::Dialect dialect = protocol::Dialect::resp2;
  uint8_t database = 0;
  bool authenticated = false;
  bool is_unix_socket = false;
  bool monitoring = false;  // said MONITOR
  ReplyMode reply_mode = ReplyMode::on;
  bool no_evict = false;
  bool no_touch = false;
  bool close_after_reply = false;  // QUIT, CLIENT KILL of oneself, a broken protocol
  const Command* last_command = nullptr;
  std::unique_ptr<Transaction> transaction;
  std::unique_ptr<Subscriber> subscriber;  // null: it has no subscription
  std::unique_ptr<Tracking> tracking;      // null: it does not track
  Connection* connection = nullptr;        // its own; for the worker and what it owns only
  std::vector<WatchedKey> watched;
  uint64_t watched_bytes = 0;  // about what they take
  // Positions in `watched` by hash; null while they are few. Only KeyContext changes either.
  std::unique_ptr<std::unordered_multimap<storage::Hash, size_t>> watched_index;
  std::string_view peer;  // as CLIENT LIST's addr; the connection's, valid while it exists
  std::string name;
  std::string library_name;
  std::string library_version;

  // Waits for a key (BLPOP and its like); null most of the time.
  std::shared_ptr<Waiter> waiter;
  // Node-wide work that the request being tried needs first (see NodeTask); null most of the time.
  std::vector<std::shared_ptr<NodeTask>> gathered;
  // The request being tried is a KEYS that has come so far; null most of the time.
  std::unique_ptr<KeyWalk> key_walk;
  // What its earlier parts, or visits to its own worker, took of the command that is being tried:
  // part of its time.
  int64_t visits_ns = 0;
  // Node-wide changes that must have reached every worker before the reply may leave.
  std::vector<std::shared_ptr<NodeTask>> to_apply;

  bool in_transaction() const { return transaction != nullptr; }
  bool is_subscribed() const { return subscriber != nullptr; }
  // Does it need more care than most? In numbers: one branch in every command, not three.
  bool is_special() const {
    return (int{monitoring} | int{subscriber != nullptr} | int{tracking != nullptr}) != 0;
  }
  // It could not tell replies from messages, so that it may only say what concerns these.
  bool is_in_subscriber_mode() const {
    return is_subscribed() && dialect == protocol::Dialect::resp2;
  }
};

}  // namespace larder::server
