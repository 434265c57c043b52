// HashObject: fields without order, each with a value and perhaps a deadline, none of them twice.
//
//   hash   type 1 | form 1 | encoding 1 | unused 1 | fields 4 | a block, or a table     16 bytes
//
//   pairs    up to 512 short fields and values as listpack entries (listpack.h), in the order in
//            which the fields came; no deadlines
//   triples  the same, with the deadline behind each value: a number, 0 if there is none; in
//            ascending order of deadlines, fields without one last
//   table    any others: an ElementTable of fields (field.h), and a tree of those with deadlines
//
// A hash begins with pairs and goes on to the next form when it has to; back it never goes. Beside
// that it is remembered as what Redis would keep it, which depends on its settings: whoever changes
// it says so, and OBJECT ENCODING and DUMP tell it.
//
// Time is an argument: to whoever looks at a time, fields that are due by then are absent; they
// take their place until they are taken out. All other functions see all fields.
//
// Invariants
//   * bytes() is exactly what was taken from the allocator.
//   * A table's tree has exactly the fields with a deadline.
//
// Costs: get, set, remove and random are O(1) on average in a table (O(log fields) where there is a
// deadline), O(fields) in the other forms.
// Thread: see object.h. Memory that cannot be had ends the process; no other error exists here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "storage/collection/compact_block.h"
#include "storage/collection/counted_tree.h"
#include "storage/collection/element_table.h"
#include "storage/hash.h"
#include "storage/hash/field.h"
#include "storage/listpack.h"
#include "storage/object.h"

namespace larder::storage {

enum class HashEncoding : uint8_t { listpack, listpackex, hashtable };

class HashObject final : public Object {
 public:
  static constexpr Type kType = Type::hash;

  // Where it lies, until the hash changes.
  struct Field {
    listpack::Value name;
    listpack::Value value;
    int64_t deadline_ms = kNoDeadline;

    bool is_due(int64_t now_ms) const {
      return deadline_ms != kNoDeadline && deadline_ms <= now_ms;
    }
  };

  static constexpr size_t kMostPacked = 512;
  static constexpr size_t kMostPackedText = 64;
  // The latest deadline of a field that Redis knows, Unix ms. None is earlier than 1.
  static constexpr int64_t kLastDeadline = 0x3fffffffffff;
  // Nothing is due at this time.
  static constexpr int64_t kBeforeAll = -1;
  // Later than any deadline.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  static HashObject* create();
  HashObject* copy() const;
  static size_t release_slice(HashObject*& hash, size_t max_parts);

  size_t size() const { return form_ == Form::table ? large_->table.size() : count_; }
  bool is_empty() const { return size() == 0; }
  size_t bytes() const;
  size_t parts() const;

  // ---- fields ----

  // Nothing if it is absent at that time.
  std::optional<Field> find(std::string_view name, int64_t now_ms = kBeforeAll) const;
  // Gives a field this value and deadline, creating it if need be. Neither text may lie in this
  // hash. `hasher` must outlive it.
  void set(std::string_view name, std::string_view value, int64_t deadline_ms,
           const KeyHasher& hasher);
  // False if it is not there.
  bool remove(std::string_view name);
  // Gives a field that is there another deadline, or none.
  void set_deadline(std::string_view name, int64_t deadline_ms);

  // Some field, each equally likely. `random` is 64 random bits. REQUIRES: not empty.
  Field random(uint64_t random) const;
  // What tells fields of a table apart, without looking at their texts.
  static const char* address_of(const Field& field) { return field.name.text.data(); }

  // Visits every field once, until visitor(field) returns false; false then.
  template <typename Visitor>
  bool visit(Visitor visitor) const {
    if (form_ == Form::table) {
      return large_->table.visit(
          [&](const hash::Field* field) { return visitor(field_of(field)); });
    }
    for (const char* at = block_.begin(); at != block_.end(); at = skip_entries(at, stride())) {
      if (!visitor(field_at(at))) return false;
    }
    return true;
  }
  template <typename Visitor>
  void for_each(Visitor visitor) const {
    visit([&](const Field& field) {
      visitor(field);
      return true;
    });
  }
  // A part of an iteration, as ElementTable::scan(); all of it at once in the small forms.
  template <typename Visitor>
  uint64_t scan(uint64_t position, Visitor visitor) const {
    if (form_ == Form::table) {
      return large_->table.scan(position,
                                [&](const hash::Field* field) { visitor(field_of(field)); });
    }
    for_each(visitor);
    return 0;
  }

  // ---- deadlines ----

  bool has_deadlines() const {
    return form_ == Form::triples ? earliest_deadline_ms() != kNever
                                  : form_ == Form::table && !large_->deadlines.is_empty();
  }
  // kNever if there is none. O(log fields) in a table, else O(1).
  int64_t earliest_deadline_ms() const;
  // How many fields are due at that time. O(log fields) in a table, else as many.
  size_t due_count(int64_t now_ms) const;
  size_t live_count(int64_t now_ms) const { return size() - due_count(now_ms); }
  // Takes out up to `most` fields that are due, after visitor(name) each; returns how many.
  template <typename Visitor>
  size_t take_due(int64_t now_ms, size_t most, Visitor visitor) {
    size_t taken = 0;
    for (; taken < most; ++taken) {
      const std::optional<Field> due = first_due(now_ms);
      if (!due) break;
      NumberText scratch;
      visitor(due->name.bytes(scratch));
      erase(*due);
    }
    return taken;
  }

  // As what Redis would keep it; nothing here depends on it.
  HashEncoding encoding() const { return encoding_; }
  void set_encoding(HashEncoding encoding) { encoding_ = encoding; }

  void verify() const;

 private:
  enum class Form : uint8_t { pairs, triples, table };
  using Table = ElementTable<hash::FieldTrait>;
  struct Large {
    explicit Large(const KeyHasher& hasher) : table(hasher) {}
    Table table;
    CountedTree<hash::FieldDeadline, hash::EarlierField> deadlines;
    size_t field_bytes = 0;
  };

  HashObject() : Object(kType), block_() {}
  ~HashObject() = default;

  static Field field_of(const hash::Field* field) {
    return {.name = {.text = field->name()},
            .value = {.text = field->value()},
            .deadline_ms = field->deadline_ms()};
  }

  // ---- packed ----
  size_t stride() const { return form_ == Form::triples ? 3 : 2; }
  Field field_at(const char* entry) const;
  // Null if it is absent.
  const char* entry_of(std::string_view name) const;
  bool set_packed(std::string_view name, std::string_view value, int64_t deadline_ms);
  void replace_entry(const char* at, const listpack::NewEntry& entry);
  void erase_entries(const char* at);
  void make_triples();
  // Puts a field, of which `pair` is the name's entry and the value's, where its deadline belongs.
  void insert_triple(std::string_view pair, int64_t deadline_ms);
  static int64_t triple_deadline_ms(const char* entry);

  // ---- table ----
  void make_table(const KeyHasher& hasher);
  void set_in_table(std::string_view name, std::string_view value, int64_t deadline_ms);
  void replace(const Table::Place& place, std::string_view value, int64_t deadline_ms);
  void erase(const Table::Place& place);
  void note_deadline(hash::Field* field);
  void forget_deadline(hash::Field* field);

  std::optional<Field> first_due(int64_t now_ms) const;
  void erase(const Field& field);

  Form form_ = Form::pairs;
  HashEncoding encoding_ = HashEncoding::listpack;
  uint32_t count_ = 0;  // but of a table
  union {
    CompactBlock block_;
    Large* large_;
  };
};
static_assert(sizeof(HashObject) == 16);

}  // namespace larder::storage
