#include "storage/set/set.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

constexpr uint8_t width_of(int64_t value) {
  if (value >= INT16_MIN && value <= INT16_MAX) return 2;
  return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

}  // namespace

Set* Set::create() {
  return new (take_memory(sizeof(Set))) Set();
}

Set* Set::copy() const {
  Set* other = create();
  other->form_ = form_;
  other->width_ = width_;
  other->encoding_ = encoding_;
  other->count_ = count_;
  if (form_ != Form::table) {
    other->block_ = block_.copy();
    return other;
  }
  other->large_ = new (take_memory(sizeof(Large))) Large(large_->table.hasher());
  for_each([&](const Member& member) { other->add_to_table(member.text); });
  return other;
}

size_t Set::release_slice(Set*& set, size_t max_parts) {
  size_t released = 0;
  if (set->form_ == Form::table) {
    Table& table = set->large_->table;
    released = table.release_slice(max_parts, [&](set::Member* member) {
      set->large_->member_bytes -= member->bytes();
      set::Member::release(member);
    });
    if (table.segments() > 0) return released;
    set->large_->~Large();
    free_memory(set->large_);
  } else {
    set->block_.free();
  }
  set->~Set();
  free_memory(set);
  set = nullptr;
  return released + 1;
}

size_t Set::bytes() const {
  constexpr size_t kOwn = round_to_class(sizeof(Set));
  if (form_ != Form::table) return kOwn + block_.bytes();
  return kOwn + round_to_class(sizeof(Large)) + large_->table.bytes() + large_->member_bytes;
}

size_t Set::parts() const {
  return form_ == Form::table ? large_->table.size() + large_->table.segments() + 1 : 1;
}

// ---- members ------------------------------------------------------------------------------------

bool Set::contains(std::string_view text) const {
  if (form_ == Form::table) return bool{large_->table.find(text)};
  if (form_ == Form::ints) {
    int64_t value = 0;
    return parse_canonical_integer(text, &value) && has_int(index_of(value), value);
  }
  if (text.size() > kMostPackedText) return false;
  return find_entry(block_.begin(), block_.end(), listpack::NewEntry(text), 1) != nullptr;
}

bool Set::add(std::string_view text, const KeyHasher& hasher) {
  if (form_ == Form::ints) {
    int64_t value = 0;
    if (parse_canonical_integer(text, &value)) {
      const size_t index = index_of(value);
      if (has_int(index, value)) return false;
      if (count_ < kMostInts) {
        insert_int(index, value);
        return true;
      }
    }
    if (count_ < kMostPacked && text.size() <= kMostPackedText) {
      pack_ints();
    } else {
      make_table(hasher);
    }
  }
  if (form_ == Form::packed) return add_packed(text, hasher);
  return add_to_table(text);
}

bool Set::remove(std::string_view text) {
  if (form_ == Form::table) {
    const Table::Place place = large_->table.find(text);
    if (place) erase(place);
    return bool{place};
  }
  if (form_ == Form::ints) {
    int64_t value = 0;
    if (!parse_canonical_integer(text, &value)) return false;
    const size_t index = index_of(value);
    if (!has_int(index, value)) return false;
    erase_at(index);
    return true;
  }
  if (text.size() > kMostPackedText) return false;
  const listpack::NewEntry entry(text);
  const char* at = find_entry(block_.begin(), block_.end(), entry, 1);
  if (at == nullptr) return false;
  block_.replace(at, entry.size(), 0);
  --count_;
  return true;
}

Set::Member Set::random(uint64_t random) const {
  if (form_ == Form::table) return {.text = large_->table.random(random).element()->text()};
  return member_at(below(random, count_));
}

Set::Member Set::member_at(size_t index) const {
  if (form_ == Form::ints) return {.is_integer = true, .integer = int_at(index), .text = {}};
  return listpack::value_of(skip_entries(block_.begin(), index));
}

void Set::erase_at(size_t index) {
  if (form_ == Form::ints) {
    block_.replace(block_.begin() + index * width_, width_, 0);
  } else {
    const char* at = skip_entries(block_.begin(), index);
    block_.replace(at, static_cast<size_t>(listpack::next(at) - at), 0);
  }
  --count_;
}

