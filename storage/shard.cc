#include "storage/shard.h"

#include <algorithm>

namespace larder::storage {
namespace {

// Records fired together, so that their loads overlap.
constexpr size_t kFireGroup = 16;

// Records may outnumber the entries that count on them by as many again and this many. Beyond that,
// each new record sweeps kSweepGroup old ones, which takes the useless ones out faster than they
// come.
constexpr size_t kUselessRecords = 256;
constexpr size_t kSweepGroup = 4;

}  // namespace

template <size_t... kIndex>
Shard::Shard(const KeyHasher& hasher, std::index_sequence<kIndex...>)
    : databases_{((void)kIndex, Database(context_))...},
      hasher_(hasher),
      context_{hasher_, pool_, account_} {}

Shard::Shard(const KeyHasher& hasher) : Shard(hasher, std::make_index_sequence<kMaxDatabases>()) {}

Shard::~Shard() {
  for (unsigned db = 0; db < kMaxDatabases; ++db) clear(db);
  constexpr size_t kMany = 1u << 20;
  while (release_slice(kMany)) {
  }
}

Entry Shard::entry_at(Slot* slot) {
  if (slot == nullptr) return {};
  return {ref_of(slot->load(std::memory_order_relaxed)).item(), slot};
}

void Shard::prefetch_directory(unsigned db, Hash hash) const {
  databases_[db].table.prefetch_directory(hash);
}

void Shard::prefetch_bucket(unsigned db, Hash hash) const {
  databases_[db].table.prefetch_bucket(hash);
}

void Shard::prefetch_entry(unsigned db, Hash hash, size_t bytes) const {
  databases_[db].table.prefetch_items(hash, std::min(bytes, kMostPrefetched));
}

Entry Shard::find(unsigned db, std::string_view key, Hash hash) {
  return entry_at(databases_[db].table.find(key, hash));
}

Entry Shard::set_deadline(unsigned db, Entry existing, int64_t deadline_ms) {
  Item* item = existing.item_;
  if (!item->has_deadline_room()) {
    if (deadline_ms == kNoDeadline) return existing;
    Database& database = databases_[db];
    const bool is_text = item->kind() == Kind::text;
    const size_t value_bytes = is_text ? item->text_length() : sizeof(uint64_t);
    const size_t needed = Item::bytes_needed(item->key_length(), value_bytes, true);
    item = replace_item(database, existing, needed, true, item->kind(), item->text_length());
    std::memcpy(existing.item_->value(), item->value(), value_bytes);
    free_item(database, item);
  }
  apply_deadline(db, existing.item_, deadline_ms, nullptr);
  return existing;
}

void Shard::apply_deadline(unsigned db, Item* item, int64_t deadline_ms, const Hash* hash) {
  if (!item->has_deadline_room()) return;
  if (deadline_ms != kNoDeadline) deadline_ms = std::max<int64_t>(deadline_ms, 0);
  Database& database = databases_[db];
  if (const int64_t old_ms = item->deadline_ms(); old_ms != kNoDeadline) {
    --database.with_deadline;
    database.deadline_sum_ms -= static_cast<uint64_t>(old_ms);
  }
  const bool was_owner = item->has_owner();
  item->set_deadline_ms(deadline_ms);
  if (was_owner && !item->has_owner()) {  // the deadline is too far away for a record
    --database.owned;
    --owned_;
  }
  if (deadline_ms == kNoDeadline) return;
  ++database.with_deadline;
  database.deadline_sum_ms += static_cast<uint64_t>(deadline_ms);
  if (Item::is_wide(deadline_ms)) return;
  if (item->has_owner() && wheel_.covers(item->owner(), deadline_ms)) return;
  remember_deadline(db, item, deadline_ms, hash != nullptr ? *hash : hasher_(item->key()));
}

// Adds a record that is the item's own from now on.
void Shard::remember_deadline(unsigned db, Item* item, int64_t deadline_ms, Hash hash) {
  if (!item->has_owner()) {
    ++databases_[db].owned;
    ++owned_;
  }
  item->set_owner(wheel_.add(hash, db, deadline_ms));
  if (wheel_.records() > 2 * owned_ + kUselessRecords) [[unlikely]]
    sweep_wheel();
}

Slot* Shard::owner_of(WheelRecord record) {
  return databases_[record.db()].table.find_if(record.hash(), [record](const Item& item) {
    return item.has_owner() && item.owner() == record.owner();
  });
}

void Shard::sweep_wheel() {
  WheelRecord records[kSweepGroup];
  const size_t count = wheel_.take_for_sweeping(kSweepGroup, records);
  for (size_t index = 0; index < count; ++index) {
    prefetch_bucket(records[index].db(), records[index].hash());
  }
  for (size_t index = 0; index < count; ++index) {
    prefetch_entry(records[index].db(), records[index].hash());
  }
  for (size_t index = 0; index < count; ++index) {
    if (owner_of(records[index]) != nullptr) wheel_.put_back(records[index]);
  }
}

void Shard::erase(unsigned db, Entry existing) {
  Database& database = databases_[db];
  Item* item = existing.item_;
  if (const int64_t deadline_ms = item->deadline_ms(); deadline_ms != kNoDeadline) {
    --database.with_deadline;
    database.deadline_sum_ms -= static_cast<uint64_t>(deadline_ms);
  }
  if (item->has_owner()) {
    --database.owned;
    --owned_;
  }
  database.table.erase(existing.slot_);
  if (item->kind() == Kind::blob) drop_blob(database, item);
  free_item(database, item);
  // Without entries no record has an owner any more.
  if (--entries_ == 0) wheel_.clear();
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

size_t Shard::bytes() const {
  return account_.bytes + wheel_.bytes();
}

uint64_t Shard::scan(unsigned db, uint64_t position, FunctionRef<void(Entry)> visitor) {
  constexpr uint64_t kEnd = uint64_t{1} << kDirectoryBits;
  if (position >= kEnd) return 0;
  const uint64_t next = databases_[db].table.visit_block(
      static_cast<uint32_t>(position), [&visitor](Slot* slot) { visitor(entry_at(slot)); });
  return next == kEnd ? 0 : next;
}

void Shard::for_each(unsigned db, FunctionRef<void(Entry)> visitor) {
  uint64_t position = 0;
  do {
    position = scan(db, position, visitor);
  } while (position != 0);
}

Entry Shard::random(unsigned db, uint64_t random) {
  return entry_at(databases_[db].table.random(random));
}

void Shard::clear(unsigned db) {
  Database& database = databases_[db];
  entries_ -= database.table.size();
  owned_ -= database.owned;
  database.owned = 0;
  account_.bytes -= database.item_bytes;
  database.item_bytes = 0;
  database.with_deadline = 0;
  database.deadline_sum_ms = 0;
  DetachedTable detached = database.table.detach();
  if (!detached.is_empty()) detached_.push_back(std::move(detached));
  if (entries_ == 0) wheel_.clear();
}

bool Shard::release_slice(size_t max_items) {
  if (!detached_.empty()) {
    detached_.back().release_slice(max_items, [](Item* item) {
      if (item->kind() == Kind::blob) item->blob()->release();
      ItemAllocator::release(item);
    });
    if (detached_.back().is_empty()) detached_.pop_back();
    max_items = 0;
  }
  return wheel_.release_slice(max_items) || !detached_.empty();
}

int64_t Shard::next_due_ms() const {
  return wheel_.next_due_ms();
}

size_t Shard::expire_due(int64_t now_ms, size_t max_entries,
                         FunctionRef<void(unsigned db, Entry)> on_due) {
  size_t looked = 0;
  while (looked < max_entries) {
    WheelRecord records[kFireGroup];
    size_t taken = 0;
    const size_t step =
        wheel_.take_due(now_ms, std::min(kFireGroup, max_entries - looked), records, &taken);
    if (step == 0) break;
    looked += step;
    for (size_t index = 0; index < taken; ++index) {
      prefetch_bucket(records[index].db(), records[index].hash());
    }
    for (size_t index = 0; index < taken; ++index) {
      prefetch_entry(records[index].db(), records[index].hash());
    }
    for (size_t index = 0; index < taken; ++index) fire(records[index], now_ms, on_due);
  }
  return looked;
}

// One record's time has come: if an entry is still its owner's, that entry is due, or looked at
// later.
void Shard::fire(WheelRecord record, int64_t now_ms, FunctionRef<void(unsigned db, Entry)> on_due) {
  const Entry entry = entry_at(owner_of(record));
  if (!entry) return;
  entry.item_->clear_owner();
  --databases_[record.db()].owned;
  --owned_;
  if (entry.deadline_ms() == kNoDeadline) return;
  if (entry.is_due(now_ms)) return on_due(record.db(), entry);
  remember_deadline(record.db(), entry.item_, entry.deadline_ms(), record.hash());
}

}  // namespace larder::storage
