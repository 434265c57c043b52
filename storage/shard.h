// Shard: one part of the keyspace, a plain single-threaded structure.
//
// Owns, for each database, a table of entries and the store of their items (made on first use), and
// the memory account of all of it. Never locks, never asks the time, never does I/O.
// Expired entries are ordinary entries here: whoever looks one up compares its deadline with the
// time it was given, and decides.
//
// Invariants
//   * An Entry is valid until the next change of the same shard.
//   * The store knows a bound for the deadlines of each run of slots (item_store.h); no entry is
//   due
//     before next_due_ms().
//   * An empty shard holds no memory but its recycled pools: bytes() is 0.
//
// Costs: find, set, erase and what resembles them are O(1), O(length) where bytes are copied; a
// deadline earlier than all others near it O(log n). Growing is the split of one 512-byte block at
// a time; the table is never rebuilt. Memory that cannot be had ends the process; no other error
// exists here.
//
// Thread: whoever holds the shard's lock, except prefetch_*(), which any thread may call at any
// time: they only read memory that is never unmapped, and what they read only decides what to
// prefetch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/database_set.h"
#include "storage/entry.h"
#include "storage/eviction.h"
#include "storage/function_ref.h"
#include "storage/ghosts.h"
#include "storage/hash.h"
#include "storage/held_value.h"
#include "storage/item_store.h"
#include "storage/memory.h"
#include "storage/pool.h"
#include "storage/table.h"
#include "storage/value.h"

namespace larder::storage {

// Holds the sum of 2^64 deadlines.
__extension__ using WideSum = unsigned __int128;

class Shard {
 public:
  // `hasher` must outlive the shard and be the one that made the hashes passed in.
  explicit Shard(const KeyHasher& hasher);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // ---- Lookup ----

  // Four stages, each for a whole batch of keys before the next, so that the loads of a batch
  // overlap. Any thread, unlocked.
  // Starts loading the directory word of a key.
  void prefetch_directory(unsigned db, Hash hash) const;
  // Starts loading the bucket of a key, whose directory word should have arrived.
  void prefetch_bucket(unsigned db, Hash hash) const;
  // Looks at the bucket, which should have arrived, and starts loading the word that says where the
  // item's region is. Returns the item's probable name, for prefetch_item(); 0 if there is none.
  ItemRef prefetch_region(unsigned db, Hash hash) const;
  // Starts loading the beginning of an item, whose region word should have arrived: as much as most
  // values need, more if `bytes` (from the key on, what it will hold when it is overwritten) says
  // so, up to kMostPrefetched.
  static constexpr size_t kMostPrefetched = 2048;
  void prefetch_item(unsigned db, ItemRef guess, size_t bytes = 0) const;

  // Null if the key is absent. Finds due entries like any other. No allocation.
  Entry find(unsigned db, std::string_view key, Hash hash);

  // ---- Strings ----
  // Text that is a canonical 64-bit integer ("0", "-5"; no sign +, no leading zeros) is stored as
  // an integer by set() and insert(). `value`, `tail` and `patch` must not point into the shard.
  // Keys have at most kMaxKeyLength bytes.

  // Creates or overwrites. `deadline_ms` kNoDeadline removes a deadline.
  Entry set(unsigned db, std::string_view key, Hash hash, std::string_view value,
            int64_t deadline_ms);
  // Overwrites, without a second lookup.
  Entry set(unsigned db, Entry existing, std::string_view value, int64_t deadline_ms);
  // Creates. REQUIRES: the key is absent (find just said so).
  Entry insert(unsigned db, std::string_view key, Hash hash, std::string_view value,
               int64_t deadline_ms);
  // The same with a value held apart from entries, of another shard's perhaps, which all that are
  // given it share if it is large. O(1) in that case.
  Entry set(unsigned db, Entry existing, const HeldValue& value, int64_t deadline_ms);
  Entry insert(unsigned db, std::string_view key, Hash hash, const HeldValue& value,
               int64_t deadline_ms);
  // Overwrites with an integer, keeping the deadline.
  Entry set_integer(unsigned db, Entry existing, int64_t value);
  // Creates. REQUIRES: the key is absent.
  Entry insert_integer(unsigned db, std::string_view key, Hash hash, int64_t value,
                       int64_t deadline_ms);
  // Appends, keeping the deadline; the result is stored as text. Amortised O(tail) when repeated.
  Entry append(unsigned db, Entry existing, std::string_view tail);
  // Overwrites from `offset`, growing with zero bytes if need be, keeping the deadline; the result
  // is stored as text.
  Entry set_range(unsigned db, Entry existing, size_t offset, std::string_view patch);

