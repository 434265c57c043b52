// Shard: one part of the keyspace, a plain single-threaded structure.
//
// Owns, for each database, a table of entries (made on first use), the timing wheel of their
// deadlines and the memory account of all of it. Never locks, never asks the time, never does I/O.
// Expired entries are ordinary entries here: whoever looks one up compares its deadline with the
// time it was given, and decides.
//
// Invariants
//   * An Entry is valid until the next change of the same shard.
//   * Every entry with a deadline is known to the wheel at or before that deadline; the wheel may
//   know
//     deadlines that no longer hold, and drops them when their time comes or they become too many.
//   * An empty shard holds no memory but its recycled pools: bytes() is 0.
//
// Costs: find, set, erase and what resembles them are O(1), O(length) where bytes are copied.
// Growing is the split of one 512-byte block at a time; the table is never rebuilt. Memory that
// cannot be had ends the process; no other error exists here.
//
// Thread: whoever holds the shard's lock, except prefetch_*(), which any thread may call at any
// time: they only read memory that is never unmapped, and what they read only decides what to
// prefetch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/entry.h"
#include "storage/function_ref.h"
#include "storage/hash.h"
#include "storage/memory.h"
#include "storage/pool.h"
#include "storage/table.h"
#include "storage/value.h"
#include "storage/wheel.h"

namespace larder::storage {

constexpr unsigned kMaxDatabases = 16;

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

  // Three stages, each for a whole batch of keys before the next, so that the loads of a batch
  // overlap. Any thread, unlocked.
  // Starts loading the directory word of a key.
  void prefetch_directory(unsigned db, Hash hash) const;
  // Starts loading the bucket of a key, whose directory word should have arrived.
  void prefetch_bucket(unsigned db, Hash hash) const;
  // Looks at the bucket, which should have arrived, and starts loading the beginning of the items
  // that may match: at least their first two cache lines, more if `bytes` (what the item will hold
  // when it is overwritten) says so, up to kMostPrefetched.
  static constexpr size_t kMostPrefetched = 2048;
  void prefetch_entry(unsigned db, Hash hash, size_t bytes = 0) const;

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

  // ---- Any type ----

  // kNoDeadline removes the deadline.
  Entry set_deadline(unsigned db, Entry existing, int64_t deadline_ms);
  void erase(unsigned db, Entry existing);

  // ---- The database as a whole ----

  // Entries, and those of them that have a deadline.
  size_t size(unsigned db) const;
  size_t with_deadline(unsigned db) const;
  // Exact mean of the deadlines in Unix ms; 0 if there are none.
  double mean_deadline_ms(unsigned db) const;
  // Memory taken by tables, items, blobs and wheel, in bytes as the allocator rounds them. What
  // waits for release_slice() counts as free already.
  size_t bytes() const;

  // SCAN: visits the entries of the one block that `position` lies in; returns the next position, 0
  // when that was the last. Starts at 0; positions are below 2^45. The visitor must not change the
  // shard. An entry that is present during a whole iteration is visited at least once, whatever
  // else changes between the calls. At most some 56 entries are visited per call, possibly none.
  uint64_t scan(unsigned db, uint64_t position, FunctionRef<void(Entry)> visitor);
  // Visits every entry once, in hash order of blocks. The visitor must not change the shard.
  void for_each(unsigned db, FunctionRef<void(Entry)> visitor);
  // Some entry, each about equally likely; null if there is none. `random` is 64 random bits.
  Entry random(unsigned db, uint64_t random);

  // Empties a database at once; the memory is given back by release_slice().
  void clear(unsigned db);
  // Frees up to about `max_items` entries of what clear() left; true while more remains.
  bool release_slice(size_t max_items);

  // ---- Expiry, over all databases of the shard ----

  // The time from which expire_due() has something to look at; INT64_MAX if never. Moves with every
  // change of a deadline; never later than the earliest deadline rounded up to the next 64 ms,
  // except for deadlines already passed when they were set, which count as due at once.
  int64_t next_due_ms() const;
  // Calls `on_due` for entries whose deadline is <= now_ms, when the 64 ms they fall into are over.
  // The callback must erase the entry it is given or set it a deadline after `now_ms`; it must
  // change nothing else in this shard. Looks at about `max_entries` records, then returns how many
  // it looked at; 0 means that there is nothing to do until next_due_ms(). `now_ms` never goes
  // back.
  size_t expire_due(int64_t now_ms, size_t max_entries,
                    FunctionRef<void(unsigned db, Entry)> on_due);

  // Checks every invariant deeply; aborts with a message if one is broken. For tests and
  // simulation.
  void verify() const;

 private:
  struct Database {
    explicit Database(const TableContext& context) : table(context) {}

    Table table;
    size_t item_bytes = 0;  // items and blobs
    size_t with_deadline = 0;
    size_t owned = 0;  // entries that count on a record in the wheel
    WideSum deadline_sum_ms = 0;
  };
  template <size_t... kIndex>
  Shard(const KeyHasher& hasher, std::index_sequence<kIndex...>);

  // ---- shard_values.cc ----
  Entry create(unsigned db, std::string_view key, Hash hash, const NewValue& value,
               int64_t deadline_ms);
  Entry overwrite(unsigned db, Entry existing, const NewValue& value, int64_t deadline_ms);
  void write_value(Database& database, Item* item, const NewValue& value);
  // Gives the entry another item with the same key, deadline and owner, whose value is still to be
  // written. Returns the old item, which is the caller's to free.
  Item* replace_item(Database& database, Entry& entry, size_t bytes_needed, bool deadline_room,
                     Kind kind, size_t text_length);
  // Makes the value a text of at least its present length, of which all that is new is unset.
  char* grow_text(Database& database, Entry& entry, size_t length);
  char* grow_blob(Database& database, Item* item, size_t length);
  Item* take_item(Database& database, size_t bytes_needed);
  void free_item(Database& database, Item* item);
  void drop_blob(Database& database, Item* item);
  void charge(Database& database, size_t bytes);
  void discharge(Database& database, size_t bytes);

  // ---- shard.cc ----
  // REQUIRES: the item has room for a deadline, or there is none to store. `hash` may be null.
  void apply_deadline(unsigned db, Item* item, int64_t deadline_ms, const Hash* hash);
  void remember_deadline(unsigned db, Item* item, int64_t deadline_ms, Hash hash);
  // Takes a few records without an owner out of the wheel, if there are too many of them.
  void sweep_wheel();
  Slot* owner_of(WheelRecord record);
  void fire(WheelRecord record, int64_t now_ms, FunctionRef<void(unsigned db, Entry)> on_due);
  static Entry entry_at(Slot* slot);

  // First, so that the root of database 0 shares a cache line with what lies before the shard: its
  // lock. Only refers to what follows.
  Database databases_[kMaxDatabases];
  const KeyHasher& hasher_;
  BlockPool pool_;
  Account account_;  // tables, items and blobs of all databases
  TableContext context_;
  size_t entries_ = 0;  // of all databases
  size_t owned_ = 0;    // of all databases
  Wheel wheel_;
  std::vector<DetachedTable> detached_;
};

}  // namespace larder::storage
