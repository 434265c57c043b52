#include "storage/wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "storage/check.h"
#include "storage/size_class.h"

namespace larder::storage {

struct Wheel::Chunk {
  static constexpr unsigned kRecords = 7;
  static constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 1;

  uint64_t next_and_count;
  WheelRecord records[kRecords];

  Chunk* next() const { return reinterpret_cast<Chunk*>(next_and_count & kPointerMask); }
  unsigned count() const { return static_cast<unsigned>(next_and_count >> 48); }
  void add_to_count(int64_t difference) {
    next_and_count += static_cast<uint64_t>(difference) << 48;
  }
};

void Wheel::List::push(WheelRecord record, Account& chunks) {
  static_assert(sizeof(Chunk) == 64 && round_to_class(sizeof(Chunk)) == sizeof(Chunk));
  if (head_ == nullptr || head_->count() == Chunk::kRecords) {
    auto* chunk = static_cast<Chunk*>(take_memory(sizeof(Chunk)));
    chunk->next_and_count = reinterpret_cast<uint64_t>(head_);
    head_ = chunk;
    chunks.bytes += sizeof(Chunk);
  }
  head_->records[head_->count()] = record;
  head_->add_to_count(1);
}

WheelRecord Wheel::List::pop(Account& chunks) {
  head_->add_to_count(-1);
  const WheelRecord record = head_->records[head_->count()];
  if (head_->count() == 0) {
    Chunk* chunk = head_;
    head_ = chunk->next();
    if (head_ != nullptr) __builtin_prefetch(head_);
    free_memory(chunk);
    chunks.bytes -= sizeof(Chunk);
  }
  return record;
}

template <typename Visitor>
void Wheel::List::for_each(Visitor visitor) const {
  for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next()) {
    for (unsigned index = 0; index < chunk->count(); ++index) visitor(chunk->records[index]);
  }
}

Wheel::~Wheel() {
  clear();
  while (release_slice(std::numeric_limits<size_t>::max())) {
  }
}

uint32_t Wheel::add(Hash hash, unsigned db, int64_t deadline_ms) {
  const uint64_t tick = std::clamp(tick_of(deadline_ms), tick_, tick_ + kHorizon - 1);
  const auto owner = static_cast<uint32_t>(tick & (kHorizon - 1));
  push(WheelRecord::of(hash, db, owner), tick);
  ++records_;
  return owner;
}

bool Wheel::covers(uint32_t owner, int64_t deadline_ms) const {
  // While a record is being handed out, its tick may lie behind the wheel's and looks a horizon
  // later than it is: then the answer is no, and one record too many does no harm.
  return full_tick(owner) <= tick_of(deadline_ms);
}

void Wheel::push(WheelRecord record, uint64_t tick) {
  const uint64_t difference = tick ^ tick_;
  if (difference >= kHorizon) return beyond_.push(record, chunks_);
  const unsigned level =
      difference == 0 ? 0 : static_cast<unsigned>(std::bit_width(difference) - 1) / kDigitBits;
  const unsigned slot = static_cast<unsigned>(tick >> (level * kDigitBits)) & (kSlots - 1);
  if (levels_[level] == nullptr) {
    levels_[level] = std::make_unique<Level>();
    levels_bytes_ += round_to_class(sizeof(Level));
  }
  levels_[level]->used[slot / 64] |= uint64_t{1} << (slot % 64);
  levels_[level]->lists[slot].push(record, chunks_);
}

Wheel::Next Wheel::next() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (levels_[level] == nullptr) continue;
    // Slots before the wheel's own digit are passed, on higher levels its own is, too.
    for (unsigned slot = digit(level) + (level > 0); slot < kSlots; slot = (slot | 63) + 1) {
      const uint64_t used = levels_[level]->used[slot / 64] >> (slot % 64);
      if (used == 0) continue;
      slot += static_cast<unsigned>(std::countr_zero(used));
      const unsigned shift = level * kDigitBits;
      const uint64_t above = tick_ >> (shift + kDigitBits) << (shift + kDigitBits);
      return {above | uint64_t{slot} << shift, level, slot};
    }
  }
  if (beyond_.is_empty()) return {};
  return {(tick_ / kHorizon + 1) * kHorizon, kLevels, 0};
}

int64_t Wheel::next_due_ms() const {
  if (!due_.empty() || !moving_.is_empty()) return static_cast<int64_t>(tick_) * kTickMs;
  const uint64_t tick = std::min(
      next().tick, sweeping_.is_empty() ? std::numeric_limits<uint64_t>::max() : sweeping_tick_);
  if (tick == std::numeric_limits<uint64_t>::max()) return std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(tick) * kTickMs;
}

template <typename Visitor>
void Wheel::take_lists(Visitor visitor) {
  const auto take = [&visitor](List& list) {
    if (!list.is_empty()) visitor(std::exchange(list, List{}));
  };
  for (auto& level : levels_) {
    if (level == nullptr) continue;
    for (uint64_t& used : level->used) used = 0;
    for (List& list : level->lists) take(list);
  }
  take(beyond_);
  take(moving_);
  take(sweeping_);
}