  // ---- Objects (object.h) ----

  // Creates an entry that owns `object`. REQUIRES: the key is absent.
  Entry insert_object(unsigned db, std::string_view key, Hash hash, Object* object,
                      int64_t deadline_ms);
  // Overwrites with `object`, which the entry then owns.
  Entry set_object(unsigned db, Entry existing, Object* object, int64_t deadline_ms);
  // An entry's object was changed: what it took before, and takes now.
  void edited(unsigned db, size_t bytes_before, size_t bytes_after);
  // An entry's object holds something with a deadline, which may be earlier than before.
  void note_object_deadline(unsigned db, Entry existing);
  // Erases the entry; the object is the caller's then. REQUIRES: existing.is_object().
  Object* extract(unsigned db, Entry existing);

  // ---- Any type ----

  // kNoDeadline removes the deadline.
  Entry set_deadline(unsigned db, Entry existing, int64_t deadline_ms);
  // What a large object takes is given back by release_slice(), as with all that frees one.
  void erase(unsigned db, Entry existing);

  // ---- The database as a whole ----

  // Entries, and those of them that have a deadline.
  size_t size(unsigned db) const;
  size_t with_deadline(unsigned db) const;
  // Exact mean of the deadlines in Unix ms; 0 if there are none.
  double mean_deadline_ms(unsigned db) const;
  // Memory taken by tables, items, blobs and objects, in bytes as slots and the allocator round
  // them. A blob that entries share counts for each of them. What waits for release_slice() counts
  // as free already.
  size_t bytes() const { return account_.bytes; }
  // What of it the tables take, which is all that is neither keys nor values. O(databases).
  size_t table_bytes() const;
  // The same as bytes(), and the free slots between them.
  size_t reserved_bytes() const;

  // What one entry takes of bytes(): its slot and what it owns elsewhere.
  size_t bytes_of(unsigned db, Entry entry) const;

  // SCAN: visits the entries of the one block that `position` lies in; returns the next position, 0
  // when that was the last. Starts at 0; positions are below 2^45. The visitor must not change the
  // shard. An entry that is present during a whole iteration is visited at least once, whatever
  // else changes between the calls. At most some 96 entries are visited per call, possibly none.
  uint64_t scan(unsigned db, uint64_t position, FunctionRef<void(Entry)> visitor);
  // Visits every entry once, in hash order of blocks. The visitor must not change the shard.
  void for_each(unsigned db, FunctionRef<void(Entry)> visitor);
  // Some entry, each about equally likely; null if there is none. `random` is 64 random bits.
  Entry random(unsigned db, uint64_t random);

  // Empties a database at once; the memory is given back by release_slice().
  void clear(unsigned db);
  // Exchanges two databases at once.
  void swap_databases(unsigned a, unsigned b);
  // There is something for release_slice() to do.
  bool is_untidy() const { return has_garbage_ || !sparse_.empty() || !unranked_.empty(); }
  // Frees up to about `max_items` entries of what clear() left, or as many pieces of large objects
  // that are of no entry any more, or moves items together where slots have become sparse; true
  // while more remains. Ends the validity of entries.
  bool release_slice(size_t max_items);

  // ---- Expiry, over all databases of the shard ----

  // The time from which expire_due() has something to look at; INT64_MAX if never. Never later than
  // the earliest deadline rounded up to the next 64 ms; earlier where that deadline is gone.
  int64_t next_due_ms() const { return next_due_ms_; }
  // Calls `on_due` for entries whose deadline is <= now_ms, when the 64 ms they fall into are over.
  // The callback must erase the entry it is given or set it a deadline after `now_ms`; it must
  // change nothing else in this shard. Does about as much as looking at `max_entries` entries
  // costs, then returns how much that was; 0 means that there is nothing to do until next_due_ms().
  //
  // Calls `on_due_within` for entries whose objects hold something that is due. It must take some
  // of that out, and erase the entry or, if something with a deadline is left in it, call
  // note_object_deadline(); it returns how much it did, in the same unit.
  size_t expire_due(int64_t now_ms, size_t max_entries,
                    FunctionRef<void(unsigned db, Entry)> on_due,
                    FunctionRef<size_t(unsigned db, Entry)> on_due_within);
  // The same, where nothing is within objects.
  size_t expire_due(int64_t now_ms, size_t max_entries,
                    FunctionRef<void(unsigned db, Entry)> on_due);

