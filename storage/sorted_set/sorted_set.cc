#include "storage/sorted_set/sorted_set.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>
#include <string>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {
namespace {

using sorted_set::Ranked;

// Of the entry of a score that ScoreText wrote.
double score_at(const char* entry) {
  const listpack::Value value = listpack::value_of(entry);
  if (value.is_integer) [[likely]]
    return static_cast<double>(value.integer);
  double score = 0;
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), score);
  return score;
}

SortedSet::Member member_at(const char* pair) {
  return {.value = listpack::value_of(pair), .score = score_at(listpack::next(pair))};
}

bool stands_before(double score, std::string_view text, double other, std::string_view other_text) {
  return score != other ? score < other : text < other_text;
}

}  // namespace

ScoreText::ScoreText(double score) {
  constexpr double kExactIntegers = 0x1p53;
  // As in Redis, the sign of zero is lost here.
  const bool is_integer = std::fabs(score) < kExactIntegers && score == std::trunc(score);
  char* const end = bytes_ + sizeof bytes_;
  const auto result = is_integer ? std::to_chars(bytes_, end, static_cast<int64_t>(score))
                                 : std::to_chars(bytes_, end, score);
  size_ = static_cast<size_t>(result.ptr - bytes_);
}

// ---- the whole ----------------------------------------------------------------------------------

SortedSet* SortedSet::create() {
  return new (take_memory(sizeof(SortedSet))) SortedSet();
}

SortedSet::Large* SortedSet::make_large(const KeyHasher& hasher) {
  return new (take_memory(sizeof(Large))) Large(hasher);
}

void SortedSet::add_to(Large& large, std::string_view text, Hash hash, double score) {
  Element* element = Element::create(text, score);
  large.element_bytes += element->bytes();
  large.table.insert(element, hash);
  const Ranked ranked{score, element};
  large.tree.insert(ranked);
}

SortedSet* SortedSet::copy() const {
  SortedSet* other = create();
  other->is_large_ = is_large_;
  other->encoding_ = encoding_;
  other->count_ = count_;
  if (!is_large_) {
    other->block_ = block_.copy();
    return other;
  }
  other->large_ = make_large(large_->table.hasher());
  Large& large = *other->large_;
  for (Tree::Cursor at = large_->tree.first(); at; at.next()) {
    Element* element = Element::create(at->element->text(), at->score);
    large.element_bytes += element->bytes();
    large.table.insert(element, large.table.hash(element->text()));
    large.tree.append({at->score, element});
  }
  return other;
}

size_t SortedSet::release_slice(SortedSet*& set, size_t max_parts) {
  size_t released = 0;
  if (set->is_large_) {
    Large& large = *set->large_;
    released = large.tree.release_slice(max_parts);
    if (released < max_parts) {
      released += large.table.release_slice(max_parts - released, [&large](Element* element) {
        large.element_bytes -= element->bytes();
        Element::release(element);
      });
    }
    if (large.tree.nodes() > 0 || large.table.segments() > 0) return released;
    set->large_->~Large();
    free_memory(set->large_);
  } else {
    set->block_.free();
  }
  set->~SortedSet();
  free_memory(set);
  set = nullptr;
  return released + 1;
}

size_t SortedSet::bytes() const {
  constexpr size_t kOwn = round_to_class(sizeof(SortedSet));
  if (!is_large_) return kOwn + block_.bytes();
  return kOwn + round_to_class(sizeof(Large)) + large_->table.bytes() + large_->tree.bytes() +
         large_->element_bytes;
}

size_t SortedSet::parts() const {
  if (!is_large_) return 1;
  return large_->table.size() + large_->table.segments() + large_->tree.nodes() + 1;
}

size_t SortedSet::packed_bytes() const {
  if (!is_large_) return block_.used();
  size_t bytes = 0;
  for (Tree::Cursor at = large_->tree.first(); at; at.next()) {
    bytes += listpack::NewEntry(at->element->text()).size();
    bytes += listpack::NewEntry(ScoreText(at->score)).size();
  }
  return bytes;
}

// ---- members ------------------------------------------------------------------------------------

double SortedSet::Place::score() const {
  return packed_ != nullptr ? score_at(listpack::next(packed_)) : place_.element()->score();
}

SortedSet::Place SortedSet::find(std::string_view text) const {
  Place place;
  if (is_large_) {
    place.hash_ = large_->table.hash(text);
    place.place_ = large_->table.find(text, place.hash_);
  } else if (text.size() <= kMostPackedText) {
    place.packed_ = find_entry(block_.begin(), block_.end(), listpack::NewEntry(text), 2);
  }
  return place;
}

void SortedSet::insert(const Place& place, std::string_view text, double score,
                       const KeyHasher& hasher) {
  if (is_large_) return add_to(*large_, text, place.hash_, score);
  if (count_ < kMostPacked && text.size() <= kMostPackedText) return insert_packed(text, score);
  become_large(hasher);
  add_to(*large_, text, large_->table.hash(text), score);
}

bool SortedSet::add(std::string_view text, double score, const KeyHasher& hasher) {
  const Place place = find(text);
  if (place) return false;
  insert(place, text, score, hasher);
  return true;
}

void SortedSet::update(const Place& place, double score) {
  if (is_large_) {
    Element* element = place.place_.element();
    const Ranked before{element->score(), element};
    const Ranked now{score, element};
    large_->tree.move(before, now);
    element->set_score(score);
    return;
  }
  NumberText scratch;
  char text[kMostPackedText];
  const std::string_view bytes = listpack::value_of(place.packed_).bytes(scratch);
  std::copy(bytes.begin(), bytes.end(), text);
  erase_packed(place.packed_, 1);
  insert_packed({text, bytes.size()}, score);
}

