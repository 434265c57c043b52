#include "server/tracking/tracking_table.h"

#include <algorithm>
#include <cassert>
#include <mutex>
#include <set>

#include "protocol/reply.h"
#include "server/session.h"

namespace larder::server {
namespace {

// What a key takes beside its name and its readers: a node of a hash table and its bucket.
constexpr size_t kKeyBytes = 96;

size_t bytes_of(std::string_view key, size_t readers) {
  return kKeyBytes + key.size() + readers * sizeof(TrackingTable::Reader);
}

template <typename Keys>
std::string array_of(const Keys& keys) {
  protocol::ReplyBuffer buffer;
  protocol::Reply text(buffer, protocol::Dialect::resp2);
  text.array(keys.size());
  for (std::string_view key : keys) text.bulk(key);
  return std::string(buffer.view());
}

// New keys are told of by the event that made them, and a miss changes nothing.
bool is_change(const KeyEvent& event) {
  return event.event_class != EventClass::key_is_new && event.event_class != EventClass::key_miss;
}

// Calls `visit` with each worker that has readers, and their sessions.
template <typename Visit>
void by_worker(std::vector<TrackingTable::Reader> readers, Visit&& visit) {
  std::stable_sort(readers.begin(), readers.end(),
                   [](const auto& a, const auto& b) { return a.worker < b.worker; });
  for (size_t i = 0; i < readers.size();) {
    const uint32_t worker = readers[i].worker;
    std::vector<uint64_t> sessions;
    for (; i < readers.size() && readers[i].worker == worker; ++i) {
      sessions.push_back(readers[i].session);
    }
    visit(worker, std::move(sessions));
  }
}

}  // namespace

TrackingTable::TrackingTable(ChannelRegistry& channels, const storage::KeyHasher& hasher)
    : channels_(channels), hasher_(hasher) {
  for (size_t i = 0; i < kParts; ++i) parts_.push_back(std::make_unique<Part>(hasher));
}

// ---- who tracks ---------------------------------------------------------------------------------

void TrackingTable::begin(Session& session, unsigned worker) {
  assert(session.tracking == nullptr);
  session.tracking = std::make_unique<Tracking>();
  session.tracking->worker = worker;
  clients_.fetch_add(1);
}

void TrackingTable::end(Session& session) {
  if (!session.tracking->prefixes.empty()) {
    std::lock_guard guard(prefix_lock_);
    for (const std::string& prefix : session.tracking->prefixes) {
      const auto place = prefixes_.find(prefix);
      std::erase(place->second, Reader{session.tracking->worker, session.id});
      if (place->second.empty()) {
        prefixes_.erase(place);
        const auto length = prefix_lengths_.find(prefix.size());
        if (--length->second == 0) prefix_lengths_.erase(length);
      }
      prefix_bytes_.fetch_sub(prefix_bytes(prefix));
    }
    prefix_count_.store(prefixes_.size());
  }
  session.tracking.reset();
  clients_.fetch_sub(1);
}

void TrackingTable::add_prefix(Session& session, std::string_view prefix) {
  if (!session.tracking->prefixes.emplace(prefix).second) return;
  std::lock_guard guard(prefix_lock_);
  Readers& readers = prefixes_[std::string(prefix)];
  if (readers.empty()) ++prefix_lengths_[prefix.size()];
  readers.push_back({session.tracking->worker, session.id});
  prefix_bytes_.fetch_add(prefix_bytes(prefix));
  prefix_count_.store(prefixes_.size());
}

size_t TrackingTable::prefixes() {
  return prefix_count_.load();
}

// ---- reads --------------------------------------------------------------------------------------

bool TrackingTable::is_over_limit() const {
  const size_t most = most_keys_.load(std::memory_order_relaxed);
  return most != 0 && (keys_.load() > most || bytes_.load() / kBytesPerKey > most);
}

void TrackingTable::remember(std::string_view key, Reader reader) {
  Part& part = *parts_[part_of(key)];
  {
    std::lock_guard guard(part.lock);
    const auto place = part.readers.find(key);
    if (place == part.readers.end()) {
      part.readers.emplace(std::string(key), Readers{reader});
      keys_.fetch_add(1);
      count_in(part, 1, bytes_of(key, 1));
    } else {
      Readers& readers = place->second;
      if (std::find(readers.begin(), readers.end(), reader) != readers.end()) return;
      readers.push_back(reader);
      count_in(part, 1, sizeof(Reader));
    }
  }
  if (is_over_limit()) [[unlikely]]
    forget_some();
}

// Keys in the order of their buckets, part by part, which is no order that anybody chose.
void TrackingTable::forget_some() {
  for (size_t tries = 0; tries < 2 * kParts && is_over_limit(); ++tries) {
    Part& part = *parts_[next_part_.fetch_add(1) % kParts];
    std::lock_guard guard(part.lock);
    Map& map = part.readers;
    for (size_t i = 0; i < map.bucket_count(); ++i) {
      const size_t bucket = part.next_bucket++ % map.bucket_count();
      if (map.bucket_size(bucket) == 0) continue;
      forget(part, map.find(map.begin(bucket)->first), /*writer=*/0);
      break;
    }
  }
}

// ---- writes -------------------------------------------------------------------------------------

void TrackingTable::post(unsigned worker, Invalidation invalidation) {
  channels_.box(worker).post(
      {.message = {},
       .invalidation = std::make_shared<const Invalidation>(std::move(invalidation))});
}

void TrackingTable::tell_readers(std::string_view key, const Readers& readers, uint64_t writer) {
  const std::string_view keys[] = {key};
  const std::string text = array_of(std::span(keys));
  by_worker(readers, [&](unsigned worker, std::vector<uint64_t> sessions) {
    post(worker, {.keys = text, .writer = writer, .clients = std::move(sessions)});
  });
}

void TrackingTable::count_in(Part& part, size_t items, size_t bytes) {
  part.items += items;
  part.bytes += bytes;
  items_.fetch_add(items);
  bytes_.fetch_add(bytes);
}

void TrackingTable::count_out(Part& part, size_t items, size_t bytes) {
  part.items -= items;
  part.bytes -= bytes;
  items_.fetch_sub(items);
  bytes_.fetch_sub(bytes);
}

void TrackingTable::forget(Part& part, Map::iterator place, uint64_t writer) {
  const auto& [key, readers] = *place;
  tell_readers(key, readers, writer);
  keys_.fetch_sub(1);
  count_out(part, readers.size(), bytes_of(key, readers.size()));
  part.readers.erase(place);
}

void TrackingTable::invalidate_key(std::string_view key, uint64_t writer) {
  Part& part = *parts_[part_of(key)];
  std::lock_guard guard(part.lock);
  const auto place = part.readers.find(key);
  if (place != part.readers.end()) forget(part, place, writer);
}

void TrackingTable::invalidate_prefixes(std::span<const KeyEvent> events, uint64_t writer) {
  std::set<std::string_view> keys;
  for (const KeyEvent& event : events) {
    if (is_change(event)) keys.insert(event.key);
  }
  std::lock_guard guard(prefix_lock_);
  std::map<std::string_view, std::pair<const Readers*, std::vector<std::string_view>>> changes;
  for (std::string_view key : keys) {
    for (const auto& [length, prefixes] : prefix_lengths_) {
      if (length > key.size()) break;
      const auto place = prefixes_.find(key.substr(0, length));
      if (place == prefixes_.end()) continue;
      auto& [readers, changed] = changes[place->first];
      readers = &place->second;
      changed.push_back(key);
    }
  }
  for (const auto& [prefix, change] : changes) {
    const auto& [readers, changed] = change;
    const std::string text = array_of(changed);
    by_worker(*readers, [&](unsigned worker, std::vector<uint64_t> sessions) {
      post(worker,
           {.broadcast = true, .keys = text, .writer = writer, .clients = std::move(sessions)});
    });
  }
}

void TrackingTable::invalidate(std::span<const KeyEvent> events, uint64_t writer) {
  if (keys_.load(std::memory_order_relaxed) != 0) {
    for (const KeyEvent& event : events) {
      if (is_change(event)) invalidate_key(event.key, writer);
    }
  }
  if (prefix_count_.load(std::memory_order_relaxed) != 0) invalidate_prefixes(events, writer);
}

void TrackingTable::invalidate_everything(uint64_t writer) {
  for (const auto& part : parts_) {
    std::lock_guard guard(part->lock);
    if (part->readers.empty()) continue;
    keys_.fetch_sub(part->readers.size());
    count_out(*part, part->items, part->bytes);
    std::lock_guard discarding(discarded_lock_);
    discarded_.push_back(std::move(part->readers));
    part->readers = Map(hasher_);
    has_discarded_.store(true);
  }
  for (unsigned worker = 0; worker < channels_.worker_count(); ++worker) {
    post(worker, {.kind = Invalidation::Kind::everything, .writer = writer});
  }
}

void TrackingTable::invalidate_everything_of(Reader reader) {
  post(reader.worker, {.kind = Invalidation::Kind::everything, .clients = {reader.session}});
}

// Somebody may have begun to track again: whoever is remembered is told, as ever.
void TrackingTable::forget_slice(size_t keys) {
  for (const auto& part : parts_) {
    std::lock_guard guard(part->lock);
    for (; keys > 0 && !part->readers.empty(); --keys) {
      forget(*part, part->readers.begin(), /*writer=*/0);
    }
  }
}

bool TrackingTable::release_slice(size_t keys) {
  if (!is_used() && keys_.load(std::memory_order_relaxed) != 0) {
    forget_slice(keys);
    return true;
  }
  if (!has_discarded_.load(std::memory_order_relaxed)) return false;
  std::lock_guard guard(discarded_lock_);
  for (; keys > 0 && !discarded_.empty(); --keys) {
    Map& map = discarded_.back();
    if (map.empty()) {
      discarded_.pop_back();
    } else {
      map.erase(map.begin());
    }
  }
  has_discarded_.store(!discarded_.empty());
  return !discarded_.empty();
}

}  // namespace larder::server
