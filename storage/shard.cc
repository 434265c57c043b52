#include "storage/shard.h"

#include <algorithm>
#include <bit>

#include "storage/check.h"

namespace larder::storage {
namespace {

// Entries fired together, so that their loads overlap.
constexpr size_t kFireGroup = 16;

// Looking at a slot to see whether it is due costs about this part of removing an entry.
constexpr size_t kLooksPerEntry = 8;

// What is fetched of an item nothing else is known about: most values fit.
constexpr size_t kUsualBytes = 88;
// The fields before a key, and what its value may add.
constexpr size_t kHeaderBytes = 16;

constexpr unsigned kItemsPerBlock = 64;  // about

}  // namespace

template <size_t... kIndex>
Shard::Shard(const KeyHasher& hasher, std::index_sequence<kIndex...>)
    : databases_{((void)kIndex, Database(context_))...},
      hasher_(hasher),
      context_{hasher_, blocks_, directories_, account_} {}

Shard::Shard(const KeyHasher& hasher) : Shard(hasher, std::make_index_sequence<kMaxDatabases>()) {}

Shard::~Shard() {
  for (unsigned db = 0; db < kMaxDatabases; ++db) clear(db);
  constexpr size_t kMany = 1u << 20;
  while (!detached_.empty()) release_detached(kMany);
  while (!discarded_.empty()) release_discarded(kMany);
}

Entry Shard::entry_at(Database& database, Slot* slot) {
  if (slot == nullptr) return {};
  return {database.table.regions().item(ref_in(*slot)), slot};
}

void Shard::prefetch_directory(unsigned db, Hash hash) const {
  databases_[db].table.prefetch_directory(hash);
}

void Shard::prefetch_bucket(unsigned db, Hash hash) const {
  databases_[db].table.prefetch_bucket(hash);
}

ItemRef Shard::prefetch_region(unsigned db, Hash hash) const {
  return databases_[db].table.prefetch_region(hash);
}

void Shard::prefetch_item(unsigned db, ItemRef guess, size_t bytes) const {
  const size_t wanted = bytes == 0 ? kUsualBytes : std::min(bytes + kHeaderBytes, kMostPrefetched);
  databases_[db].table.prefetch_item(guess, wanted);
}

Entry Shard::find(unsigned db, std::string_view key, Hash hash) {
  return entry_at(databases_[db], databases_[db].table.find(key, hash));
}

// ---- deadlines ----------------------------------------------------------------------------------

Entry Shard::set_deadline(unsigned db, Entry existing, int64_t deadline_ms) {
  Database& database = databases_[db];
  if (deadline_ms != kNoDeadline) deadline_ms = std::max<int64_t>(deadline_ms, 0);
  Item* item = existing.item_;
  if (!item->has_room_for(deadline_ms)) {
    ItemShape shape = item->shape();
    shape.deadline_room = true;
    shape.wide_deadline = deadline_ms >= Item::kWideDeadline;
    shape.far = false;
    move_value(database, existing, shape);
  }
  apply_deadline(database, existing.item_, deadline_ms);
  return existing;
}

void Shard::apply_deadline(Database& database, Item* item, int64_t deadline_ms) {
  if (!item->has_deadline_room()) return;
  if (const int64_t old_ms = item->deadline_ms(); old_ms != kNoDeadline) {
    --database.with_deadline;
    database.deadline_sum_ms -= static_cast<uint64_t>(old_ms);
  }
  item->set_deadline_ms(deadline_ms);
  if (deadline_ms == kNoDeadline) return;
  ++database.with_deadline;
  database.deadline_sum_ms += static_cast<uint64_t>(deadline_ms);
  database.store->note_deadline(item, deadline_ms);
  if (volatile_only_ && keeps_ranks()) note_rank(database, item);  // a candidate from now on
  expect_due(deadline_ms);
}

void Shard::expect_due(int64_t deadline_ms) {
  const int64_t last_tick_ms = kNothingDue / kTickMs * kTickMs;
  const int64_t due_ms = deadline_ms > last_tick_ms - kTickMs
                             ? last_tick_ms
                             : (deadline_ms + kTickMs - 1) / kTickMs * kTickMs;
  next_due_ms_ = std::min(next_due_ms_, due_ms);
}

void Shard::note_object_deadline(unsigned db, Entry existing) {
  const int64_t deadline_ms = existing.object().earliest_deadline_ms();
  if (deadline_ms == kNothingDue) return;
  databases_[db].store->note_object_deadline(existing.item_, deadline_ms);
  expect_due(deadline_ms);
}

void Shard::find_next_due() {
  int64_t earliest_ms = kNothingDue;
  for (const Database& database : databases_) {
    if (database.store != nullptr) {
      earliest_ms = std::min({earliest_ms, database.store->earliest_deadline_ms(),
                              database.store->earliest_object_deadline_ms()});
    }
  }
  const int64_t last_tick_ms = kNothingDue / kTickMs * kTickMs;
  if (earliest_ms == kNothingDue) {
    next_due_ms_ = kNothingDue;
  } else if (earliest_ms > last_tick_ms - kTickMs) {
    next_due_ms_ = last_tick_ms;
  } else {
    next_due_ms_ = (earliest_ms + kTickMs - 1) / kTickMs * kTickMs;
  }
}

void Shard::visit_due(unsigned db, FunctionRef<void(Entry)> visitor) {
  Database& database = databases_[db];
  for (size_t first = 0; first < due_.size(); first += kFireGroup) {
    const size_t last = std::min(first + kFireGroup, due_.size());
    Hash hashes[kFireGroup];
    for (size_t index = first; index < last; ++index) {
      hashes[index - first] = hasher_(due_[index]->key());
      database.table.prefetch_bucket(hashes[index - first]);
    }
    for (size_t index = first; index < last; ++index) {
      Slot* slot =
          database.table.find_ref(database.store->ref_of(due_[index]), hashes[index - first]);
      check(slot != nullptr, "an item in the store is in the table");
      visitor({due_[index], slot});
    }
  }
}

size_t Shard::expire_due(int64_t now_ms, size_t max_entries,
                         FunctionRef<void(unsigned db, Entry)> on_due) {
  return expire_due(now_ms, max_entries, on_due, [](unsigned, Entry) -> size_t {
    fail_check("something within an object is due");
  });
}

size_t Shard::expire_due(int64_t now_ms, size_t max_entries,
                         FunctionRef<void(unsigned db, Entry)> on_due,
                         FunctionRef<size_t(unsigned db, Entry)> on_due_within) {
  const int64_t over_ms = now_ms / kTickMs * kTickMs;  // what is due by then has its tick behind it
  size_t done = 0;
  for (unsigned db = 0; db < kMaxDatabases && next_due_ms_ <= now_ms; ++db) {
    const std::unique_ptr<ItemStore>& store = databases_[db].store;
    while (store != nullptr && store->earliest_deadline_ms() <= over_ms && done < max_entries) {
      due_.clear();
      done += 1 + store->take_due(now_ms, due_) / kLooksPerEntry + due_.size();
      visit_due(db, [&](Entry entry) { on_due(db, entry); });
    }
    while (store != nullptr && store->earliest_object_deadline_ms() <= over_ms &&
           done < max_entries) {
      due_.clear();
      done += 1 + store->take_due_objects(now_ms, due_) / kLooksPerEntry;
      visit_due(db, [&](Entry entry) {
        // What there is no time for any more is looked at again.
        done < max_entries ? static_cast<void>(done += 1 + on_due_within(db, entry))
                           : note_object_deadline(db, entry);
      });
    }
  }
  if (done < max_entries) find_next_due();
  return done;
}

// ---- entries and databases ----------------------------------------------------------------------

void Shard::erase(unsigned db, Entry existing) {
  Database& database = databases_[db];
  Item* item = existing.item_;
  if (const int64_t deadline_ms = item->deadline_ms(); deadline_ms != kNoDeadline) {
    --database.with_deadline;
    database.deadline_sum_ms -= static_cast<uint64_t>(deadline_ms);
  }
  database.table.erase(existing.slot_, hasher_(item->key()));
  if (owns_memory(item->kind())) drop_owned(database, item);
  forget_rank(database, item);
  free_item(database, item);
  if (--entries_ == 0) next_due_ms_ = kNothingDue;
}

void Shard::free_item(Database& database, Item* item) {
  database.store->release(item);
  if (database.store->is_sparse()) sparse_.add(static_cast<unsigned>(&database - databases_));
}

size_t Shard::size(unsigned db) const {
  return databases_[db].table.size();
}

size_t Shard::with_deadline(unsigned db) const {
  return databases_[db].with_deadline;
}

double Shard::mean_deadline_ms(unsigned db) const {
  const Database& database = databases_[db];
  if (database.with_deadline == 0) return 0;
  return static_cast<double>(database.deadline_sum_ms) /
         static_cast<double>(database.with_deadline);
}

size_t Shard::table_bytes() const {
  size_t bytes = 0;
  for (const Database& database : databases_) bytes += database.table.structure_bytes();
  return bytes;
}

size_t Shard::reserved_bytes() const {
  size_t bytes = account_.bytes;
  for (const Database& database : databases_) {
    if (database.store != nullptr) {
      bytes += database.store->reserved_bytes() - database.store->bytes();
    }
  }
  return bytes;
}

size_t Shard::bytes_of(unsigned db, Entry entry) const {
  size_t owned_bytes = 0;
  if (entry.is_large()) owned_bytes = entry.item_->blob()->allocated_bytes();
  if (entry.is_object()) owned_bytes = entry.object().bytes();
  return databases_[db].store->bytes_of(entry.item_) + owned_bytes;
}

uint64_t Shard::scan(unsigned db, uint64_t position, FunctionRef<void(Entry)> visitor) {
  constexpr uint64_t kEnd = uint64_t{1} << kDirectoryBits;
  if (position >= kEnd) return 0;
  Database& database = databases_[db];
  const uint64_t next = database.table.visit_block(
      static_cast<uint32_t>(position), [&](Slot* slot) { visitor(entry_at(database, slot)); });
  return next == kEnd ? 0 : next;
}

void Shard::for_each(unsigned db, FunctionRef<void(Entry)> visitor) {
  uint64_t position = 0;
  do {
    position = scan(db, position, visitor);
  } while (position != 0);
}

Entry Shard::random(unsigned db, uint64_t random) {
  return entry_at(databases_[db], databases_[db].table.random(random));
}

void Shard::clear(unsigned db) {
  Database& database = databases_[db];
  if (database.store == nullptr) return;
  forget_segments(database);
  if (unranked_.contains(db)) {
    unranked_.remove(db);
    rank_position_ = 0;
  }
  entries_ -= database.table.size();
  account_.bytes -= database.owned_bytes;
  database.owned_bytes = 0;
  database.with_deadline = 0;
  database.deadline_sum_ms = 0;
  database.store->detach();
  detached_.push_back({database.table.detach(), std::move(database.store)});
  has_garbage_ = true;
  sparse_.remove(db);
  if (entries_ == 0) next_due_ms_ = kNothingDue;
}

void Shard::swap_databases(unsigned a, unsigned b) {
  if (a == b) return;
  Database& one = databases_[a];
  Database& other = databases_[b];
  one.table.swap(other.table);
  std::swap(one.store, other.store);
  if (one.store != nullptr) one.store->rebind(one.table.regions());
  if (other.store != nullptr) other.store->rebind(other.table.regions());
  std::swap(one.owned_bytes, other.owned_bytes);
  std::swap(one.with_deadline, other.with_deadline);
  std::swap(one.deadline_sum_ms, other.deadline_sum_ms);
  std::swap(one.segment_sizes, other.segment_sizes);
  sparse_.swap(a, b);
  if (!unranked_.empty()) {  // begins again, with both
    unranked_.add(a);
    unranked_.add(b);
    rank_position_ = 0;
  }
}

// ---- slices -------------------------------------------------------------------------------------

size_t Shard::release_detached(size_t max_items) {
  Detached& detached = detached_.back();
  size_t released = detached.store->release_slice(max_items, discarded_);
  if (released < max_items) {
    const size_t blocks = (max_items - released) / kItemsPerBlock + 1;
    released += detached.table.release_slice(blocks) * kItemsPerBlock;
  }
  if (released < max_items && detached.table.is_empty()) detached_.pop_back();
  has_garbage_ = !detached_.empty() || !discarded_.empty();
  return released;
}

size_t Shard::release_discarded(size_t max_parts) {
  const size_t released = Object::release_slice(discarded_.back(), max_parts);
  if (discarded_.back() == nullptr) discarded_.pop_back();
  has_garbage_ = !detached_.empty() || !discarded_.empty();
  return released;
}

size_t Shard::evacuate(Database& database) {
  ItemStore& store = *database.store;
  return store.evacuate([&](Item* from, Item* to) {
    Slot* slot = database.table.find_ref(store.ref_of(from), hasher_(to->key()));
    check(slot != nullptr, "an item in the store is in the table");
    Table::replace(slot, store.ref_of(to));
    if (keeps_ranks() && is_candidate(to)) note_rank(database, to);
  });
}

bool Shard::release_slice(size_t max_items) {
  size_t done = 0;
  while (!discarded_.empty() && done < max_items) done += release_discarded(max_items - done);
  while (!detached_.empty() && done < max_items) done += release_detached(max_items - done) + 1;
  while (!sparse_.empty() && done < max_items) {
    const unsigned db = sparse_.first();
    Database& database = databases_[db];
    if (database.store->is_sparse()) {
      done += evacuate(database) + 1;
    } else {
      sparse_.remove(db);
    }
  }
  while (!unranked_.empty() && done < max_items) done += give_ranks(max_items - done) + 1;
  return is_untidy();
}

}  // namespace larder::storage
