// ElementTable: finds the elements of a large collection by their text.
//
//   table     segments 0 .. N-1, their addresses in pages of 512
//   segment   count 4 | capacity 4 | a tag byte each | a word each      nothing if it has no
//   element word      address of the element | bits 48..63 and 0..3: the lowest 20 bits of its hash
//
// Linear hashing: with N = 2^L + n segments, an element is in the segment that the lowest L+1 bits
// of its hash name, or the lowest L where there is no such segment (yet). So N is any number; the
// table grows by splitting one segment when there are 32 elements for each, and shrinks by putting
// the last back where it came from when there are 16. Within a segment there is no order: 16 tags
// are compared at once. A word has what splitting needs of the hash, so that elements are not
// touched, up to 2^20 segments; beyond, their texts are hashed again.
//
// An element is one block of memory of 16-byte alignment, below 2^48, which never moves while it is
// here. The table owns its segments, but not the elements: whoever inserts them frees them. Their
// overhead is about 11 bytes each.
//
// Invariants
//   * An element's segment is the one its hash names; no two elements have the same text.
//   * A segment without elements has no memory.
//   * bytes() is exactly what was taken from the allocator, elements excluded.
//
// Costs: find, insert, erase and random O(1) on average, and at worst the size of a segment, which
// is a matter of chance alone since hashes are seeded. No step rebuilds more than a segment, a
// page, or the list of pages, which is a 16,000th of the number of elements long. Thread: see
// object.h. Memory that cannot be had ends the process; no other error exists here.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/check.h"
#include "storage/collection/segment.h"
#include "storage/equal_bytes.h"
#include "storage/hash.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {

// `Trait` has a type `Element` (which may be incomplete here) and
//   static std::string_view text(const Element* element)       what it is found by
template <typename Trait>
class ElementTable {
 public:
  using Element = typename Trait::Element;

  // Positions of scan() are below this.
  static constexpr uint64_t kPositions = uint64_t{1} << 40;

  // Where an element is, or that it is absent. Valid until the table changes.
  class Place {
   public:
    explicit operator bool() const { return segment_ != nullptr; }
    // REQUIRES: there is one.
    Element* element() const { return element_of(segment_->words()[slot_]); }

   private:
    friend class ElementTable;
    Segment* segment_ = nullptr;
    size_t index_ = 0;
    size_t slot_ = 0;
  };

  // The hasher must outlive the table.
  explicit ElementTable(const KeyHasher& hasher) : hasher_(&hasher) {}
  // REQUIRES: release_slice() has taken everything out, or nothing was ever in it.
  ~ElementTable() { check(segments_ == 0, "a table is released before it ends"); }
  ElementTable(const ElementTable&) = delete;
  ElementTable& operator=(const ElementTable&) = delete;

  const KeyHasher& hasher() const { return *hasher_; }
  Hash hash(std::string_view text) const { return (*hasher_)(text); }

  size_t size() const { return count_; }
  // Without the elements.
  size_t bytes() const { return bytes_; }
  size_t segments() const { return segments_; }

  // `hash` is hash(text), here and everywhere.
  Place find(std::string_view text, Hash hash) const {
    Place place;
    if (segments_ == 0) return place;
    place.index_ = index_of(hash);
    Segment* segment = segment_at(place.index_);
    if (segment == nullptr) return place;
    const uint8_t tag = tag_of(hash);
    const uint64_t stored = stored_bits(hash);
    for (size_t from = 0; from < segment->count; from += Segment::kGroup) {
      for (unsigned same = segment->with_tag(from, tag); same != 0; same &= same - 1) {
        const size_t slot = from + static_cast<size_t>(std::countr_zero(same));
        const uint64_t word = segment->words()[slot];
        if ((word & ~kAddress) != stored) continue;
        const std::string_view other = Trait::text(element_of(word));
        if (other.size() != text.size() || !equal_bytes(other.data(), text.data(), text.size())) {
          continue;
        }
        place.segment_ = segment;
        place.slot_ = slot;
        return place;
      }
    }
    return place;
  }
  Place find(std::string_view text) const { return find(text, hash(text)); }

