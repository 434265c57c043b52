// Set: texts without order, none of them twice.
//
//   set    type 1 | form 1 | width 1 | encoding 1 | members 4 | a block, or a table     16 bytes
//
//   ints     up to 512 integers, ascending, all of 2, 4 or 8 bytes
//   packed   up to 128 short texts as listpack entries (listpack.h)
//   table    any others: an ElementTable of members (member.h)
//
// A set begins as the first that it can be, and goes on to the next when it has to; back it never
// goes. Beside that it is remembered as what Redis would keep it, which depends on its settings:
// whoever adds members says so, and OBJECT ENCODING and DUMP tell it.
//
// Invariants
//   * Every text that is a canonical integer is an integer here, and no other one is.
//   * bytes() is exactly what was taken from the allocator.
//
// Costs: contains, add, remove and random are O(1) on average in a table, O(log members) to look
// and O(members) to change in the other forms, of which none is larger than 8 KiB. Thread: see
// object.h. Memory that cannot be had ends the process; no other error exists here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/collection/compact_block.h"
#include "storage/collection/element_table.h"
#include "storage/hash.h"
#include "storage/listpack.h"
#include "storage/object.h"
#include "storage/set/member.h"

namespace larder::storage {

enum class SetEncoding : uint8_t { intset, listpack, hashtable };

class Set final : public Object {
 public:
  static constexpr Type kType = Type::set;
  // Where it lies, until the set changes.
  using Member = listpack::Value;

  static constexpr size_t kMostInts = 512;
  static constexpr size_t kMostPacked = 128;
  static constexpr size_t kMostPackedText = 64;

  static Set* create();
  Set* copy() const;
  static size_t release_slice(Set*& set, size_t max_parts);

  size_t size() const { return form_ == Form::table ? large_->table.size() : count_; }
  bool is_empty() const { return size() == 0; }
  size_t bytes() const;
  size_t parts() const;

  bool contains(std::string_view text) const;
  // False if it is there already. `hasher` must outlive the set.
  bool add(std::string_view text, const KeyHasher& hasher);
  // False if it is not there.
  bool remove(std::string_view text);
  // Some member, each equally likely. `random` is 64 random bits. REQUIRES: not empty.
  Member random(uint64_t random) const;
  // For whoever draws members that may be absent.
  bool has(const Member&) const { return true; }
  bool are_most() const { return true; }
  // What tells members of a table apart, without looking at their texts.
  static const char* address_of(const Member& member) { return member.text.data(); }
  // Calls visitor(member) for a random one and removes it. REQUIRES: not empty.
  template <typename Visitor>
  void pop(uint64_t random, Visitor visitor) {
    if (form_ == Form::table) {
      const auto place = large_->table.random(random);
      visitor(Member{.text = place.element()->text()});
      return erase(place);
    }
    const size_t index = below(random, count_);
    visitor(member_at(index));
    erase_at(index);
  }

  // Visits every member once, until visitor(member) returns false; false then.
  template <typename Visitor>
  bool visit(Visitor visitor) const {
    switch (form_) {
      case Form::ints:
        for (size_t i = 0; i < count_; ++i) {
          if (!visitor(Member{.is_integer = true, .integer = int_at(i), .text = {}})) return false;
        }
        return true;
      case Form::packed:
        for (const char* at = block_.begin(); at != block_.end(); at = listpack::next(at)) {
          if (!visitor(listpack::value_of(at))) return false;
        }
        return true;
      case Form::table:
        break;
    }
    return large_->table.visit(
        [&](const set::Member* member) { return visitor(Member{.text = member->text()}); });
  }
  template <typename Visitor>
  void for_each(Visitor visitor) const {
    visit([&](const Member& member) {
      visitor(member);
      return true;
    });
  }
  // A part of an iteration, as ElementTable::scan(); all of it at once in the small forms.
  template <typename Visitor>
  uint64_t scan(uint64_t position, Visitor visitor) const {
    if (form_ == Form::table) {
      return large_->table.scan(
          position, [&](const set::Member* member) { visitor(Member{.text = member->text()}); });
    }
    for_each(visitor);
    return 0;
  }

  // As what Redis would keep it; nothing here depends on it.
  SetEncoding encoding() const { return encoding_; }
  void set_encoding(SetEncoding encoding) { encoding_ = encoding; }

  void verify() const;

 private:
  enum class Form : uint8_t { ints, packed, table };
  using Table = ElementTable<set::MemberTrait>;
  struct Large {
    explicit Large(const KeyHasher& hasher) : table(hasher) {}
    Table table;
    size_t member_bytes = 0;
  };

  Set() : Object(kType), block_() {}
  ~Set() = default;

  // A number below `count` from 64 random bits.
  static size_t below(uint64_t random, size_t count) {
    return static_cast<size_t>((random >> 32) * count >> 32);
  }
  Member member_at(size_t index) const;
  void erase_at(size_t index);
  void erase(const Table::Place& place);

  // ---- ints ----
  int64_t int_at(size_t index) const;
  void write_int(char* at, int64_t value) const;
  // Where it is, or would be.
  size_t index_of(int64_t value) const;
  bool has_int(size_t index, int64_t value) const {
    return index < count_ && int_at(index) == value;
  }
  void insert_int(size_t index, int64_t value);
  void widen(uint8_t width);

  // ---- other forms ----
  bool add_packed(std::string_view text, const KeyHasher& hasher);
  bool add_to_table(std::string_view text);
  void pack_ints();
  void make_table(const KeyHasher& hasher);

  Form form_ = Form::ints;
  uint8_t width_ = 2;  // of an integer
  SetEncoding encoding_ = SetEncoding::intset;
  uint32_t count_ = 0;  // but of a table
  union {
    CompactBlock block_;
    Large* large_;
  };
};
static_assert(sizeof(Set) == 16);

}  // namespace larder::storage
