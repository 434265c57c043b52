// Wheel: which entries of a shard may be due when; a hierarchical timing wheel of 8-byte records.
//
//   tick = 64 ms, deadlines rounded up
//   level 0: 256 slots of 1 tick   (16 s)        level 2: 256 slots of 65,536 ticks  (12.4 days)
//   level 1: 256 slots of 256      (70 minutes)  level 3: one slot for what begins after those
//
//   record: 63..28 hash bits 55..20 | 27..4 tick, low 24 bits | 3..0 database
//
// A record lies on the lowest level on which its tick differs from the wheel's only in the level's
// digit and below. When the wheel reaches the slot of a higher level, the slot's records move down;
// on level 0 they are handed out. A record is at most 2^24 - 1 ticks ahead; a deadline beyond that
// gets a record at that distance and is looked at again then. So the low 24 bits of a tick name it
// exactly, and an entry that keeps them (its owner) knows when the wheel will look at it next:
// a deadline that moves later needs no new record, nor does one that moves earlier but not before
// that tick.
//
// Never looks at an entry: whoever gets a record finds the entry by the hash, and drops the record
// if the entry is gone or owned by another record.
//
// Invariants
//   * Ticks of records not handed out are >= the wheel's tick.
//   * No record lies in a slot that the wheel has passed. Outside the slots are only a list being
//     moved down, one being swept and those being handed out.
//
// Thread: whoever holds the shard's lock. Time is an argument and never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "storage/function_ref.h"
#include "storage/hash.h"
#include "storage/memory.h"

namespace larder::storage {

struct WheelRecord {
  uint64_t word = 0;

  static WheelRecord of(Hash hash, unsigned db, uint32_t owner) {
    return {(hash >> 20) << 28 | uint64_t{owner} << 4 | db};
  }
  unsigned db() const { return static_cast<unsigned>(word & 15); }
  uint32_t owner() const { return static_cast<uint32_t>(word >> 4) & 0xffffff; }
  // Bits 55..20 of the entry's hash; the others are 0.
  Hash hash() const { return (word >> 28) << 20; }
};

class Wheel {
 public:
  static constexpr int64_t kTickMs = 64;

  Wheel() = default;
  ~Wheel();
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  // Adds a record that is handed out at the deadline or before. Returns its owner.
  uint32_t add(Hash hash, unsigned db, int64_t deadline_ms);
  // The record that `owner` names will be handed out at the deadline or before.
  bool covers(uint32_t owner, int64_t deadline_ms) const;

  // Records not handed out, and what they take in memory (without what waits for release_slice()).
  size_t records() const { return records_; }
  size_t bytes() const { return levels_bytes_ + chunks_.bytes; }
  // When take_due() will have something to do; INT64_MAX if never.
  int64_t next_due_ms() const;
  // Moves on to `now_ms` and hands out up to `max` records whose tick is over, in `records`. Looks
  // at no more than `max` records, those that only move down included. Returns how many it looked
  // at;
  // `*taken` of them were handed out. 0 means that the wheel has arrived at `now_ms`.
  size_t take_due(int64_t now_ms, size_t max, WheelRecord* records, size_t* taken);

  // Takes up to `max` records out for sweeping, going round all of them in the course of many
  // calls.
  size_t take_for_sweeping(size_t max, WheelRecord* records);
  // Puts one of them back. REQUIRES: no take_due() in between.
  void put_back(WheelRecord record);

  // Forgets all records at once; the memory is given back by release_slice(). O(slots).
  void clear();
  // Frees about `max_records` of what clear() left; true while more remains.
  bool release_slice(size_t max_records);

  // Visits the records not handed out, checking that each lies where it belongs.
  void verify(FunctionRef<void(WheelRecord)> visitor) const;

 private:
  static constexpr unsigned kDigitBits = 8;
  static constexpr unsigned kSlots = 1u << kDigitBits;
  static constexpr unsigned kLevels = 3;
  static constexpr uint64_t kHorizon = uint64_t{1} << (kLevels * kDigitBits);  // in ticks

  // One cache line of records; the number of them rides on the pointer to the next chunk.
  struct Chunk;
  // A list of chunks of which only the first may have room.
  class List {
   public:
    bool is_empty() const { return head_ == nullptr; }
    void push(WheelRecord record, Account& chunks);
    // REQUIRES: not empty.
    WheelRecord pop(Account& chunks);
    template <typename Visitor>
    void for_each(Visitor visitor) const;

   private:
    Chunk* head_ = nullptr;
  };
  struct Level {
    uint64_t used[kSlots / 64] = {};  // which lists are not empty
    List lists[kSlots];
  };

  static uint64_t tick_of(int64_t deadline_ms) {
    return (static_cast<uint64_t>(deadline_ms) + kTickMs - 1) / kTickMs;
  }
  // The tick of a record that is not handed out.
  uint64_t full_tick(uint32_t owner) const { return tick_ + ((owner - tick_) & (kHorizon - 1)); }
  unsigned digit(unsigned level) const {
    return static_cast<unsigned>(tick_ >> (level * kDigitBits)) & (kSlots - 1);
  }
  void push(WheelRecord record, uint64_t tick);
  // The earliest slot with records: the tick at which it begins; UINT64_MAX if there is none.
  struct Next {
    uint64_t tick = std::numeric_limits<uint64_t>::max();
    unsigned level = 0;
    unsigned slot = 0;
  };
  Next next() const;
  void hand_out_everything();
  // Empties the slots, handing each list to the visitor.
  template <typename Visitor>
  void take_lists(Visitor visitor);

  uint64_t tick_ = 0;
  size_t records_ = 0;
  Account chunks_;
  size_t levels_bytes_ = 0;
  std::unique_ptr<Level> levels_[kLevels];  // made on first use
  List beyond_;                             // level 3
  List moving_;                             // taken from a slot, on its way down
  List sweeping_;                           // taken from a slot, being swept
  uint64_t sweeping_tick_ = 0;              // at which that slot begins
  unsigned sweep_position_ = 0;             // level and slot to be swept next
  std::vector<List> due_;                   // being handed out, the last one first
  std::vector<List> released_;              // cleared, waiting for release_slice()
};

}  // namespace larder::storage
