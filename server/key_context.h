// KeyContext: what a command that works on keys can reach: its keys, the entries behind them, the
// time, and a way to say what it did. Everything it offers lies in shards that are locked for it.
//
// How a write command is written
//   1. find() its keys and decide; answer errors and return before the first change.
//   2. change entries through the context;
//   3. say so: wrote() once for each changed key (watchers, keyspace event), and, if listening(),
//      effect() with a deterministic command with absolute times.
//
// Thread: the worker that runs the command; lives for one command.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/request_parser.h"
#include "server/effects.h"
#include "server/input_buffer.h"
#include "server/keyspace.h"
#include "server/memory_account.h"
#include "server/stats.h"
#include "storage/shard.h"
#include "storage/stream/stream.h"

namespace larder::server {

class ExpiryDuty;
class Subscriptions;
class TrackingTable;
struct Session;

// What a command that would need more than maxmemory is answered.
inline constexpr std::string_view kOutOfMemory =
    "OOM command not allowed when used memory > 'maxmemory'.";

// A key of the running command.
struct Key {
  std::string_view text;
  storage::Hash hash = 0;

  unsigned shard() const { return storage::shard_of(hash); }
};

// What an entry past its deadline is to a command.
enum class ExpiryMode : uint8_t {
  remove,  // a primary: it is gone; whoever sees it removes it
  hide,    // for a replica's clients, or in a pause: absent, but only the primary removes it
  ignore,  // applying the primary's effects: still there until its DEL comes
};

// Up to where a set is an intset, or a listpack, in Redis's words: numbers of members, and bytes of
// each.
struct SetLimits {
  int64_t ints = 512;
  int64_t members = 128;
  int64_t bytes = 64;
};

// Up to where a sorted set is a listpack.
struct SortedSetLimits {
  int64_t members = 128;
  int64_t bytes = 64;
};

// The same of a hash and a listpack: numbers of fields, and bytes of each field and value.
struct HashLimits {
  int64_t fields = 512;
  int64_t bytes = 64;
};

// A key that was written to while somebody waits for it.
struct ReadyKey {
  unsigned database;
  storage::Hash hash;
  std::string text;
};

// A command wants its client to wait (KeyContext::wait()).
struct WaitRequest {
  size_t awaited;      // for one of the first so many of its keys
  int64_t timeout_ms;  // 0: for ever
  // Arguments that mean something else later on, and what they meant now.
  std::vector<std::pair<size_t, std::string>> settled = {};
};

// Node-wide and per-turn things a context needs; one per worker, updated each turn.
struct CommandEnvironment {
  Keyspace* keyspace = nullptr;
  EffectLog* effect_log = nullptr;
  EffectBatch* batch = nullptr;
  WorkerStats* stats = nullptr;
  MemoryShare* memory = nullptr;
  InputBuffer* kept_input = nullptr;  // that the running request lies in; null if in no such
  RankShare* ranks = nullptr;
  ExpiryDuty* expiry_duty = nullptr;
  Subscriptions* subscriptions = nullptr;  // of the worker's clients
  TrackingTable* tracking = nullptr;
  int64_t now_us = 0;  // Unix time of this turn
  int64_t now_ms = 0;  // the same, as deadlines count
  uint64_t random_state[2] = {1, 2};  // the worker's generator, seeded from main
  ExpiryMode expiry = ExpiryMode::remove;
  uint64_t max_string_bytes = 512u << 20;
  uint64_t max_watched_bytes = uint64_t{1} << 30;  // for one client
  int64_t list_limit = -2;  // list-max-listpack-size
  SetLimits set_limits;
  uint64_t sparse_limit = 3000;  // hll-sparse-max-bytes
  SortedSetLimits sorted_set_limits;
  HashLimits hash_limits;
  storage::Stream::NodeLimits stream_limits;
  unsigned databases = storage::kMaxDatabases;  // that clients may name: 0 .. databases - 1
  bool touch = false;    // hits of the running command count for eviction
  ShardSet untidy;       // shards that have something to be freed or moved in slices
  std::vector<ReadyKey> ready;  // in the order of the writes; empty between commands
  // Keys that went by themselves while somebody waits for them; served at the end of a turn.
  std::vector<ReadyKey> lost;
  bool garbage = false;  // a command left memory in the shards that is to be freed in slices
  // The worker has something to do when the running request has been answered: lines for monitors,
  // messages that were just posted.
  bool attention = false;
  bool posted = false;       // this turn something was: its receivers may have to be woken
  bool inside_exec = false;  // the running command is one of a transaction
  // Events that are published (config::KeyspaceEvents; none unless K or E is among them), and
  // kTrackedEvents. 0: no event is noted, unless the effect log has a listener.
  static constexpr uint32_t kTrackedEvents = 1u << 31;  // some client of the node tracks
  uint32_t wanted_events = 0;
  bool password_required = false;  // of clients that come or start over