  // ---- Eviction, over all databases of the shard (storage/eviction.h) ----

  // From now on this policy decides; `volatile_only`: among entries with a deadline. Ranks that
  // mean the same under both policies are kept. O(entries); entries made under a policy without
  // ranks get theirs in slices (release_slice()) and go first until then.
  void use_eviction(EvictionPolicy policy, bool volatile_only);
  // Takes over for the policy, whose ranks mean the same; O(1).
  void change_eviction(EvictionPolicy policy) { eviction_ = policy; }
  // What time it is for ranks, for all that follows. Never goes back.
  void set_rank_clock(const RankClock& now) { rank_clock_ = now; }
  // Sieve: the segment that new entries go to and the hand is in.
  void set_front(unsigned segment) { front_ = segment; }
  // The entry was read. Costs nothing worth mentioning.
  void touch(unsigned db, Entry existing);
  bool keeps_ranks() const { return storage::keeps_ranks(eviction_); }
  // What is known of an entry from elsewhere. Under LRU, when it was last used: at this tick, the
  // clock's or an earlier one. Under LFU, how often. Nothing happens under other policies.
  Entry set_last_use(unsigned db, Entry existing, uint64_t tick);
  Entry set_uses(unsigned db, Entry existing, double count);

  // Entries of a segment (without volatile_only being considered).
  size_t segment_size(unsigned segment) const { return segment_sizes_[segment]; }
  // No candidate of the segment has a smaller key; UINT64_MAX if there is none, at the latest when
  // evict_step() has looked for one. Under `ttl` a bound of the deadlines, under `random` always 0
  // while there are entries. O(1).
  uint64_t least_key(unsigned segment) const;
  enum class Step : uint8_t {
    none,     // nothing found below the limit; least_key() says whether to look again
    moved,    // the first candidate got another chance: look again
    evicted,  // it was given to `on_evict`, which erased it
  };
  // Judges the first candidate of a segment, if its key is at most `limit`. Bounded: looks at a few
  // runs. `random` is 64 random bits.
  Step evict_step(unsigned segment, uint64_t limit, uint64_t random,
                  FunctionRef<void(unsigned db, Entry)> on_evict);
  static bool has_rank(Entry entry) { return entry.item_->has_rank_room(); }
  // The rank of an entry, as eviction.h lays it out; 0 if it has none.
  static uint32_t rank_of(Entry entry) {
    return entry.item_->has_rank_room() ? entry.item_->rank() : 0;
  }

  // Checks every invariant deeply; aborts with a message if one is broken. For tests and
  // simulation.
  void verify() const;

 private:
  struct Database {
    explicit Database(const TableContext& context) : table(context) {}

    Table table;
    std::unique_ptr<ItemStore> store;  // null until the first entry
    size_t owned_bytes = 0;  // of blobs and objects
    size_t with_deadline = 0;
    WideSum deadline_sum_ms = 0;
    size_t segment_sizes[2] = {};
  };
  // What clear() took out, to be freed in slices.
  struct Detached {
    DetachedTable table;
    std::unique_ptr<ItemStore> store;
  };
  static constexpr int64_t kTickMs = 64;
  static constexpr int64_t kNothingDue = std::numeric_limits<int64_t>::max();

  template <size_t... kIndex>
  Shard(const KeyHasher& hasher, std::index_sequence<kIndex...>);