  // REQUIRES: no element with its text is here.
  void insert(Element* element, Hash hash) {
    if (segments_ == 0) grow();
    const size_t index = index_of(hash);
    Segment*& segment = segment_at(index);
    if (segment == nullptr || segment->count == segment->capacity) {
      resize(segment, segment == nullptr ? 1 : segment->count + 1);
    }
    segment->add(tag_of(hash), address_of(element) | stored_bits(hash));
    most_ = std::max(most_, segment->count);
    if (++count_ > segments_ * kMostPerSegment) split();
  }

  // Puts another element with the same text into its place.
  void replace(const Place& place, Element* element) {
    uint64_t& word = place.segment_->words()[place.slot_];
    word = address_of(element) | (word & ~kAddress);
  }

  // Takes the element out; it is the caller's.
  Element* erase(const Place& place) {
    Element* element = place.element();
    Segment*& segment = segment_at(place.index_);
    segment->remove(place.slot_);
    if (segment->count == 0 || segment->count + kMostFree <= segment->capacity) {
      resize(segment, segment->count);
    }
    --count_;
    if (count_ < segments_ * kFewestPerSegment && segments_ > 1) merge();
    return element;
  }

  // Some element, each equally likely. `random` is 64 random bits. REQUIRES: not empty.
  Place random(uint64_t random) const {
    Place place;
    for (;;) {
      // Where a segment has fewer elements than the largest it counts as having gaps: whoever meets
      // one starts over.
      const uint64_t bits = mix(random++);
      place.index_ = static_cast<size_t>((bits >> 32) * segments_ >> 32);
      place.slot_ = static_cast<size_t>((bits & UINT32_MAX) * most_ >> 32);
      place.segment_ = segment_at(place.index_);
      if (place.segment_ != nullptr && place.slot_ < place.segment_->count) return place;
    }
  }

  // Visits the elements of the segment that `position` lies in; returns the next position, 0 when
  // that was the last. Starts at 0. The visitor must not change the table. An element that is here
  // during a whole iteration is visited at least once, whatever else changes between the calls.
  template <typename Visitor>
  uint64_t scan(uint64_t position, Visitor visitor) const {
    if (segments_ == 0 || position >= kPositions) return 0;
    const size_t index = index_of(reversed(position));
    visit_segment(segment_at(index), visitor);
    const uint64_t width = kPositions >> depth_of(index);
    return ((position | (width - 1)) + 1) % kPositions;
  }

  // Visits every element once, until visitor(element) returns false; false then. The visitor must
  // not change the table.
  template <typename Visitor>
  bool visit(Visitor visitor) const {
    for (size_t index = 0; index < segments_; ++index) {
      const Segment* segment = segment_at(index);
      if (segment == nullptr) continue;
      for (size_t slot = 0; slot < segment->count; ++slot) {
        if (!visitor(element_of(segment->words()[slot]))) return false;
      }
    }
    return true;
  }
  template <typename Visitor>
  void for_each(Visitor visitor) const {
    for (size_t index = 0; index < segments_; ++index) visit_segment(segment_at(index), visitor);
  }

  // Takes about `max_elements` out and gives them to `release(element)`; returns how many. When
  // none are left, the table has no memory any more. In between only this may be called.
  template <typename Release>
  size_t release_slice(size_t max_elements, Release release) {
    size_t released = 0;
    while (segments_ > 0 && released < max_elements) {
      Segment*& segment = segment_at(segments_ - 1);
      if (segment != nullptr) {
        visit_segment(segment, release);
        released += segment->count;
        count_ -= segment->count;
        resize(segment, 0);
      }
      drop_last();
    }
    return released;
  }

  // Checks all invariants; aborts with a message if one is broken. O(elements).
  void verify() const {
    size_t bytes = directory_bytes(segments_);
    size_t count = 0;
    for (size_t index = 0; index < segments_; ++index) {
      const Segment* segment = segment_at(index);
      if (segment == nullptr) continue;
      bytes += segment->allocated_bytes();
      count += segment->count;
      check(segment->count > 0 && segment->count <= segment->capacity, "no segment is empty");
      check(segment->count <= most_, "no segment is larger than the largest");
      for (size_t slot = 0; slot < segment->count; ++slot) verify_slot(*segment, index, slot);
    }
    check(count == count_, "a table counts its elements");
    check(bytes == bytes_, "a table counts its bytes");
    check(count_ <= segments_ * kMostPerSegment, "a table grows in time");
  }