  uint64_t random();
  // Hands the batch on to those who listen. `writer`: the session whose command it was, or 0.
  // REQUIRES: its shards are locked; see EffectLog.
  void commit(bool together, uint64_t writer) {
    if (!batch->empty()) [[unlikely]] commit_batch(together, writer);
  }
  void commit_batch(bool together, uint64_t writer);
  // To be called for a shard that was changed, before it is unlocked.
  void settle(unsigned shard) {
    ShardSlot& slot = keyspace->slot(shard);
    memory->settle(slot.counted_bytes, slot.shard.bytes());
    if (slot.shard.is_untidy()) [[unlikely]] untidy.add(shard);
    if (slot.policy.evicts()) [[unlikely]] publish(shard);
  }
  // To be called for a shard that was just locked, before it is written to or read for use.
  void begin(unsigned shard) {
    if (keyspace->slot(shard).policy.keeps_ranks()) [[unlikely]] tell_time(shard);
  }
  // Says to other workers what may be evicted from a locked shard now, as far as writes change it.
  void publish(unsigned shard);
  // The same, whatever changed.
  void publish_all(unsigned shard);
  // Gives a locked shard the policy in force; false if it has it. O(entries).
  bool convert(unsigned shard);
  void tell_time(unsigned shard);
};

class KeyContext {
 public:
  KeyContext(CommandEnvironment& environment, unsigned database, std::span<const Key> keys,
             protocol::Arguments arguments, const ShardSet* locked)
      : env_(&environment),
        keys_(keys),
        arguments_(arguments),
        locked_(locked),
        database_(database),
        listening_(environment.effect_log->listening()),
        notes_events_(listening_ || environment.wanted_events != 0) {}

  int64_t now_ms() const { return env_->now_ms; }
  int64_t now_us() const { return env_->now_us; }
  uint64_t random() { return env_->random(); }
  unsigned database() const { return database_; }
  uint64_t max_string_bytes() const { return env_->max_string_bytes; }
  // Could a value of so many bytes ever be kept? One beyond maxmemory would only evict all others.
  bool could_keep(uint64_t bytes) const {
    const uint64_t limit = env_->memory->account().limit();
    return limit == 0 || bytes <= limit || env_->expiry == ExpiryMode::ignore;
  }
  int64_t list_limit() const { return env_->list_limit; }
  const SetLimits& set_limits() const { return env_->set_limits; }
  uint64_t sparse_limit() const { return env_->sparse_limit; }
  const SortedSetLimits& sorted_set_limits() const { return env_->sorted_set_limits; }
  const HashLimits& hash_limits() const { return env_->hash_limits; }
  // What collections hash with.
  const storage::KeyHasher& hasher() const { return env_->keyspace->hasher(); }
  const storage::Stream::NodeLimits& stream_limits() const { return env_->stream_limits; }

  // Is a deadline that a command is about to set one that has passed, so that the key goes at once?
  // Not while the primary's effects are applied: its DEL will come, or the deadline change again.
  bool has_passed(int64_t deadline_ms) const {
    return deadline_ms <= env_->now_ms && env_->expiry != ExpiryMode::ignore;
  }

