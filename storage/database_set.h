// DatabaseSet: some of a shard's databases, in two bytes.
#pragma once

#include <bit>
#include <cstdint>

namespace larder::storage {

constexpr unsigned kMaxDatabases = 16;

class DatabaseSet {
 public:
  bool empty() const { return bits_ == 0; }
  bool contains(unsigned db) const { return ((bits_ >> db) & 1) != 0; }
  // REQUIRES: !empty().
  unsigned first() const { return static_cast<unsigned>(std::countr_zero(bits_)); }

  void add(unsigned db) { bits_ = static_cast<uint16_t>(bits_ | 1u << db); }
  void remove(unsigned db) { bits_ = static_cast<uint16_t>(bits_ & ~(1u << db)); }
  void clear() { bits_ = 0; }
  // What was true of one is true of the other.
  void swap(unsigned a, unsigned b) {
    const bool had_a = contains(a);
    contains(b) ? add(a) : remove(a);
    had_a ? add(b) : remove(b);
  }

 private:
  uint16_t bits_ = 0;
};
static_assert(kMaxDatabases == 16);

}  // namespace larder::storage