void Set::erase(const Table::Place& place) {
  set::Member* member = large_->table.erase(place);
  large_->member_bytes -= member->bytes();
  set::Member::release(member);
}

// ---- ints ---------------------------------------------------------------------------------------

int64_t Set::int_at(size_t index) const {
  const char* at = block_.begin() + index * width_;
  const auto load = [at](auto value) {
    std::memcpy(&value, at, sizeof value);
    return int64_t{value};
  };
  switch (width_) {
    case 2:
      return load(int16_t{});
    case 4:
      return load(int32_t{});
    default:
      return load(int64_t{});
  }
}

void Set::write_int(char* at, int64_t value) const {
  const auto store = [at](auto narrow) { std::memcpy(at, &narrow, sizeof narrow); };
  switch (width_) {
    case 2:
      return store(static_cast<int16_t>(value));
    case 4:
      return store(static_cast<int32_t>(value));
    default:
      return store(value);
  }
}

size_t Set::index_of(int64_t value) const {
  size_t from = 0;
  size_t to = count_;
  while (from < to) {
    const size_t middle = (from + to) / 2;
    if (int_at(middle) < value) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

void Set::widen(uint8_t width) {
  Set wider;
  wider.width_ = width;
  char* at = wider.block_.replace(nullptr, 0, size_t{count_} * width);
  for (size_t i = 0; i < count_; ++i) wider.write_int(at + i * width, int_at(i));
  block_.free();
  block_ = wider.block_;
  width_ = width;
}

void Set::insert_int(size_t index, int64_t value) {
  const uint8_t width = width_of(value);
  if (width > width_) {
    if (count_ == 0) {
      width_ = width;
    } else {
      widen(width);
    }
  }
  write_int(block_.replace(block_.begin() + index * width_, 0, width_), value);
  ++count_;
}

// ---- from form to form --------------------------------------------------------------------------

bool Set::add_packed(std::string_view text, const KeyHasher& hasher) {
  if (text.size() <= kMostPackedText) {
    const listpack::NewEntry entry(text);
    if (find_entry(block_.begin(), block_.end(), entry, 1) != nullptr) return false;
    if (count_ < kMostPacked) {
      append_entry(block_, entry);
      ++count_;
      return true;
    }
  }
  make_table(hasher);
  return add_to_table(text);
}

bool Set::add_to_table(std::string_view text) {
  Table& table = large_->table;
  const Hash hash = table.hash(text);
  if (table.find(text, hash)) return false;
  set::Member* member = set::Member::create(text);
  large_->member_bytes += member->bytes();
  table.insert(member, hash);
  return true;
}

void Set::pack_ints() {
  CompactBlock packed;
  NumberText scratch;
  for_each([&](const Member& member) {
    append_entry(packed, listpack::NewEntry(member.bytes(scratch)));
  });
  block_.free();
  block_ = packed;
  form_ = Form::packed;
}

void Set::make_table(const KeyHasher& hasher) {
  Set large;
  large.form_ = Form::table;
  large.large_ = new (take_memory(sizeof(Large))) Large(hasher);
  NumberText scratch;
  for_each([&](const Member& member) { large.add_to_table(member.bytes(scratch)); });
  block_.free();
  large_ = large.large_;
  form_ = Form::table;
  count_ = 0;
}

// ---- checks -------------------------------------------------------------------------------------

void Set::verify() const {
  if (form_ == Form::table) {
    size_t bytes = 0;
    large_->table.verify();
    large_->table.for_each([&](const set::Member* member) { bytes += member->bytes(); });
    check(bytes == large_->member_bytes, "a set counts its members' bytes");
    return;
  }
  size_t count = 0;
  NumberText scratch;
  for_each([&](const Member& member) {
    const std::string_view text = member.bytes(scratch);
    int64_t value = 0;
    check(parse_canonical_integer(text, &value) == member.is_integer, "integers are integers");
    check(text.size() <= kMostPackedText, "only short members are packed");
    check(contains(text), "a member is found");
    ++count;
  });
  check(count == count_, "a set counts its members");
  if (form_ == Form::packed) return check(count <= kMostPacked, "a packed set is small");
  check(count <= kMostInts && block_.used() == count * width_, "a set of integers is small");
  for (size_t i = 1; i < count; ++i) check(int_at(i - 1) < int_at(i), "integers are in order");
}

}  // namespace larder::storage
