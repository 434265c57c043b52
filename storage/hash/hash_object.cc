#include "storage/hash/hash_object.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

using listpack::NewEntry;

size_t entry_bytes(const char* entry) {
  return static_cast<size_t>(listpack::next(entry) - entry);
}

// In a listpack 0 stands for none.
int64_t packed_deadline(int64_t deadline_ms) {
  return deadline_ms == kNoDeadline ? 0 : deadline_ms;
}

// What one name or value takes as an entry, beside its text, at most.
constexpr size_t kMostAround = 16;
using PackedPair = std::array<char, 2 * (HashObject::kMostPackedText + kMostAround)>;

class DeadlineEntry {
 public:
  explicit DeadlineEntry(int64_t deadline_ms)
      : entry_(
            listpack::Value{.is_integer = true, .integer = packed_deadline(deadline_ms), .text = {}}
                .bytes(scratch_)) {}
  const NewEntry& entry() const { return entry_; }

 private:
  NumberText scratch_;
  NewEntry entry_;
};

}  // namespace

HashObject* HashObject::create() {
  return new (take_memory(sizeof(HashObject))) HashObject();
}

HashObject* HashObject::copy() const {
  HashObject* other = create();
  other->form_ = form_;
  other->encoding_ = encoding_;
  other->count_ = count_;
  if (form_ != Form::table) {
    other->block_ = block_.copy();
    return other;
  }
  other->large_ = new (take_memory(sizeof(Large))) Large(large_->table.hasher());
  for_each([&](const Field& field) {
    other->set_in_table(field.name.text, field.value.text, field.deadline_ms);
  });
  return other;
}

size_t HashObject::release_slice(HashObject*& hash, size_t max_parts) {
  size_t released = 0;
  if (hash->form_ == Form::table) {
    Large& large = *hash->large_;
    released = large.deadlines.release_slice(max_parts);
    if (large.deadlines.nodes() > 0) return released;
    released += large.table.release_slice(std::max<size_t>(max_parts - released, 1),
                                          [](hash::Field* field) { hash::Field::release(field); });
    if (large.table.segments() > 0) return released;
    hash->large_->~Large();
    free_memory(hash->large_);
  } else {
    hash->block_.free();
  }
  hash->~HashObject();
  free_memory(hash);
  hash = nullptr;
  return released + 1;
}

size_t HashObject::bytes() const {
  constexpr size_t kOwn = round_to_class(sizeof(HashObject));
  if (form_ != Form::table) return kOwn + block_.bytes();
  return kOwn + round_to_class(sizeof(Large)) + large_->table.bytes() + large_->deadlines.bytes() +
         large_->field_bytes;
}

size_t HashObject::parts() const {
  if (form_ != Form::table) return 1;
  return large_->table.size() + large_->table.segments() + large_->deadlines.nodes() + 1;
}

// ---- fields -------------------------------------------------------------------------------------

std::optional<HashObject::Field> HashObject::find(std::string_view name, int64_t now_ms) const {
  std::optional<Field> found;
  if (form_ == Form::table) {
    const Table::Place place = large_->table.find(name);
    if (place) found = field_of(place.element());
  } else {
    const char* entry = entry_of(name);
    if (entry != nullptr) found = field_at(entry);
  }
  if (found && found->is_due(now_ms)) found.reset();
  return found;
}

void HashObject::set(std::string_view name, std::string_view value, int64_t deadline_ms,
                     const KeyHasher& hasher) {
  if (form_ != Form::table) {
    if (deadline_ms != kNoDeadline && form_ == Form::pairs) make_triples();
    if (set_packed(name, value, deadline_ms)) return;
    make_table(hasher);
  }
  set_in_table(name, value, deadline_ms);
}

bool HashObject::remove(std::string_view name) {
  if (form_ == Form::table) {
    const Table::Place place = large_->table.find(name);
    if (place) erase(place);
    return bool{place};
  }
  const char* entry = entry_of(name);
  if (entry != nullptr) erase_entries(entry);
  return entry != nullptr;
}

void HashObject::set_deadline(std::string_view name, int64_t deadline_ms) {
  if (form_ == Form::table) {
    const Table::Place place = large_->table.find(name);
    check(bool{place}, "a field that gets a deadline is there");
    const std::string_view value = place.element()->value();
    // Its value moves with the field, but not within it.
    hash::Field* field = hash::Field::create(name, value, deadline_ms);
    hash::Field* old = place.element();
    forget_deadline(old);
    large_->field_bytes += field->bytes() - old->bytes();
    large_->table.replace(place, field);
    hash::Field::release(old);
    return note_deadline(field);
  }
  if (form_ == Form::pairs) {
    if (deadline_ms == kNoDeadline) return;
    make_triples();
  }
  const char* entry = entry_of(name);
  check(entry != nullptr, "a field that gets a deadline is there");
  if (triple_deadline_ms(entry) == deadline_ms) return;
  PackedPair pair;
  const auto bytes = static_cast<size_t>(skip_entries(entry, 2) - entry);
  std::memcpy(pair.data(), entry, bytes);
  erase_entries(entry);
  insert_triple({pair.data(), bytes}, deadline_ms);
}