 private:
  static constexpr size_t kMostPerSegment = 32;    // on average
  static constexpr size_t kFewestPerSegment = 16;  // on average
  static constexpr size_t kMostFree = 24;          // slots of a segment
  static constexpr unsigned kPageBits = 9;
  static constexpr size_t kPage = size_t{1} << kPageBits;
  static constexpr uint64_t kAddress = 0x0000'ffff'ffff'fff0;
  static constexpr unsigned kStoredBits = 20;
  static constexpr unsigned kPositionBits = std::bit_width(kPositions) - 1;

  static Element* element_of(uint64_t word) { return reinterpret_cast<Element*>(word & kAddress); }
  static uint64_t address_of(Element* element) { return reinterpret_cast<uint64_t>(element); }
  static uint8_t tag_of(Hash hash) { return static_cast<uint8_t>(hash >> 56); }
  static uint64_t stored_bits(Hash hash) { return hash << 48 | (hash >> 16 & 15); }
  // What a word knows of the hash: its lowest 20 bits.
  static Hash known_hash(uint64_t word) { return word >> 48 | (word & 15) << 16; }
  // splitmix64 (Steele, Lea & Flood, 2014).
  static uint64_t mix(uint64_t state) {
    state *= 0x9e3779b97f4a7c15;
    state = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    state = (state ^ state >> 27) * 0x94d049bb133111eb;
    return state ^ state >> 31;
  }
  // The lowest bits of hashes in the order of scan(): the lowest counts most, so that the segments
  // that come of one are neighbours.
  static uint64_t reversed(uint64_t position) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < kPositionBits; ++i) bits |= (position >> i & 1) << (39 - i);
    return bits;
  }
  static_assert(kPositionBits == 40);

  unsigned level() const { return static_cast<unsigned>(std::bit_width(segments_)) - 1; }
  size_t index_of(Hash hash) const {
    const size_t half = size_t{1} << level();
    const size_t index = static_cast<size_t>(hash) & (2 * half - 1);
    return index < segments_ ? index : index & (half - 1);
  }
  // How many bits of their hashes the elements of a segment share.
  unsigned depth_of(size_t index) const {
    const size_t half = size_t{1} << level();
    return (index & (half - 1)) + half < segments_ ? level() + 1 : level();
  }

  Segment*& segment_at(size_t index) { return page(index >> kPageBits)[index & (kPage - 1)]; }
  Segment* segment_at(size_t index) const { return page(index >> kPageBits)[index & (kPage - 1)]; }
  Segment** page(size_t index) const {
    if (index == 0) [[likely]]
      return first_page_;
    return pages_[index - 1];
  }

  template <typename Visitor>
  static void visit_segment(const Segment* segment, Visitor& visitor) {
    if (segment == nullptr) return;
    for (size_t slot = 0; slot < segment->count; ++slot) {
      visitor(element_of(segment->words()[slot]));
    }
  }

  // ---- growing and shrinking ----

  // Gives a segment memory for so many elements; none if there are none.
  void resize(Segment*& segment, size_t elements) {
    Segment* old = segment;
    segment = elements == 0 ? nullptr : Segment::create(elements);
    if (segment != nullptr) bytes_ += segment->allocated_bytes();
    if (old == nullptr) return;
    if (segment != nullptr) segment->take_all(*old);
    bytes_ -= old->allocated_bytes();
    free_memory(old);
  }

  // The bytes of a list of so many addresses; it is moved when this changes.
  static size_t list_bytes(size_t addresses) {
    return addresses == 0 ? 0 : round_to_class(addresses * sizeof(void*));
  }
  static size_t page_count(size_t segments) { return (segments + kPage - 1) >> kPageBits; }
  static size_t directory_bytes(size_t segments) {
    const size_t pages = page_count(segments);
    if (pages <= 1) return list_bytes(segments);
    return pages * list_bytes(kPage) + list_bytes(pages - 1);
  }
  template <typename Address>
  void resize_list(Address*& list, size_t old_size, size_t size) {
    const size_t old_bytes = list_bytes(old_size);
    const size_t bytes = list_bytes(size);
    if (bytes == old_bytes) return;
    Address* resized = bytes == 0 ? nullptr : static_cast<Address*>(take_memory(bytes));
    if (resized != nullptr && list != nullptr) {
      std::memcpy(resized, list, std::min(old_size, size) * sizeof(Address));
    }
    if (list != nullptr) free_memory(list);
    list = resized;
    bytes_ += bytes - old_bytes;
  }

  // One more segment, without elements.
  void grow() {
    const size_t pages = page_count(segments_ + 1);
    if (pages <= 1) {
      resize_list(first_page_, segments_, segments_ + 1);
    } else if (pages > page_count(segments_)) {
      resize_list(pages_, pages - 2, pages - 1);
      pages_[pages - 2] = static_cast<Segment**>(take_memory(list_bytes(kPage)));
      bytes_ += list_bytes(kPage);
    }
    segment_at(segments_++) = nullptr;
  }
  // The last segment goes. REQUIRES: it has no elements.
  void drop_last() {
    const size_t pages = page_count(segments_);
    --segments_;
    if (pages <= 1) {
      resize_list(first_page_, segments_ + 1, segments_);
    } else if (page_count(segments_) < pages) {
      free_memory(pages_[pages - 2]);
      bytes_ -= list_bytes(kPage);
      resize_list(pages_, pages - 1, pages - 2);
    }
  }

  // Does the element go to the new segment when its own is split by this bit of the hash?
  bool has_bit(uint64_t word, unsigned bit) const {
    if (bit < kStoredBits) [[likely]]
      return (known_hash(word) >> bit & 1) != 0;
    return (hash(Trait::text(element_of(word))) >> bit & 1) != 0;
  }
  void split() {
    const unsigned bit = level();
    const size_t from = segments_ & ((size_t{1} << bit) - 1);
    grow();
    Segment*& old = segment_at(from);
    if (old == nullptr) return;
    Segment*& added = segment_at(segments_ - 1);
    for (size_t slot = old->count; slot-- > 0;) {
      const uint64_t word = old->words()[slot];
      if (!has_bit(word, bit)) continue;
      if (added == nullptr || added->count == added->capacity) {
        resize(added, added == nullptr ? old->count / 2 + 1 : added->count + 1);
      }
      added->add(old->tags()[slot], word);
      old->remove(slot);  // what takes its place was looked at before
    }
    if (old->count == 0) return resize(old, 0);
    if (old->count + kMostSpared <= old->capacity) resize(old, old->count);
  }
  void merge() {
    const size_t last = segments_ - 1;
    Segment*& gone = segment_at(last);
    Segment*& kept = segment_at(last & ((size_t{1} << (std::bit_width(last) - 1)) - 1));
    if (gone != nullptr) {
      const size_t count = gone->count + (kept == nullptr ? 0 : kept->count);
      if (kept == nullptr || count > kept->capacity) resize(kept, count);
      kept->take_all(*gone);
      most_ = std::max(most_, kept->count);
      resize(gone, 0);
    }
    drop_last();
  }
  // Slots that a segment may have left when it was split.
  static constexpr size_t kMostSpared = 8;

  void verify_slot(const Segment& segment, size_t index, size_t slot) const {
    const uint64_t word = segment.words()[slot];
    const std::string_view text = Trait::text(element_of(word));
    const Hash hash = this->hash(text);
    check(index_of(hash) == index, "an element is in its segment");
    check((word & ~kAddress) == stored_bits(hash) && segment.tags()[slot] == tag_of(hash),
          "a segment knows its elements' hashes");
    check(find(text, hash).element() == element_of(word), "an element is found");
  }

  const KeyHasher* hasher_;
  size_t count_ = 0;
  size_t bytes_ = 0;
  size_t segments_ = 0;
  Segment** first_page_ = nullptr;
  Segment*** pages_ = nullptr;  // all but the first
  uint32_t most_ = 0;           // no segment has or had more elements
};

}  // namespace larder::storage
