// TrackingTable: which clients of the node may have cached which keys, and what is told to them.
//
// A client that tracks is remembered for each key it reads, until the key changes or the table is
// full; one that broadcasts hears of every change of keys with its prefixes. As in Redis a key is
// the same in all databases.
//
// Order: whoever reads is remembered, and whoever writes invalidates, while the key's shard is
// locked. So when somebody sees a new value, the invalidations of the old one are in the boxes of
// all workers concerned (Dispatcher::finish_reads() says what a reader does with its own).
//
// Locks: like those of ChannelRegistry, behind shards' locks and the effect log's; prefixes and
// parts are never held together, boxes come after both.
//
// Memory: keys and bytes are bounded by limit_keys(); beyond it keys are invalidated before their
// time. Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/effects.h"
#include "server/pubsub/channel_registry.h"
#include "server/pubsub/name_map.h"
#include "server/spin_lock.h"
#include "server/tracking/invalidation.h"

namespace larder::server {

struct Session;

class TrackingTable {
 public:
  struct Reader {
    uint32_t worker;
    uint64_t session;
    bool operator==(const Reader&) const = default;
  };

  // `channels`: whose boxes are posted to.
  TrackingTable(ChannelRegistry& channels, const storage::KeyHasher& hasher);

  // A session begins or ends to track; whatever else it says is in session.tracking, which exists
  // between the two. REQUIRES for end(): it tracks.
  void begin(Session& session, unsigned worker);
  void end(Session& session);
  // It broadcasts by this prefix, too. REQUIRES: it tracks.
  void add_prefix(Session& session, std::string_view prefix);

  // Does anybody track? Whoever turns it on waits until all workers have seen it.
  bool is_used() const { return clients_.load(std::memory_order_relaxed) != 0; }

  // REQUIRES: the key's shard is locked.
  void remember(std::string_view key, Reader reader);
  // Keys changed, by a command of session `writer` (0: of none). REQUIRES: their shards are locked.
  // O(events * different lengths of prefixes, up to that of the key), whatever their number.
  void invalidate(std::span<const KeyEvent> events, uint64_t writer);
  // All keys may have. REQUIRES: all shards are locked. O(parts); release_slice() frees the memory.
  void invalidate_everything(uint64_t writer);
  // For one session alone.
  void invalidate_everything_of(Reader reader);
  // Frees up to `keys` of what invalidate_everything() left, and of what is remembered although
  // nobody tracks any more; true if there is more.
  bool release_slice(size_t keys);

  // 0: no limit.
  void limit_keys(size_t keys) { most_keys_.store(keys, std::memory_order_relaxed); }

  // What a prefix of one client takes.
  static size_t prefix_bytes(std::string_view prefix) { return 256 + 2 * prefix.size(); }

  // For INFO.
  size_t clients() const { return clients_.load(); }
  size_t keys() const { return keys_.load(); }
  size_t items() const { return items_.load(); }
  size_t prefixes();
  size_t bytes() const { return bytes_.load() + prefix_bytes_.load(); }

 private:
  static constexpr size_t kParts = 64;
  // The limit in bytes, for each key of the limit in keys: names may be long.
  static constexpr size_t kBytesPerKey = 256;

  using Readers = std::vector<Reader>;
  using Map = NameMap<std::string, Readers>;
  struct alignas(64) Part {
    explicit Part(const storage::KeyHasher& hasher) : readers(hasher) {}
    SpinLock lock;
    Map readers;
    size_t items = 0;
    size_t bytes = 0;
    size_t next_bucket = 0;  // where to look for a key to forget
  };

  size_t part_of(std::string_view key) const { return (hasher_(key) >> 32) % kParts; }
  void post(unsigned worker, Invalidation invalidation);
  void invalidate_key(std::string_view key, uint64_t writer);
  void invalidate_prefixes(std::span<const KeyEvent> events, uint64_t writer);
  // REQUIRES: its part is locked.
  void tell_readers(std::string_view key, const Readers& readers, uint64_t writer);
  void count_in(Part& part, size_t items, size_t bytes);
  void count_out(Part& part, size_t items, size_t bytes);
  void forget(Part& part, Map::iterator place, uint64_t writer);
  void forget_some();
  void forget_slice(size_t keys);
  bool is_over_limit() const;

  ChannelRegistry& channels_;
  const storage::KeyHasher& hasher_;
  std::atomic<size_t> clients_{0};
  std::atomic<size_t> most_keys_{0};
  std::atomic<size_t> keys_{0};
  std::atomic<size_t> items_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> next_part_{0};
  std::vector<std::unique_ptr<Part>> parts_;
  SpinLock prefix_lock_;
  std::atomic<size_t> prefix_count_{0};
  std::atomic<size_t> prefix_bytes_{0};
  std::map<std::string, Readers, std::less<>> prefixes_;
  std::map<size_t, size_t> prefix_lengths_;  // how many of prefixes_ are so long
  SpinLock discarded_lock_;
  std::atomic<bool> has_discarded_{false};
  std::vector<Map> discarded_;
};

}  // namespace larder::server