  // The time at which fields of hashes that are due are absent: before all others while the
  // primary's effects are applied, for its HDEL will come.
  int64_t field_now_ms() const { return env_->expiry == ExpiryMode::ignore ? -1 : env_->now_ms; }

  // So many fields went since they are due, or were given a deadline that has passed.
  void count_expired_fields(uint64_t count) { env_->stats->expired_fields += count; }

  // The command's keys, in the order of its key positions.
  std::span<const Key> keys() const { return keys_; }
  const Key& key() const { return keys_[0]; }

  // The entry of a key, or null. An entry past its deadline is absent (and, on a primary, removed).
  storage::Entry find(const Key& key) { return find_in(database_, key); }
  storage::Entry find_in(unsigned database, const Key& key) {
    storage::Entry entry = shard(key).find(database, key.text, key.hash);
    if (entry && entry.is_due(now_ms()) && env_->expiry != ExpiryMode::ignore) [[unlikely]] {
      return pass_over_due(database, key, entry);
    }
    return entry;
  }
  // Is there an entry past its deadline that find_in() passes over but must not remove?
  bool has_overdue(unsigned database, const Key& key) {
    const storage::Entry entry = shard(key).find(database, key.text, key.hash);
    return entry && entry.is_due(now_ms());
  }
  // As find(), for a read that counts as a keyspace hit or miss.
  storage::Entry look_up(const Key& key) {
    storage::Entry entry = look_up_untouched(key);
    return entry ? count_hit(key, entry) : entry;
  }
  // The same for one that asks about the key, not for its value: no use of it, to eviction.
  storage::Entry look_up_untouched(const Key& key) {
    storage::Entry entry = look_up_silently(key);
    if (!entry) note_miss(key);
    return entry;
  }
  // The same for one whose misses are no events (OBJECT).
  storage::Entry look_up_silently(const Key& key) {
    storage::Entry entry = find(key);
    ++(entry ? env_->stats->keyspace_hits : env_->stats->keyspace_misses);
    return entry;
  }

  // The same command, as if another database were selected: its keys lie in the same shards there.
  KeyContext in_database(unsigned database) const {
    KeyContext other = *this;
    other.database_ = database;
    return other;
  }

  // The policy that all shards have or are about to get, and what it lets be known of an entry.
  // What happened before it was chosen counts as one use, at the moment of asking.
  PolicyInForce policy() const { return env_->keyspace->board().policy(); }
  // Under LRU: whole seconds since it was last used.
  int64_t idle_s(const Key& key, const storage::Entry& entry);
  // Under LFU: how often it was used, older uses counting less.
  double frequency(const Key& key, const storage::Entry& entry);

  // Says the same of an entry whose use is known from elsewhere; nothing happens under other
  // policies.
  void set_idle_s(const Key& key, storage::Entry entry, int64_t idle_s);
  void set_frequency(const Key& key, storage::Entry entry, double frequency);

  // What the entry of a key takes in memory.
  size_t bytes_of(const Key& key, const storage::Entry& entry) {
    return shard(key).bytes_of(database_, entry);
  }

  // Creates or overwrites; `entry` is what find() just answered for this key.
  storage::Entry set(const Key& key, storage::Entry entry, std::string_view value,
                     int64_t deadline_ms);
  // A large value is shared, not copied; it may be one of another key or database.
  storage::Entry set(const Key& key, storage::Entry entry, const storage::HeldValue& value,
                     int64_t deadline_ms);
  storage::Entry set_integer(const Key& key, storage::Entry entry, int64_t value);
  storage::Entry append(const Key& key, storage::Entry entry, std::string_view tail);
  storage::Entry set_range(const Key& key, storage::Entry entry, size_t offset,
                           std::string_view patch);
  storage::Entry set_deadline(const Key& key, storage::Entry entry, int64_t deadline_ms);
  void erase(const Key& key, storage::Entry entry);