  // ---- shard_values.cc ----
  Entry create(unsigned db, std::string_view key, Hash hash, const NewValue& value,
               int64_t deadline_ms);
  Entry overwrite(unsigned db, Entry existing, const NewValue& value, int64_t deadline_ms);
  void write_value(Database& database, Item* item, const NewValue& value);
  // The entry, whose value is any integer, gets a reference to the blob instead.
  Entry refer(unsigned db, Entry entry, Blob* blob);
  static bool fits_in_place(const Database& database, const Item* item, const NewValue& value);
  // Gives the entry another item with the same key, deadline (if it has room) and rank (a new one
  // if the policy needs one and the old item has none), whose value is still to be written. Returns
  // the old item, which is the caller's to free.
  Item* replace_item(Database& database, Entry& entry, ItemShape shape, size_t spare_bytes);
  // The same with its value; the old item is freed.
  void move_value(Database& database, Entry& entry, const ItemShape& shape);
  // Makes the value a text of at least its present length, of which all that is new is unset.
  char* grow_text(Database& database, Entry& entry, size_t length);
  char* grow_blob(Database& database, Item* item, size_t length);
  void take_blob(Database& database, Item* item, Blob* blob);
  void drop_blob(Database& database, Item* item);
  void count_owned(Database& database, Item* item, size_t bytes);
  void discount_owned(Database& database, Item* item, size_t bytes);
  // Gives up the blob or object; the item still has to get another value. REQUIRES: it has one.
  void drop_owned(Database& database, Item* item);
  void discard(Object* object);
  ItemStore& store_of(Database& database);
  void free_item(Database& database, Item* item);

  // No deadline is earlier than the shard knows.
  void expect_due(int64_t deadline_ms);
  // Calls visitor(entry) for each item of `due_`.
  void visit_due(unsigned db, FunctionRef<void(Entry)> visitor);

  // ---- shard_eviction.cc ----
  void admit(Database& database, Item* item, bool remembered);
  void forget_rank(Database& database, const Item* item);
  void note_rank(Database& database, const Item* item);
  // REQUIRES: keeps_ranks(); the rank is in the segment of the old one.
  void change_rank(Database& database, Item* item, uint32_t rank);
  // Gives it room for its rank. REQUIRES: keeps_ranks(), and it has none.
  void make_rank_room(Database& database, Entry& entry);
  bool is_candidate(const Item* item) const {
    return !volatile_only_ || item->deadline_ms() != kNoDeadline;
  }
  uint64_t key_in_segment(const Item* item, unsigned segment) const;
  unsigned segment_of(const Item* item) const;
  void count_in_segment(Database& database, unsigned segment, int entries);
  void forget_segments(Database& database);
  void rank_all(bool keep);
  size_t give_ranks(size_t max_items);
  Step evict_random(uint64_t random, FunctionRef<void(unsigned db, Entry)> on_evict);
  Step evict_soonest(uint64_t limit, FunctionRef<void(unsigned db, Entry)> on_evict);
  Entry entry_of(Database& database, Item* item);

  // ---- shard.cc ----
  // REQUIRES: the item has room for the deadline.
  void apply_deadline(Database& database, Item* item, int64_t deadline_ms);
  static Entry entry_at(Database& database, Slot* slot);
  void find_next_due();
  size_t evacuate(Database& database);
  size_t release_detached(size_t max_items);
  size_t release_discarded(size_t max_parts);

  // First, so that what every command looks at and the root of database 0 share a cache line with
  // what lies before the shard: its lock, and what is known of its account.
  Account account_;            // tables, items, blobs and objects of all databases
  DatabaseSet sparse_;         // whose store may be sparse
  DatabaseSet unranked_;       // that may have items without ranks
  bool has_garbage_ = false;   // detached_ or discarded_ is not empty
  EvictionPolicy eviction_ = EvictionPolicy::none;
  bool volatile_only_ = false;
  Database databases_[kMaxDatabases];  // only refers to what follows
  const KeyHasher& hasher_;
  BlockPool blocks_;
  DirectoryPool directories_;
  RegionPool region_tables_;
  TableContext context_;
  size_t entries_ = 0;  // of all databases
  int64_t next_due_ms_ = kNothingDue;
  std::vector<Detached> detached_;
  std::vector<Object*> discarded_;  // of no entry any more, to be freed in slices
  std::vector<Item*> due_;  // scratch

  unsigned front_ = 0;
  size_t rank_position_ = 0;  // in the first of unranked_, for give_ranks()
  size_t segment_sizes_[2] = {};  // of all databases
  RankClock rank_clock_;
  Ghosts ghosts_;
};

}  // namespace larder::storage
