// SortedSet: texts, none of them twice, in the order of the scores they have; of equal scores in
// the order of their bytes.
//
//   sorted set   type 1 | is large 1 | encoding 1 | members 4 | a block, or what is large   16
//   bytes
//
//   packed   up to 128 members of up to 64 bytes: listpack entries (listpack.h) by twos, member and
//            score, in order. A score is the shortest text that reads back as the same; -0 is 0.
//   large    elements (element.h), which an ElementTable finds by their text and a CountedTree has
//            in order
//
// A sorted set begins packed and becomes large when it has to; back it never goes. Beside that it
// is remembered as what Redis would keep it, which depends on its settings: whoever adds members
// says so, and OBJECT ENCODING and DUMP tell it.
//
// Invariants
//   * No score is nan.
//   * bytes() is exactly what was taken from the allocator.
//
// Costs, large: find and a member's score O(1) on average, everything about order O(log members);
// packed: O(members) at most, within 16 KiB.
// Thread: see object.h. Memory that cannot be had ends the process; no other error exists here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/collection/compact_block.h"
#include "storage/collection/counted_tree.h"
#include "storage/collection/element_table.h"
#include "storage/hash.h"
#include "storage/listpack.h"
#include "storage/object.h"
#include "storage/sorted_set/element.h"

namespace larder::storage {

enum class SortedSetEncoding : uint8_t { listpack, skiplist };

class SortedSet final : public Object {
  using Element = sorted_set::Element;
  using Table = ElementTable<sorted_set::ElementTrait>;
  using Tree = CountedTree<sorted_set::Ranked, sorted_set::RankedOrder>;

 public:
  static constexpr Type kType = Type::sorted_set;

  static constexpr size_t kMostPacked = 128;
  static constexpr size_t kMostPackedText = 64;

  // A member where it lies, until the set changes.
  struct Member {
    listpack::Value value;
    double score = 0;

    std::string_view bytes(NumberText& scratch) const { return value.bytes(scratch); }
  };

  // Where a member is, or that it is absent. Valid until the set changes.
  class Place {
   public:
    explicit operator bool() const { return packed_ != nullptr || bool{place_}; }
    // REQUIRES: there is one.
    double score() const;

   private:
    friend class SortedSet;
    const char* packed_ = nullptr;
    Table::Place place_;
    Hash hash_ = 0;  // if it is large
  };

  // Stands at a member, or beyond either end. Valid until the set changes.
  class Cursor {
   public:
    explicit operator bool() const { return packed_ != nullptr || bool{large_}; }
    // REQUIRES, as the two below: it stands at a member.
    Member member() const;
    void next();
    void previous();

   private:
    friend class SortedSet;
    const char* packed_ = nullptr;
    const char* begin_ = nullptr;  // of all entries
    const char* end_ = nullptr;
    Tree::Cursor large_;
  };

  static SortedSet* create();
  SortedSet* copy() const;
  static size_t release_slice(SortedSet*& set, size_t max_parts);

  size_t size() const { return is_large_ ? large_->table.size() : count_; }
  bool is_empty() const { return size() == 0; }
  size_t bytes() const;
  size_t parts() const;

  Place find(std::string_view text) const;
  // REQUIRES: `place` is what find(text) answered, and says that it is absent; the score is not
  // nan. `hasher` must outlive the set.
  void insert(const Place& place, std::string_view text, double score, const KeyHasher& hasher);
  // Gives a member another score. REQUIRES: it is there; the score is not nan.
  void update(const Place& place, double score);
  // REQUIRES: it is there.
  void erase(const Place& place);
  // The score counts if it is new; false if it is there already.
  bool add(std::string_view text, double score, const KeyHasher& hasher);

  // How many members stand before this one. REQUIRES: it is there.
  size_t rank_of(const Place& place) const;
  // The member at a rank; beyond the end if there is none.
  Cursor at(size_t rank) const;
  // How many members there are in front of the first for which stands_before(member) is false.
  // Where it is not true for all members up to some place and false for all behind it, some such
  // place is found, if there is any.
  template <typename StandsBefore>
  size_t count_before(StandsBefore stands_before) const {
    if (is_large_) {
      return large_->tree.partition_rank(
          [&](const sorted_set::Ranked& ranked) { return stands_before(member_of(ranked)); });
    }
    size_t count = 0;
    for (Cursor at = this->at(0); at && stands_before(at.member()); at.next()) ++count;
    return count;
  }
  // Erases `count` members from a rank on. REQUIRES: they are there.
  void erase_range(size_t rank, size_t count);

  // Some member, each equally likely. `random` is 64 random bits. REQUIRES: not empty.
  Member random(uint64_t random) const;

  // A part of an iteration, as ElementTable::scan(); all of it at once if it is packed.
  template <typename Visitor>
  uint64_t scan(uint64_t position, Visitor visitor) const {
    if (is_large_) {
      return large_->table.scan(position, [&](const Element* element) {
        visitor(member_of({element->score(), element}));
      });
    }
    for (Cursor at = this->at(0); at; at.next()) visitor(at.member());
    return 0;
  }

  // The bytes of a listpack's entries that say the same.
  size_t packed_bytes() const;

  // As what Redis would keep it; nothing here depends on it.
  SortedSetEncoding encoding() const { return encoding_; }
  void set_encoding(SortedSetEncoding encoding) { encoding_ = encoding; }

  void verify() const;

 private:
  struct Large {
    explicit Large(const KeyHasher& hasher) : table(hasher) {}
    Table table;
    Tree tree;
    size_t element_bytes = 0;
  };

  SortedSet() : Object(kType), block_() {}
  ~SortedSet() = default;

  static Member member_of(const sorted_set::Ranked& ranked) {
    return {.value = {.text = ranked.element->text()}, .score = ranked.score};
  }
  static Large* make_large(const KeyHasher& hasher);
  static void add_to(Large& large, std::string_view text, Hash hash, double score);
  void become_large(const KeyHasher& hasher);
  void insert_packed(std::string_view text, double score);
  void erase_packed(const char* at, size_t count);
  void verify_packed() const;
  void verify_large() const;

  bool is_large_ = false;
  SortedSetEncoding encoding_ = SortedSetEncoding::listpack;
  uint32_t count_ = 0;  // if it is packed
  union {
    CompactBlock block_;
    Large* large_;
  };
};
static_assert(sizeof(SortedSet) == 16);

// The text of a score in packed entries and in listpacks: an integer as such (-0 is 0), anything
// else the shortest that reads back as the same.
class ScoreText {
 public:
  explicit ScoreText(double score);
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[32];
  size_t size_;
};

}  // namespace larder::storage