  // The key is a new one, as listeners see it. KeyContext says so itself of a key that was not
  // there; a command that replaces one, value, deadline and all (RENAME), says it here.
  void note_new(const Key& key) {
    if ((env_->wanted_events & config::kEventsNew) == 0) [[likely]] return;
    env_->batch->add_event(EventClass::key_is_new, "new", database_, key.text);
  }
  // Does anybody listen to events at all? Then wrote() is more than a word to watchers.
  bool notes_events() const { return notes_events_; }

  // ---- collections (storage/object.h) ----

  // Creates or overwrites; the object is the entry's then.
  storage::Entry set_object(const Key& key, storage::Entry entry, storage::Object* object,
                            int64_t deadline_ms);
  // Erases the entry but not its object, which is the caller's then. REQUIRES: it has one.
  storage::Object* extract(const Key& key, storage::Entry entry);
  // Changes the collection that an entry holds, in place, by `change(collection)`. The key goes if
  // nothing is left in it: false then. REQUIRES: it is one of this type.
  template <typename Collection, typename Change>
  bool edit(const Key& key, storage::Entry entry, Change change) {
    Collection& collection = entry.object().as<Collection>();
    const size_t before = collection.bytes();
    change(collection);
    shard(key).edited(database_, before, collection.bytes());
    if (collection.is_empty()) {
      erase(key, entry);
      return false;
    }
    note_deadlines_within(key, entry);
    count_hit(key, entry);
    return true;
  }
  // Creates a key with a new collection that `fill(collection)` puts something into. REQUIRES: the
  // key is absent.
  template <typename Collection, typename Fill>
  storage::Entry create(const Key& key, Fill fill) {
    Collection* collection = Collection::create();
    fill(*collection);
    return set_object(key, {}, collection, storage::kNoDeadline);
  }

  // Is anybody listening to effects? If not, they need not be put into words.
  bool listening() const { return listening_; }
  // This key changed: watchers hear of it, and the event goes to listeners.
  void wrote(const Key& key, EventClass event_class, std::string_view event) {
    if (slot(key).is_observed()) [[unlikely]] tell_observers(key);
    if (notes_events_) [[unlikely]] {
      env_->batch->add_event(event_class, event, database_, key.text);
    }
  }
  // Its bytes changed, not what it means: watchers and caches hear of it, and nobody else.
  void wrote_silently(const Key& key) { wrote(key, EventClass::silent, {}); }
  // All keys of a database changed: listeners to single keys hear of it as of one event.
  void flushed() {
    if ((env_->wanted_events & CommandEnvironment::kTrackedEvents) != 0) env_->batch->note_flush();
  }
  // What a follower must do. REQUIRES: listening().
  void effect(std::initializer_list<std::string_view> command) {
    env_->batch->add(database_, command);
  }
  void effect(std::span<const std::string_view> command) { env_->batch->add(database_, command); }
  // The command itself is deterministic: it is its own effect.
  void effect_as_received() {
    if (listening_) [[unlikely]] env_->batch->add(database_, arguments_);
  }

  // May the session watch the command's keys, too? (Assuming that they are all new to it.)
  bool may_watch_keys(const Session& session) const;
  // For a command that found nothing: its client waits until one of its keys is written to, and is
  // served then as the command's row says (CommandRow::serving). In a transaction nobody may wait:
  // the command answers its null reply at once.
  bool may_wait() const { return may_wait_; }
  void forbid_waiting() { may_wait_ = false; }
  // In a script some commands refuse to wait instead.
  bool is_in_script() const { return in_script_; }
  void forbid_waiting_in_script() {
    may_wait_ = false;
    in_script_ = true;
  }
  void wait(const WaitRequest& request) { wait_ = request; }
  const std::optional<WaitRequest>& wait_request() const { return wait_; }
  // Two databases have changed places in a shard: who waits in either may find something.
  void swapped(unsigned shard, unsigned a, unsigned b);
  // A database of a shard lost all its keys: so may who waits for one.
  void emptied(unsigned shard, unsigned database);

