#include "server/key_context.h"

#include <algorithm>
#include <bit>
#include <string>

#include "server/expiry_duty.h"
#include "server/keyspace_events.h"
#include "server/pubsub/subscriptions.h"
#include "server/session.h"
#include "server/tracking/tracking_table.h"
#include "storage/hash/hash_object.h"

namespace larder::server {

namespace {

// So many watched keys are searched one by one.
constexpr size_t kFewWatchedKeys = 16;

// About what one watched key takes: its text with the client and in the shard's table, and around
// them two nodes, an element and what the allocator adds.
uint64_t bytes_of_watch(std::string_view key) {
  return 2 * key.size() + 256;
}

bool is_watched(const Session& session, unsigned database, const Key& key) {
  const auto is_it = [&](const WatchedKey& watched) {
    return watched.database == database && watched.key == key.text;
  };
  if (session.watched_index == nullptr) {
    return std::any_of(session.watched.begin(), session.watched.end(), is_it);
  }
  const auto [begin, end] = session.watched_index->equal_range(key.hash);
  return std::any_of(begin, end,
                     [&](const auto& place) { return is_it(session.watched[place.second]); });
}

void index_last_watch(Session& session) {
  const size_t count = session.watched.size();
  if (session.watched_index != nullptr) {
    session.watched_index->emplace(session.watched.back().hash, count - 1);
  } else if (count > kFewWatchedKeys) {
    session.watched_index = std::make_unique<std::unordered_multimap<storage::Hash, size_t>>();
    for (size_t i = 0; i < count; ++i) session.watched_index->emplace(session.watched[i].hash, i);
  }
}

}  // namespace

// xoroshiro128+ (Blackman & Vigna, 2018); statistical quality is all that is asked of it.
uint64_t CommandEnvironment::random() {
  const uint64_t a = random_state[0];
  uint64_t b = random_state[1];
  const uint64_t result = a + b;
  b ^= a;
  random_state[0] = std::rotl(a, 24) ^ b ^ (b << 16);
  random_state[1] = std::rotl(b, 37);
  return result;
}

void CommandEnvironment::commit_batch(bool together, uint64_t writer) {
  if (batch->has_commands()) effect_log->append(*batch, together);
  if (wanted_events != 0) {
    if ((wanted_events & kTrackedEvents) != 0) {
      if (batch->flushes()) {
        tracking->invalidate_everything(writer);
      } else {
        tracking->invalidate(batch->events(), writer);
      }
    }
    publish_events(batch->events(), wanted_events, subscriptions->registry());
    attention = posted = true;
  }
  batch->clear();
}

void CommandEnvironment::publish(unsigned shard) {
  ShardSlot& slot = keyspace->slot(shard);
  EvictionBoard& board = keyspace->board();
  for (unsigned segment = 0; segment < EvictionBoard::kSegments; ++segment) {
    if (slot.policy.publishes_each_write() ||
        board.key(shard, segment) == EvictionBoard::kNoCandidate) {
      board.publish(shard, segment, slot.shard.least_key(segment));
    }
  }
  if (slot.policy.counts_segments() || ranks->is_new()) {
    ranks->settle(slot.counted_segments, slot.shard);
  }
}

void CommandEnvironment::publish_all(unsigned shard) {
  ShardSlot& slot = keyspace->slot(shard);
  settle(shard);
  ranks->settle(slot.counted_segments, slot.shard);
  for (unsigned segment = 0; segment < EvictionBoard::kSegments; ++segment) {
    keyspace->board().publish(shard, segment, slot.shard.least_key(segment));
  }
}

bool CommandEnvironment::convert(unsigned shard) {
  ShardSlot& slot = keyspace->slot(shard);
  const PolicyInForce policy = keyspace->board().policy();
  if (slot.policy.generation == policy.generation) return false;
  // The time first, of which ranks are made; what `auto` is at the moment is told with the next.
  slot.policy = policy;
  slot.policy.is_automatic = false;
  begin(shard);
  slot.shard.use_eviction(policy.policy, policy.volatile_only);
  slot.policy.is_automatic = policy.is_automatic;
  slot.front = 0;
  publish_all(shard);
  return true;
}

void CommandEnvironment::tell_time(unsigned shard) {
  ShardSlot& slot = keyspace->slot(shard);
  const EvictionBoard& board = keyspace->board();
  const storage::RankClock& now = ranks->clock();
  // Another worker may have known better.
  if (now.ticks > slot.clock.ticks || now.aging > slot.clock.aging) {
    slot.clock = {std::max(now.ticks, slot.clock.ticks), std::max(now.aging, slot.clock.aging)};
    slot.shard.set_rank_clock(slot.clock);
  }
  if (slot.policy.policy == storage::EvictionPolicy::sieve && slot.front != board.front()) {
    slot.front = board.front();
    slot.shard.set_front(slot.front);
  }
  if (slot.policy.is_automatic) {
    const auto policy = board.probation_percent() == 0 ? storage::EvictionPolicy::lru
                                                       : storage::EvictionPolicy::s3fifo;
    if (policy != slot.policy.policy) slot.shard.change_eviction(policy);
    slot.policy.policy = policy;
  }
}

namespace {

void remove_unasked(CommandEnvironment& environment, unsigned shard, unsigned database,
                    storage::Entry entry, EventClass event_class, std::string_view event) {
  ShardSlot& slot = environment.keyspace->slot(shard);
  const std::string_view key = entry.key();
  if (!slot.watches.empty()) slot.watches.touch(database, key);
  if (slot.waiters.find(database, key) != nullptr) [[unlikely]] {
    environment.lost.push_back({database, environment.keyspace->hasher()(key), std::string(key)});
  }
  const bool is_listening = environment.effect_log->listening();
  if (is_listening) environment.batch->add(database, {"DEL", key});
  if (is_listening || environment.wanted_events != 0) {
    environment.batch->add_event(event_class, event, database, key);
  }
  slot.shard.erase(database, entry);
  environment.settle(shard);
}

}  // namespace

void remove_expired(CommandEnvironment& environment, unsigned shard, unsigned database,
                    storage::Entry entry) {
  remove_unasked(environment, shard, database, entry, EventClass::expired, "expired");
  ++environment.stats->expired_keys;
}

size_t remove_expired_fields(CommandEnvironment& environment, unsigned shard, unsigned database,
                             storage::Entry entry) {
  constexpr size_t kFieldsAtOnce = 64;
  ShardSlot& slot = environment.keyspace->slot(shard);
  auto& hash = entry.object().as<storage::HashObject>();
  const bool is_listening = environment.effect_log->listening();
  std::vector<std::string> names;  // for followers
  const size_t before = hash.bytes();
  const size_t taken =
      hash.take_due(environment.now_ms, kFieldsAtOnce, [&](std::string_view name) {
        if (is_listening) names.emplace_back(name);
      });
  slot.shard.edited(database, before, hash.bytes());
  const std::string_view key = entry.key();
  if (!slot.watches.empty()) slot.watches.touch(database, key);
  if (is_listening) {
    std::vector<std::string_view> effect{"HDEL", key};
    effect.insert(effect.end(), names.begin(), names.end());
    environment.batch->add(database, effect);
  }
  const bool notes_events = is_listening || environment.wanted_events != 0;
  if (notes_events) environment.batch->add_event(EventClass::hash, "hexpired", database, key);
  if (!hash.is_empty()) {
    slot.shard.note_object_deadline(database, entry);
  } else {
    if (notes_events) environment.batch->add_event(EventClass::generic, "del", database, key);
    slot.shard.erase(database, entry);
  }
  environment.settle(shard);
  environment.stats->expired_fields += taken;
  return taken;
}

void remove_evicted(CommandEnvironment& environment, unsigned shard, unsigned database,
                    storage::Entry entry) {
  remove_unasked(environment, shard, database, entry, EventClass::evicted, "evicted");
  ++environment.stats->evicted_keys;
}

storage::Entry KeyContext::pass_over_due(unsigned database, const Key& key, storage::Entry entry) {
  if (env_->expiry == ExpiryMode::remove) remove_expired(*env_, key.shard(), database, entry);
  return {};
}

int64_t KeyContext::idle_s(const Key& key, const storage::Entry& entry) {
  using storage::StampPolicy;
  const ShardSlot& slot = this->slot(key);
  if (slot.policy.policy != storage::EvictionPolicy::lru || !storage::Shard::has_rank(entry)) {
    return 0;
  }
  const uint32_t rank = storage::Shard::rank_of(entry);
  const uint64_t tick = StampPolicy::key(rank, slot.clock) - StampPolicy::kKeyBias;
  const int64_t used_at_s = env_->keyspace->board().second_of(tick);
  return std::max<int64_t>(env_->now_ms / 1000 - used_at_s, 0);
}

double KeyContext::frequency(const Key& key, const storage::Entry& entry) {
  const ShardSlot& slot = this->slot(key);
  if (slot.policy.policy != storage::EvictionPolicy::lfu || !storage::Shard::has_rank(entry)) {
    return 1;
  }
  return storage::Lfu::weight(storage::Shard::rank_of(entry), slot.clock);
}

void KeyContext::set_idle_s(const Key& key, storage::Entry entry, int64_t idle_s) {
  env_->convert(key.shard());
  const int64_t now_s = env_->now_ms / 1000;
  const uint64_t tick = env_->keyspace->board().tick_of(now_s - std::min(idle_s, now_s));
  shard(key).set_last_use(database_, entry, tick);
  env_->publish_all(key.shard());
}

void KeyContext::set_frequency(const Key& key, storage::Entry entry, double frequency) {
  env_->convert(key.shard());
  shard(key).set_uses(database_, entry, frequency);
  env_->publish_all(key.shard());
}

void KeyContext::note_hit(const Key& key, storage::Entry entry) {
  shard(key).touch(database_, entry);
  if (slot(key).policy.is_automatic) {
    env_->keyspace->duel().access(key.hash + database_, env_->keyspace->board());
  }
}

void KeyContext::note_insertion(const Key& key) {
  note_new(key);
  if (!env_->touch || !slot(key).policy.is_automatic) return;
  env_->keyspace->duel().access(key.hash + database_, env_->keyspace->board());
}

void KeyContext::note_deadline(const Key& key, int64_t deadline_ms) {
  if (deadline_ms != storage::kNoDeadline) note_next_due(key);
}

void KeyContext::note_next_due(const Key& key) {
  env_->expiry_duty->note(key.shard(), shard(key).next_due_ms());
}

template <typename Value>
storage::Entry KeyContext::put(const Key& key, storage::Entry entry, const Value& value,
                               int64_t deadline_ms) {
  storage::Entry written =
      entry ? shard(key).set(database_, entry, value, deadline_ms)
            : shard(key).insert(database_, key.text, key.hash, value, deadline_ms);
  note_deadline(key, deadline_ms);
  entry ? static_cast<void>(count_hit(key, written)) : note_insertion(key);
  return written;
}

storage::Entry KeyContext::set(const Key& key, storage::Entry entry, std::string_view value,
                               int64_t deadline_ms) {
  if (value.size() >= storage::kLargeValue && env_->kept_input != nullptr) [[unlikely]] {
    storage::Blob* blob = env_->kept_input->share(value);
    if (blob != nullptr) return put(key, entry, storage::HeldValue(blob), deadline_ms);
  }
  return put(key, entry, value, deadline_ms);
}

storage::Entry KeyContext::set(const Key& key, storage::Entry entry,
                               const storage::HeldValue& value, int64_t deadline_ms) {
  return put(key, entry, value, deadline_ms);
}

storage::Entry KeyContext::set_integer(const Key& key, storage::Entry entry, int64_t value) {
  if (entry) return count_hit(key, shard(key).set_integer(database_, entry, value));
  note_insertion(key);
  return shard(key).insert_integer(database_, key.text, key.hash, value, storage::kNoDeadline);
}

storage::Entry KeyContext::append(const Key& key, storage::Entry entry, std::string_view tail) {
  return count_hit(key, shard(key).append(database_, entry, tail));
}

storage::Entry KeyContext::set_range(const Key& key, storage::Entry entry, size_t offset,
                                     std::string_view patch) {
  return count_hit(key, shard(key).set_range(database_, entry, offset, patch));
}

storage::Entry KeyContext::set_deadline(const Key& key, storage::Entry entry, int64_t deadline_ms) {
  storage::Entry written = shard(key).set_deadline(database_, entry, deadline_ms);
  note_deadline(key, deadline_ms);
  return written;
}

storage::Entry KeyContext::set_object(const Key& key, storage::Entry entry,
                                      storage::Object* object, int64_t deadline_ms) {
  storage::Entry written =
      entry ? shard(key).set_object(database_, entry, object, deadline_ms)
            : shard(key).insert_object(database_, key.text, key.hash, object, deadline_ms);
  note_deadline(key, deadline_ms);
  note_deadlines_within(key, written);
  entry ? static_cast<void>(count_hit(key, written)) : note_insertion(key);
  return written;
}

storage::Object* KeyContext::extract(const Key& key, storage::Entry entry) {
  return shard(key).extract(database_, entry);
}

void KeyContext::erase(const Key& key, storage::Entry entry) {
  shard(key).erase(database_, entry);
}

bool KeyContext::may_watch_keys(const Session& session) const {
  uint64_t bytes = session.watched_bytes;
  for (const Key& key : keys_) bytes += bytes_of_watch(key.text);
  return bytes <= env_->max_watched_bytes;
}

void KeyContext::tell_observers(const Key& key) {
  slot(key).watches.touch(database_, key.text);
  if (slot(key).waiters.find(database_, key.text) == nullptr) return;
  std::vector<ReadyKey>& ready = env_->ready;
  // What it was written to before is served, too, when the command is over.
  const auto is_this = [&](const ReadyKey& other) {
    return other.hash == key.hash && other.database == database_ && other.text == key.text;
  };
  if (!ready.empty() && is_this(ready.back())) return;
  ready.push_back({database_, key.hash, std::string(key.text)});
}

void KeyContext::swapped(unsigned shard, unsigned a, unsigned b) {
  for (const unsigned database : {a, b}) emptied(shard, database);
}

void KeyContext::emptied(unsigned shard, unsigned database) {
  const storage::KeyHasher& hasher = env_->keyspace->hasher();
  slot(shard).waiters.for_each_key(database, [&](std::string_view key) {
    env_->ready.push_back({database, hasher(key), std::string(key)});
  });
}

void KeyContext::watch(Session& session, const Key& key) {
  if (is_watched(session, database_, key)) return;
  find(key);  // a key past its deadline goes now, so that only later changes count
  const uint64_t version = slot(key).watches.watch(database_, key.text);
  session.watched.push_back(
      {database_, key.hash, std::string(key.text), version, has_overdue(database_, key)});
  index_last_watch(session);
  session.watched_bytes += bytes_of_watch(key.text);
}

void KeyContext::unwatch_all(Session& session) {
  for (const WatchedKey& watched : session.watched) {
    slot(storage::shard_of(watched.hash)).watches.unwatch(watched.database, watched.key);
  }
  session.watched.clear();
  session.watched_bytes = 0;
  session.watched.shrink_to_fit();
  session.watched_index.reset();
}

bool KeyContext::try_lock_also(unsigned index) {
  if (extra_locks_.contains(index) || (locked_ != nullptr && locked_->contains(index))) return true;
  if (locked_ == nullptr) {
    for (const Key& key : keys_) {
      if (key.shard() == index) return true;
    }
  }
  if (!env_->keyspace->try_lock(index)) return false;
  extra_locks_.add(index);
  return true;
}

}  // namespace larder::server