HashObject::Field HashObject::random(uint64_t random) const {
  if (form_ == Form::table) return field_of(large_->table.random(random).element());
  const auto index = static_cast<size_t>((random >> 32) * count_ >> 32);
  return field_at(skip_entries(block_.begin(), index * stride()));
}

// ---- packed -------------------------------------------------------------------------------------

HashObject::Field HashObject::field_at(const char* entry) const {
  Field field{.name = listpack::value_of(entry), .value = {}};
  entry = listpack::next(entry);
  field.value = listpack::value_of(entry);
  if (form_ == Form::triples) {
    const int64_t deadline = listpack::value_of(listpack::next(entry)).integer;
    if (deadline != 0) field.deadline_ms = deadline;
  }
  return field;
}

int64_t HashObject::triple_deadline_ms(const char* entry) {
  const int64_t deadline = listpack::value_of(skip_entries(entry, 2)).integer;
  return deadline == 0 ? int64_t{kNoDeadline} : deadline;
}

const char* HashObject::entry_of(std::string_view name) const {
  if (name.size() > kMostPackedText) return nullptr;
  return find_entry(block_.begin(), block_.end(), NewEntry(name), stride());
}

// False if it does not fit.
bool HashObject::set_packed(std::string_view name, std::string_view value, int64_t deadline_ms) {
  if (name.size() > kMostPackedText || value.size() > kMostPackedText) return false;
  const NewEntry new_name(name);
  const NewEntry new_value(value);
  const char* entry = entry_of(name);
  if (entry == nullptr && count_ == kMostPacked) return false;
  if (entry != nullptr && (form_ == Form::pairs || triple_deadline_ms(entry) == deadline_ms)) {
    replace_entry(listpack::next(entry), new_value);
    return true;
  }
  if (form_ == Form::pairs) {
    append_entry(block_, new_name);
    append_entry(block_, new_value);
    ++count_;
    return true;
  }
  if (entry != nullptr) erase_entries(entry);
  PackedPair pair;
  new_name.write(pair.data());
  new_value.write(pair.data() + new_name.size());
  insert_triple({pair.data(), new_name.size() + new_value.size()}, deadline_ms);
  return true;
}

void HashObject::insert_triple(std::string_view pair, int64_t deadline_ms) {
  const char* place = deadline_ms == kNoDeadline ? block_.end() : block_.begin();
  for (; place != block_.end(); place = skip_entries(place, stride())) {
    const int64_t other_ms = triple_deadline_ms(place);
    if (other_ms == kNoDeadline || other_ms > deadline_ms) break;
  }
  const DeadlineEntry deadline(deadline_ms);
  char* at = block_.replace(place, 0, pair.size() + deadline.entry().size());
  std::memcpy(at, pair.data(), pair.size());
  deadline.entry().write(at + pair.size());
  ++count_;
}

void HashObject::replace_entry(const char* at, const NewEntry& entry) {
  entry.write(block_.replace(at, entry_bytes(at), entry.size()));
}

void HashObject::erase_entries(const char* at) {
  block_.replace(at, static_cast<size_t>(skip_entries(at, stride()) - at), 0);
  --count_;
}

void HashObject::make_triples() {
  CompactBlock triples;
  const DeadlineEntry none(kNoDeadline);
  for (const char* at = block_.begin(); at != block_.end();) {
    const char* end = skip_entries(at, 2);
    const auto bytes = static_cast<size_t>(end - at);
    std::memcpy(triples.replace(triples.end(), 0, bytes), at, bytes);
    append_entry(triples, none.entry());
    at = end;
  }
  block_.free();
  block_ = triples;
  form_ = Form::triples;
}

// ---- table --------------------------------------------------------------------------------------

void HashObject::make_table(const KeyHasher& hasher) {
  HashObject other;
  other.form_ = Form::table;
  other.large_ = new (take_memory(sizeof(Large))) Large(hasher);
  for_each([&](const Field& field) {
    NumberText name;
    NumberText value;
    other.set_in_table(field.name.bytes(name), field.value.bytes(value), field.deadline_ms);
  });
  block_.free();
  large_ = other.large_;
  form_ = Form::table;
  count_ = 0;
}