  // Watches a key for the session; the second watch of the same key changes nothing.
  void watch(Session& session, const Key& key);
  // Ends all watches of the session. REQUIRES: their shards are locked (LockPlan::watched).
  void unwatch_all(Session& session);

  // ---- commands about all keys (LockPlan::all_shards) and cursors ----

  storage::Shard& shard(unsigned index) { return env_->keyspace->shard(index); }
  ShardSlot& slot(unsigned index) { return env_->keyspace->slot(index); }
  bool is_due(const storage::Entry& entry) const { return entry.is_due(now_ms()); }
  // Locks one more shard; false if it stays taken: then call park() and return without an answer.
  // Only before the first change. A shard that is locked already succeeds.
  [[nodiscard]] bool try_lock_also(unsigned shard);
  // The command could not get what it needs: it will run again from the start on a later turn.
  void park() { parked_ = true; }
  bool parked() const { return parked_; }
  // Shards that try_lock_also() locked beyond the given ones.
  const ShardSet& extra_locks() const { return extra_locks_; }

  CommandEnvironment& environment() { return *env_; }

 private:
  template <typename Value>
  storage::Entry put(const Key& key, storage::Entry entry, const Value& value,
                     int64_t deadline_ms);
  storage::Shard& shard(const Key& key) { return env_->keyspace->shard(key.shard()); }
  ShardSlot& slot(const Key& key) { return env_->keyspace->slot(key.shard()); }
  // The entry was used, as eviction sees it.
  storage::Entry count_hit(const Key& key, storage::Entry entry) {
    if (env_->touch) [[unlikely]] note_hit(key, entry);
    return entry;
  }
  void tell_observers(const Key& key);
  void note_hit(const Key& key, storage::Entry entry);
  void note_insertion(const Key& key);
  void note_miss(const Key& key) {
    if ((env_->wanted_events & config::kEventsKeyMiss) == 0) [[likely]] return;
    env_->batch->add_event(EventClass::key_miss, "keymiss", database_, key.text);
  }
  storage::Entry pass_over_due(unsigned database, const Key& key, storage::Entry entry);
  void note_deadline(const Key& key, int64_t deadline_ms);
  // Those of what an entry's object holds.
  void note_deadlines_within(const Key& key, storage::Entry entry) {
    if (entry.object().earliest_deadline_ms() == std::numeric_limits<int64_t>::max()) return;
    shard(key).note_object_deadline(database_, entry);
    note_next_due(key);
  }
  void note_next_due(const Key& key);

  CommandEnvironment* env_;
  std::span<const Key> keys_;
  protocol::Arguments arguments_;
  const ShardSet* locked_;  // null: exactly the shards of keys_
  ShardSet extra_locks_;
  unsigned database_;
  bool listening_;
  bool notes_events_;
  bool parked_ = false;
  bool may_wait_ = true;
  bool in_script_ = false;
  std::optional<WaitRequest> wait_;
};

// Removes an entry to make room: DEL to followers, "evicted" to listeners, watchers touched.
// REQUIRES: the shard is locked.
void remove_evicted(CommandEnvironment& environment, unsigned shard, unsigned database,
                    storage::Entry entry);

// Removes an entry whose time has come: DEL to followers, "expired" to listeners, watchers touched.
// For find() on a due entry and for the expiry duty. REQUIRES: the shard is locked.
void remove_expired(CommandEnvironment& environment, unsigned shard, unsigned database,
                    storage::Entry entry);

// Removes fields of a hash whose time has come, a slice of them: HDEL to followers, "hexpired" to
// listeners, watchers touched, and the key removed if nothing is left. Returns how many went. For
// the expiry duty. REQUIRES: the shard is locked.
size_t remove_expired_fields(CommandEnvironment& environment, unsigned shard, unsigned database,
                             storage::Entry entry);

}  // namespace larder::server