void SortedSet::erase(const Place& place) {
  if (!is_large_) return erase_packed(place.packed_, 1);
  Element* element = large_->table.erase(place.place_);
  large_->tree.erase({element->score(), element});
  large_->element_bytes -= element->bytes();
  Element::release(element);
}

size_t SortedSet::rank_of(const Place& place) const {
  if (is_large_) {
    const Element* element = place.place_.element();
    return large_->tree.rank_of({element->score(), element});
  }
  size_t rank = 0;
  for (const char* at = block_.begin(); at != place.packed_; at = skip_entries(at, 2)) ++rank;
  return rank;
}

SortedSet::Cursor SortedSet::at(size_t rank) const {
  Cursor cursor;
  if (is_large_) {
    cursor.large_ = large_->tree.select(rank);
  } else if (rank < count_) {
    cursor.begin_ = block_.begin();
    cursor.end_ = block_.end();
    if (rank < count_ / 2) {
      cursor.packed_ = skip_entries(cursor.begin_, 2 * rank);
    } else {
      cursor.packed_ = cursor.end_;
      for (size_t left = 2 * (count_ - rank); left > 0; --left) {
        cursor.packed_ = listpack::previous(cursor.packed_);
      }
    }
  }
  return cursor;
}

SortedSet::Member SortedSet::Cursor::member() const {
  return packed_ != nullptr ? member_at(packed_) : member_of(*large_);
}

void SortedSet::Cursor::next() {
  if (packed_ == nullptr) return large_.next();
  packed_ = skip_entries(packed_, 2);
  if (packed_ == end_) packed_ = nullptr;
}

void SortedSet::Cursor::previous() {
  if (packed_ == nullptr) return large_.previous();
  if (packed_ == begin_) {
    packed_ = nullptr;
  } else {
    packed_ = listpack::previous(listpack::previous(packed_));
  }
}

void SortedSet::erase_range(size_t rank, size_t count) {
  if (count == 0) return;
  if (!is_large_) return erase_packed(at(rank).packed_, count);
  large_->tree.erase_at(rank, count, [this](const Ranked& ranked) {
    Element* element = large_->table.erase(large_->table.find(ranked.element->text()));
    large_->element_bytes -= element->bytes();
    Element::release(element);
  });
}

SortedSet::Member SortedSet::random(uint64_t random) const {
  if (is_large_) {
    const Element* element = large_->table.random(random).element();
    return member_of({element->score(), element});
  }
  return at(static_cast<size_t>((random >> 32) * count_ >> 32)).member();
}

// ---- the packed form ----------------------------------------------------------------------------

void SortedSet::insert_packed(std::string_view text, double score) {
  const char* at = block_.begin();
  NumberText scratch;
  while (at != block_.end()) {
    const char* const score_entry = listpack::next(at);
    const double other = score_at(score_entry);
    if (!stands_before(other, listpack::value_of(at).bytes(scratch), score, text)) break;
    at = listpack::next(score_entry);
  }
  const listpack::NewEntry member(text);
  const ScoreText score_text(score);
  const listpack::NewEntry second(score_text);
  char* const place = block_.replace(at, 0, member.size() + second.size());
  member.write(place);
  second.write(place + member.size());
  ++count_;
}

void SortedSet::erase_packed(const char* at, size_t count) {
  const char* const end = skip_entries(at, 2 * count);
  block_.replace(at, static_cast<size_t>(end - at), 0);
  count_ -= static_cast<uint32_t>(count);
}

void SortedSet::become_large(const KeyHasher& hasher) {
  Large* large = make_large(hasher);
  NumberText scratch;
  for (const char* at = block_.begin(); at != block_.end(); at = skip_entries(at, 2)) {
    const Member member = member_at(at);
    Element* element = Element::create(member.bytes(scratch), member.score);
    large->element_bytes += element->bytes();
    large->table.insert(element, large->table.hash(element->text()));
    large->tree.append({member.score, element});
  }
  block_.free();
  large_ = large;
  is_large_ = true;
  count_ = 0;
}

// ---- checks -------------------------------------------------------------------------------------

void SortedSet::verify() const {
  is_large_ ? verify_large() : verify_packed();
}

void SortedSet::verify_packed() const {
  size_t count = 0;
  NumberText scratch;
  std::string before;
  double score_before = 0;
  for (const char* at = block_.begin(); at != block_.end(); at = skip_entries(at, 2), ++count) {
    const Member member = member_at(at);
    const std::string_view text = member.bytes(scratch);
    check(text.size() <= kMostPackedText, "only short members are packed");
    check(!std::isnan(member.score), "no score is nan");
    check(count == 0 || stands_before(score_before, before, member.score, text),
          "packed members are in order");
    check(find_entry(block_.begin(), block_.end(), listpack::NewEntry(text), 2) == at,
          "a packed member is there once");
    before = text;
    score_before = member.score;
  }
  check(count == count_ && count <= kMostPacked, "a packed sorted set counts its members");
}

void SortedSet::verify_large() const {
  large_->table.verify();
  large_->tree.verify();
  check(large_->table.size() == large_->tree.size(), "all members are found and in order");
  size_t bytes = 0;
  for (Tree::Cursor at = large_->tree.first(); at; at.next()) {
    check(!std::isnan(at->score), "no score is nan");
    check(at->score == at->element->score(), "the order knows the scores");
    const Table::Place place = large_->table.find(at->element->text());
    check(place && place.element() == at->element, "what is in order is found");
    bytes += at->element->bytes();
  }
  check(bytes == large_->element_bytes, "a sorted set counts its elements' bytes");
}

}  // namespace larder::storage