void Wheel::hand_out_everything() {
  take_lists([this](List list) { due_.push_back(list); });
}

size_t Wheel::take_due(int64_t now_ms, size_t max, WheelRecord* records, size_t* taken) {
  const uint64_t now = static_cast<uint64_t>(std::max<int64_t>(now_ms, 0)) / kTickMs;
  *taken = 0;
  // After a long absence every record is due to be looked at (the first time is such a case, since
  // the wheel begins at tick 0).
  if (now >= tick_ + kHorizon) {
    hand_out_everything();
    tick_ = now;
  }
  for (size_t looked = 0;;) {
    while (!due_.empty() && looked < max) {
      records[(*taken)++] = due_.back().pop(chunks_);
      --records_;
      ++looked;
      if (due_.back().is_empty()) due_.pop_back();
    }
    while (!moving_.is_empty() && looked < max) {
      const WheelRecord record = moving_.pop(chunks_);
      push(record, full_tick(record.owner()));
      ++looked;
    }
    if (looked > 0) return looked;
    const Next next = this->next();
    if (!sweeping_.is_empty() && sweeping_tick_ <= std::min(next.tick, now)) {
      // Their time comes before they are swept: back into the slots.
      moving_ = std::exchange(sweeping_, List{});
      continue;
    }
    if (next.tick > now) {
      tick_ = std::max(tick_, now);
      return 0;
    }
    tick_ = next.tick;
    List& list = next.level == kLevels ? beyond_ : levels_[next.level]->lists[next.slot];
    if (next.level == 0) {
      due_.push_back(std::exchange(list, List{}));
    } else {
      moving_ = std::exchange(list, List{});
    }
    if (next.level < kLevels) {
      levels_[next.level]->used[next.slot / 64] &= ~(uint64_t{1} << (next.slot % 64));
    }
  }
}

size_t Wheel::take_for_sweeping(size_t max, WheelRecord* records) {
  constexpr unsigned kPositions = kLevels * kSlots;
  // At most one round: the records may all be elsewhere.
  for (unsigned tried = 0; sweeping_.is_empty() && tried < kPositions; ++tried) {
    const unsigned level = sweep_position_ / kSlots;
    const unsigned slot = sweep_position_ % kSlots;
    sweep_position_ = (sweep_position_ + 1) % kPositions;
    if (levels_[level] == nullptr) {
      tried += kSlots - 1 - slot;
      sweep_position_ = (level + 1) * kSlots % kPositions;
      continue;
    }
    List& list = levels_[level]->lists[slot];
    if (list.is_empty()) continue;
    const unsigned shift = level * kDigitBits;
    sweeping_ = std::exchange(list, List{});
    sweeping_tick_ = (tick_ >> (shift + kDigitBits) << (shift + kDigitBits)) | uint64_t{slot}
                                                                                   << shift;
    levels_[level]->used[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  }
  size_t taken = 0;
  for (; taken < max && !sweeping_.is_empty(); ++taken) {
    records[taken] = sweeping_.pop(chunks_);
    --records_;
  }
  return taken;
}

void Wheel::put_back(WheelRecord record) {
  push(record, full_tick(record.owner()));
  ++records_;
}

void Wheel::clear() {
  if (records_ > 0) {
    take_lists([this](List list) { released_.push_back(list); });
    released_.insert(released_.end(), due_.begin(), due_.end());
    due_.clear();
    records_ = 0;
  }
  for (auto& level : levels_) {
    level.reset();
  }
  levels_bytes_ = 0;
  chunks_.bytes = 0;
}

bool Wheel::release_slice(size_t max_records) {
  Account ignored;
  for (size_t count = 0; count < max_records && !released_.empty(); ++count) {
    released_.back().pop(ignored);
    if (released_.back().is_empty()) released_.pop_back();
  }
  return !released_.empty();
}

void Wheel::verify(FunctionRef<void(WheelRecord)> visitor) const {
  size_t count = 0;
  const auto visit = [&](WheelRecord record) {
    ++count;
    visitor(record);
  };
  for (unsigned level = 0; level < kLevels; ++level) {
    for (unsigned slot = 0; levels_[level] != nullptr && slot < kSlots; ++slot) {
      const List& list = levels_[level]->lists[slot];
      const bool used = (levels_[level]->used[slot / 64] >> (slot % 64) & 1) != 0;
      check(used == !list.is_empty(), "the wheel marks exactly the slots that are in use");
      check(list.is_empty() || slot >= digit(level) + (level > 0), "no record is left behind");
      list.for_each([&](WheelRecord record) {
        const uint64_t tick = full_tick(record.owner());
        check(((tick >> (level * kDigitBits)) & (kSlots - 1)) == slot, "a record is in its slot");
        check((tick ^ tick_) >> ((level + 1) * kDigitBits) == 0, "a record is on its level");
        visit(record);
      });
    }
  }
  beyond_.for_each(visit);
  moving_.for_each(visit);
  sweeping_.for_each(visit);
  for (const List& list : due_) list.for_each(visit);
  check(count == records_, "the wheel counts its records");
}

}  // namespace larder::storage
