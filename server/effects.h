// Effects: what commands did, as deterministic RESP commands with absolute times, in one total
// order.
//
// A write ends in effects in Redis's own vocabulary: `SET k v PXAT t`, `DEL k` for an expiry. One
// stream of them, ordered by the log's lock, is what the append-only file, replicas, keyspace
// notifications and client-side caching listen to.
//
// Record, as bytes
//   record  := [select] command | [select] multi command+ exec      (commands may hold selects)
//   select  := *2 $6 SELECT $n db          when the database differs from the previous command's
// Only complete records are handed out, so a listener never sees half of what belongs together.
//
// Invariants
//   * Whoever appends holds the locks of all shards the record concerns, so records of one key are
//     in the order the changes happened.
//   * A listener comes and goes only while all shards are held: none starts in the middle.
//   * While nobody listens nothing is encoded: a write pays one branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"
#include "server/spin_lock.h"

namespace larder::server {

// The classes of keyspace events, as notify-keyspace-events names them.
enum class EventClass : uint32_t {
  silent = 0,  // not published
  generic = config::kEventsGeneric,
  string = config::kEventsString,
  list = config::kEventsList,
  set = config::kEventsSet,
  sorted_set = config::kEventsSortedSet,
  hash = config::kEventsHash,
  stream = config::kEventsStream,
  expired = config::kEventsExpired,
  evicted = config::kEventsEvicted,
  key_is_new = config::kEventsNew,
  key_miss = config::kEventsKeyMiss,
};

struct KeyEvent {
  EventClass event_class;
  std::string_view name;  // "set", "expire", ...; a literal
  unsigned database;
  std::string key;
};

// The effects of one command or EXEC (or of one slice of expiry), being collected by one worker.
class EffectBatch {
 public:
  void clear();
  bool empty() const { return !is_used_; }
  bool has_commands() const { return !commands_.empty(); }

  void add(unsigned database, std::span<const std::string_view> command);
  void add(unsigned database, std::initializer_list<std::string_view> command) {
    add(database, std::span(command.begin(), command.size()));
  }
  void add_event(EventClass event_class, std::string_view name, unsigned database,
                 std::string_view key);

  // All keys of a database are gone, or others.
  void note_flush() { is_used_ = flushes_ = true; }

  std::span<const KeyEvent> events() const { return events_; }
  bool flushes() const { return flushes_; }

  // What followers will be told so far; and that they shall not be told what came after.
  size_t command_count() const { return commands_.size(); }
  void forget_commands_after(size_t count);

 private:
  friend class EffectLog;
  struct Command {
    unsigned database;
    size_t end;  // of its bytes in bytes_
  };
  bool is_used_ = false;
  bool flushes_ = false;
  std::string bytes_;
  std::vector<Command> commands_;
  std::vector<KeyEvent> events_;
};

struct EffectRecord {
  uint64_t end_offset;     // of the stream after this record
  std::string_view bytes;  // valid during the call
  std::span<const KeyEvent> events;
};

class EffectListener {
 public:
  virtual ~EffectListener() = default;
  // Called under the log's lock, in stream order; must be quick and must not call back.
  virtual void on_record(const EffectRecord& record) = 0;
};

class EffectLog {
 public:
  // Stable while the caller holds any shard.
  bool listening() const { return listening_.load(std::memory_order_relaxed); }

  // REQUIRES: all shards are held. The first record a listener sees begins with a SELECT.
  void attach(EffectListener& listener);
  void detach(EffectListener& listener);

  // `together`: a follower must apply all of it or nothing (wrapped in MULTI … EXEC if it is more
  // than one command); otherwise every command becomes a record of its own.
  // REQUIRES: the batch's shards are held.
  void append(const EffectBatch& batch, bool together);

  uint64_t end_offset() const { return end_offset_.load(std::memory_order_acquire); }

 private:
  void write_select(unsigned database);
  void hand_out(std::span<const KeyEvent> events);

  static constexpr unsigned kNoDatabase = ~0u;

  std::atomic<bool> listening_{false};
  std::atomic<uint64_t> end_offset_{0};
  SpinLock lock_;
  std::vector<EffectListener*> listeners_;
  unsigned database_ = kNoDatabase;  // the stream's selected database
  std::string record_;
};

}  // namespace larder::server
