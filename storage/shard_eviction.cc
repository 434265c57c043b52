// Who goes first: ranks of entries, and the steps of eviction.
#include <algorithm>
#include <bit>
#include <utility>

#include "storage/check.h"
#include "storage/shard.h"

namespace larder::storage {
namespace {

// Runs looked at in one step, of about 8 KiB each: some 10 us.
constexpr unsigned kLooksPerStep = 8;
// Tries to find an entry with a deadline at random, before the one that is due first is taken.
constexpr unsigned kRandomTries = 16;

// The database whose first candidate seems to be the first of all, and how early that candidate
// must be to be so.
struct FirstDatabase {
  unsigned db = kMaxDatabases;  // there is no candidate
  uint64_t bound = UINT64_MAX;
  uint64_t limit = UINT64_MAX;
};

// `bound_of(database)` is what the database's candidates are not earlier than; UINT64_MAX: it has
// none.
template <typename Databases, typename BoundOf>
FirstDatabase first_database(const Databases& databases, BoundOf bound_of) {
  FirstDatabase first;
  for (unsigned db = 0; db < kMaxDatabases; ++db) {
    if (databases[db].store == nullptr) continue;
    const uint64_t bound = bound_of(databases[db]);
    if (bound < first.bound) {
      first = {db, bound, first.bound};
    } else {
      first.limit = std::min(first.limit, bound);
    }
  }
  return first;
}

}  // namespace

Entry Shard::entry_of(Database& database, Item* item) {
  Slot* slot = database.table.find_ref(database.store->ref_of(item), hasher_(item->key()));
  check(slot != nullptr, "an item in the store is in the table");
  return {item, slot};
}

// ---- ranks --------------------------------------------------------------------------------------

unsigned Shard::segment_of(const Item* item) const {
  return eviction_ == EvictionPolicy::lfu ? 0 : StampPolicy::segment(item->rank());
}

// Of items without a rank: 0, in segment 0, so that they go first.
uint64_t Shard::key_in_segment(const Item* item, unsigned segment) const {
  if (!is_candidate(item)) return UINT64_MAX;
  if (!item->has_rank_room()) return segment == 0 ? 0 : UINT64_MAX;
  if (segment_of(item) != segment) return UINT64_MAX;
  return with_policy(eviction_, [&](auto policy) { return policy.key(item->rank(), rank_clock_); });
}

void Shard::note_rank(Database& database, const Item* item) {
  const unsigned segment = item->has_rank_room() ? segment_of(item) : 0;
  database.store->note_rank(item, segment, key_in_segment(item, segment));
}

// A new entry gets its rank. REQUIRES: keeps_ranks(), and the item has room for it.
void Shard::admit(Database& database, Item* item, bool remembered) {
  item->set_rank(with_policy(
      eviction_, [&](auto policy) { return policy.admitted(rank_clock_, front_, remembered); }));
  count_in_segment(database, segment_of(item), 1);
  if (is_candidate(item)) note_rank(database, item);
}

// The item goes.
void Shard::forget_rank(Database& database, const Item* item) {
  if (item->has_rank_room() && keeps_ranks()) count_in_segment(database, segment_of(item), -1);
}

void Shard::count_in_segment(Database& database, unsigned segment, int entries) {
  const auto difference = static_cast<size_t>(entries);  // of either sign, modulo 2^64
  database.segment_sizes[segment] += difference;
  segment_sizes_[segment] += difference;
}

void Shard::forget_segments(Database& database) {
  for (unsigned segment = 0; segment < 2; ++segment) {
    segment_sizes_[segment] -= std::exchange(database.segment_sizes[segment], 0);
  }
}

void Shard::touch(unsigned db, Entry existing) {
  Item* item = existing.item_;
  if (!keeps_ranks() || !item->has_rank_room()) return;
  const uint32_t rank =
      with_policy(eviction_, [&](auto policy) { return policy.hit(item->rank(), rank_clock_); });
  // A key only grows by a hit, so that no bound has to be looked at.
  static_cast<void>(db);
  item->set_rank(rank);
}

// Its key may be less than before, so that the bound has to be looked at.
void Shard::change_rank(Database& database, Item* item, uint32_t rank) {
  item->set_rank(rank);
  if (is_candidate(item)) note_rank(database, item);
}

Entry Shard::set_last_use(unsigned db, Entry existing, uint64_t tick) {
  if (eviction_ != EvictionPolicy::lru) return existing;
  Database& database = databases_[db];
  if (!existing.item_->has_rank_room()) make_rank_room(database, existing);
  Item* item = existing.item_;
  change_rank(database, item, Lru::stamped(item->rank(), tick, rank_clock_));
  return existing;
}

Entry Shard::set_uses(unsigned db, Entry existing, double count) {
  if (eviction_ != EvictionPolicy::lfu) return existing;
  Database& database = databases_[db];
  if (!existing.item_->has_rank_room()) make_rank_room(database, existing);
  change_rank(database, existing.item_, Lfu::counted(count, rank_clock_));
  return existing;
}

void Shard::use_eviction(EvictionPolicy policy, bool volatile_only) {
  const bool keep = keeps_ranks() && storage::keeps_ranks(policy) &&
                    (eviction_ == EvictionPolicy::lfu) == (policy == EvictionPolicy::lfu);
  eviction_ = policy;
  volatile_only_ = volatile_only;
  front_ = 0;
  ghosts_.clear();
  rank_all(keep);
}

// Counts and bounds anew.
void Shard::rank_all(bool keep) {
  unranked_.clear();
  rank_position_ = 0;
  for (unsigned db = 0; db < kMaxDatabases; ++db) {
    Database& database = databases_[db];
    forget_segments(database);
    if (database.store == nullptr) continue;
    database.store->forget_ranks();
    if (!keeps_ranks()) continue;
    database.store->visit(0, SIZE_MAX, [&](Item* item) {
      if (!item->has_rank_room()) {
        unranked_.add(db);
        if (is_candidate(item)) note_rank(database, item);
      } else if (keep) {
        count_in_segment(database, segment_of(item), 1);
        if (is_candidate(item)) note_rank(database, item);
      } else {
        admit(database, item, false);
      }
    });
  }
}

void Shard::make_rank_room(Database& database, Entry& entry) {
  ItemShape shape = entry.item_->shape();
  shape.rank_room = true;
  shape.far = false;
  move_value(database, entry, shape);
}

// Gives room for ranks to some items that have none. Returns how many slots were looked at.
size_t Shard::give_ranks(size_t max_items) {
  const unsigned db = unranked_.first();
  Database& database = databases_[db];
  if (database.store == nullptr) {
    unranked_.remove(db);
    return 0;
  }
  const size_t looked = max_items;
  rank_position_ = database.store->visit(rank_position_, max_items, [&](Item* item) {
    if (item->has_rank_room()) return;
    Entry entry = entry_of(database, item);
    make_rank_room(database, entry);
  });
  if (rank_position_ == 0) unranked_.remove(db);
  return looked;
}

// ---- eviction -----------------------------------------------------------------------------------

uint64_t Shard::least_key(unsigned segment) const {
  uint64_t least = UINT64_MAX;
  for (const Database& database : databases_) {
    if (database.store == nullptr) continue;
    if (keeps_ranks()) {
      least = std::min(least, database.store->least_rank(segment));
    } else if (segment == 0 && (eviction_ == EvictionPolicy::ttl || volatile_only_)) {
      if (database.with_deadline == 0) continue;
      least = eviction_ == EvictionPolicy::ttl
                  ? std::min(least, static_cast<uint64_t>(database.store->earliest_deadline_ms()))
                  : 0;
    } else if (segment == 0 && eviction_ == EvictionPolicy::random && database.table.size() > 0) {
      least = 0;
    }
  }
  return least;
}

Shard::Step Shard::evict_step(unsigned segment, uint64_t limit, uint64_t random,
                              FunctionRef<void(unsigned db, Entry)> on_evict) {
  if (least_key(segment) > limit) return Step::none;
  if (eviction_ == EvictionPolicy::random) return evict_random(random, on_evict);
  if (eviction_ == EvictionPolicy::ttl) return evict_soonest(limit, on_evict);
  const FirstDatabase first = first_database(databases_, [segment](const Database& database) {
    return database.store->least_rank(segment);
  });
  if (first.db == kMaxDatabases) return Step::none;
  const unsigned db = first.db;
  Database& database = databases_[db];
  Item* item = database.store->take_least(
      segment, std::min(limit, first.limit), kLooksPerStep,
      [&](const Item* each) { return key_in_segment(each, segment); });
  if (item == nullptr) return Step::none;
  if (!item->has_rank_room()) {
    on_evict(db, entry_of(database, item));
    return Step::evicted;
  }
  const Verdict verdict =
      with_policy(eviction_, [&](auto policy) { return policy.judge(item->rank(), rank_clock_); });
  if (verdict.evict) {
    if (verdict.remember) ghosts_.remember(hasher_(item->key()), entries_);
    on_evict(db, entry_of(database, item));
    return Step::evicted;
  }
  count_in_segment(database, segment, -1);
  item->set_rank(verdict.rank);
  count_in_segment(database, segment_of(item), 1);
  note_rank(database, item);
  return Step::moved;
}

Shard::Step Shard::evict_random(uint64_t random, FunctionRef<void(unsigned db, Entry)> on_evict) {
  const auto candidates = [this](const Database& database) {
    return volatile_only_ ? database.with_deadline : database.table.size();
  };
  // A database, so that each entry is as likely as any other; then an entry of it.
  size_t all = 0;
  for (const Database& database : databases_) all += candidates(database);
  if (all == 0) return Step::none;
  size_t place = random % all;
  unsigned db = 0;
  while (place >= candidates(databases_[db])) place -= candidates(databases_[db++]);
  for (unsigned tries = 0; tries < kRandomTries; ++tries) {
    const Entry entry = this->random(db, random + tries * 0x9e3779b97f4a7c15);
    if (!entry || !is_candidate(entry.item_)) continue;
    on_evict(db, entry);
    return Step::evicted;
  }
  return evict_soonest(UINT64_MAX, on_evict);
}

Shard::Step Shard::evict_soonest(uint64_t limit,
                                 FunctionRef<void(unsigned db, Entry)> on_evict) {
  const FirstDatabase first = first_database(databases_, [](const Database& database) {
    if (database.with_deadline == 0) return UINT64_MAX;
    return static_cast<uint64_t>(database.store->earliest_deadline_ms());
  });
  if (first.db == kMaxDatabases) return Step::none;
  Item* item = databases_[first.db].store->soonest(std::min(limit, first.limit), kLooksPerStep);
  if (item == nullptr) return Step::none;
  on_evict(first.db, entry_of(databases_[first.db], item));
  return Step::evicted;
}

}  // namespace larder::storage