void HashObject::set_in_table(std::string_view name, std::string_view value, int64_t deadline_ms) {
  Table& table = large_->table;
  const Hash hash = table.hash(name);
  const Table::Place place = table.find(name, hash);
  if (place) return replace(place, value, deadline_ms);
  hash::Field* field = hash::Field::create(name, value, deadline_ms);
  large_->field_bytes += field->bytes();
  table.insert(field, hash);
  note_deadline(field);
}

void HashObject::replace(const Table::Place& place, std::string_view value, int64_t deadline_ms) {
  hash::Field* field = place.element();
  forget_deadline(field);
  if (!field->overwrite(value, deadline_ms)) {
    hash::Field* old = field;
    field = hash::Field::create(old->name(), value, deadline_ms);
    large_->field_bytes += field->bytes() - old->bytes();
    large_->table.replace(place, field);
    hash::Field::release(old);
  }
  note_deadline(field);
}

void HashObject::erase(const Table::Place& place) {
  hash::Field* field = place.element();
  forget_deadline(field);
  large_->table.erase(place);
  large_->field_bytes -= field->bytes();
  hash::Field::release(field);
}

void HashObject::note_deadline(hash::Field* field) {
  const int64_t deadline_ms = field->deadline_ms();
  if (deadline_ms != kNoDeadline) large_->deadlines.insert({deadline_ms, field});
}

void HashObject::forget_deadline(hash::Field* field) {
  const int64_t deadline_ms = field->deadline_ms();
  if (deadline_ms != kNoDeadline) large_->deadlines.erase({deadline_ms, field});
}

// ---- deadlines ----------------------------------------------------------------------------------

int64_t HashObject::earliest_deadline_ms() const {
  if (form_ == Form::pairs) return kNever;
  if (form_ == Form::table) {
    return large_->deadlines.is_empty() ? kNever : large_->deadlines.first()->deadline_ms;
  }
  const int64_t first_ms = count_ == 0 ? int64_t{kNoDeadline} : triple_deadline_ms(block_.begin());
  return first_ms == kNoDeadline ? kNever : first_ms;
}

size_t HashObject::due_count(int64_t now_ms) const {
  if (form_ == Form::pairs) return 0;
  if (form_ == Form::table) {
    return large_->deadlines.partition_rank(
        [now_ms](const hash::FieldDeadline& field) { return field.deadline_ms <= now_ms; });
  }
  size_t count = 0;
  visit([&](const Field& field) {
    count += field.is_due(now_ms) ? 1 : 0;
    return field.is_due(now_ms);
  });
  return count;
}

std::optional<HashObject::Field> HashObject::first_due(int64_t now_ms) const {
  std::optional<Field> found;
  if (form_ == Form::table) {
    const auto first = large_->deadlines.first();
    if (first && first->deadline_ms <= now_ms) found = field_of(first->field);
  } else if (earliest_deadline_ms() <= now_ms) {
    found = field_at(block_.begin());
  }
  return found;
}

void HashObject::erase(const Field& field) {
  NumberText scratch;
  const std::string_view name = field.name.bytes(scratch);
  remove(name);
}

// ---- checks -------------------------------------------------------------------------------------

void HashObject::verify() const {
  if (form_ == Form::table) {
    large_->table.verify();
    large_->deadlines.verify();
    size_t bytes = 0;
    size_t with_deadline = 0;
    large_->table.for_each([&](hash::Field* field) {
      bytes += field->bytes();
      const hash::FieldDeadline entry{field->deadline_ms(), field};
      if (entry.deadline_ms == kNoDeadline) return;
      ++with_deadline;
      const auto place = large_->deadlines.lower_bound(entry);
      check(place && place->field == field, "a deadline is in the tree");
    });
    check(bytes == large_->field_bytes, "a hash counts its fields' bytes");
    check(with_deadline == large_->deadlines.size(), "only deadlines are in the tree");
    return;
  }
  size_t count = 0;
  int64_t earlier_ms = kBeforeAll;
  for_each([&](const Field& field) {
    const int64_t order_ms = field.deadline_ms == kNoDeadline ? kNever : field.deadline_ms;
    check(earlier_ms <= order_ms || form_ == Form::pairs, "triples are in order");
    earlier_ms = order_ms;
    NumberText name;
    NumberText value;
    check(field.name.bytes(name).size() <= kMostPackedText &&
              field.value.bytes(value).size() <= kMostPackedText,
          "only short fields are packed");
    const std::optional<Field> found = find(field.name.bytes(name));
    check(found && found->value.bytes(value).data() != nullptr, "a field is found");
    check(found->name.text.data() == field.name.text.data(), "no field is there twice");
    ++count;
  });
  check(count == count_ && count <= kMostPacked, "a hash counts its fields");
}

}  // namespace larder::storage
