#include "server/commands/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace larder::server::hll {
namespace {

constexpr unsigned kIndexBits = 14;
constexpr unsigned kHashBits = 64 - kIndexBits;  // that are left for the run of zeros
constexpr unsigned kRegisterBits = 6;
static_assert(kRegisterCount == 1u << kIndexBits);

constexpr std::string_view kMagic = "HYLL";
constexpr size_t kEncodingOffset = 4;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kDenseBytes = kHeaderBytes + kRegisterCount * kRegisterBits / 8;
constexpr char kDense = 0;
constexpr char kSparse = 1;
constexpr uint8_t kOutdated = 0x80;  // in the estimate's last byte

constexpr unsigned kShortZeros = 64;  // registers that one byte can say
constexpr unsigned kMostInRun = 4;    // of one value
constexpr unsigned kMostSparse = 32;  // value

// Reads and writes memory that little-endian machines keep as Redis stores it.
static_assert(std::endian::native == std::endian::little);

uint64_t murmur64a(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  uint64_t hash = seed ^ (bytes.size() * kFactor);
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    bytes.remove_prefix(8);
    word *= kFactor;
    word ^= word >> kShift;
    word *= kFactor;
    hash ^= word;
    hash *= kFactor;
  }
  if (!bytes.empty()) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    hash ^= word;
    hash *= kFactor;
  }
  hash ^= hash >> kShift;
  hash *= kFactor;
  hash ^= hash >> kShift;
  return hash;
}

// ---- dense --------------------------------------------------------------------------------------

// Where a register's bits begin. The last one ends with the value.
struct Place {
  size_t byte;
  unsigned shift;
  bool is_split() const { return shift > 8 - kRegisterBits; }
};

Place place_of(unsigned index) {
  const size_t bit = size_t{index} * kRegisterBits;
  return {kHeaderBytes + bit / 8, static_cast<unsigned>(bit % 8)};
}

constexpr unsigned kRegisterMask = (1u << kRegisterBits) - 1;

uint8_t dense_register(std::string_view value, unsigned index) {
  const Place place = place_of(index);
  unsigned bits = static_cast<uint8_t>(value[place.byte]);
  if (place.is_split()) bits |= unsigned{static_cast<uint8_t>(value[place.byte + 1])} << 8;
  return static_cast<uint8_t>(bits >> place.shift & kRegisterMask);
}

void set_dense_register(std::string& value, unsigned index, uint8_t to) {
  const Place place = place_of(index);
  const unsigned mask = kRegisterMask << place.shift;
  const unsigned bits = unsigned{to} << place.shift;
  const auto patch = [&value](size_t at, unsigned byte_mask, unsigned byte_bits) {
    const unsigned kept = static_cast<uint8_t>(value[at]) & ~byte_mask;
    value[at] = static_cast<char>(static_cast<uint8_t>(kept | byte_bits));
  };
  patch(place.byte, mask & 0xff, bits & 0xff);
  if (place.is_split()) patch(place.byte + 1, mask >> 8, bits >> 8);
}

// ---- sparse -------------------------------------------------------------------------------------

// Some registers that are the same.
struct Run {
  unsigned length;
  uint8_t value;
  unsigned bytes;  // that say so
};

// REQUIRES: at < value.size(). Of no bytes if it is cut off.
Run run_at(std::string_view value, size_t at) {
  const auto first = static_cast<uint8_t>(value[at]);
  if ((first & 0x80) != 0) {
    return {(first & 3u) + 1, static_cast<uint8_t>((first >> 2 & 31) + 1), 1};
  }
  if ((first & 0x40) == 0) return {(first & 63u) + 1, 0, 1};
  if (at + 1 >= value.size()) return {0, 0, 0};
  return {((first & 63u) << 8 | static_cast<uint8_t>(value[at + 1])) + 1, 0, 2};
}

// Calls `visit(first_register, run)`; false if the runs are not of all registers.
template <typename Visit>
bool for_each_run(std::string_view value, Visit visit) {
  unsigned index = 0;
  for (size_t at = kHeaderBytes; at < value.size();) {
    const Run run = run_at(value, at);
    if (run.bytes == 0 || run.length > kRegisterCount - index) return false;
    visit(index, run);
    index += run.length;
    at += run.bytes;
  }
  return index == kRegisterCount;
}

void append_zeros(unsigned count, std::string& runs) {
  if (count == 0) return;
  const unsigned length = count - 1;
  if (count > kShortZeros) {
    runs += static_cast<char>(0x40 | length >> 8);
    runs += static_cast<char>(static_cast<uint8_t>(length));
  } else {
    runs += static_cast<char>(length);
  }
}

char run_byte(uint8_t value, unsigned count) {
  return static_cast<char>(static_cast<uint8_t>(0x80u | (value - 1u) << 2 | (count - 1)));
}

void append_run(uint8_t value, unsigned count, std::string& runs) {
  if (count == 0) return;
  if (value == 0) return append_zeros(count, runs);
  runs += run_byte(value, count);
}

// Joins neighbours of the same value, in the five runs from `at` on.
void join_runs(std::string& value, size_t at) {
  for (unsigned left = 5; left > 0 && at < value.size(); --left) {
    const Run run = run_at(value, at);
    if (run.value == 0) {
      at += std::max(run.bytes, 1u);
      continue;
    }
    if (at + 1 < value.size()) {
      const Run next = run_at(value, at + 1);
      if (next.value == run.value && run.length + next.length <= kMostInRun) {
        value[at + 1] = run_byte(run.value, run.length + next.length);
        value.erase(at, 1);
        continue;
      }
    }
    ++at;
  }
}

Change raise_dense(std::string& value, Observation seen) {
  if (!would_raise(value, seen)) return Change::none;
  set_dense_register(value, seen.index, seen.value);
  return Change::made;
}

Change raise_sparse(std::string& value, Observation seen, size_t sparse_max_bytes) {
  // The run that the register is in, and the one before it.
  size_t at = kHeaderBytes;
  size_t before = kHeaderBytes;
  unsigned first = 0;
  Run run{};
  for (;; at += run.bytes, first += run.length) {
    if (at >= value.size()) return Change::corrupt;
    run = run_at(value, at);
    if (run.bytes == 0) return Change::corrupt;
    if (seen.index < first + run.length) break;
    before = at;
  }
  if (run.value >= seen.value) return Change::none;
  std::string runs;
  append_run(run.value, seen.index - first, runs);
  append_run(seen.value, 1, runs);
  append_run(run.value, first + run.length - 1 - seen.index, runs);
  const bool grows = runs.size() > run.bytes;
  if (grows && value.size() + runs.size() - run.bytes > sparse_max_bytes) {
    return make_dense(value) ? raise_dense(value, seen) : Change::corrupt;
  }
  value.replace(at, run.bytes, runs);
  join_runs(value, before);
  return Change::made;
}

// ---- the estimate -------------------------------------------------------------------------------

// Ertl's correction for registers that are still zero; x: their part of all.
double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double before = 0;
  double y = 1;
  double z = x;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

// The same for those that can rise no more; x: the part of all that can.
double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double before = 0;
  double y = 1.0;
  double z = 1 - x;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= std::pow(1 - x, 2) * y;
  } while (before != z);
  return z / 3;
}

}  // namespace

std::string empty() {
  std::string value(kMagic);
  value += kSparse;
  value.resize(kHeaderBytes, '\0');
  append_zeros(kRegisterCount, value);
  return value;
}

bool is_one(std::string_view value) {
  if (value.size() < kHeaderBytes || !value.starts_with(kMagic)) return false;
  const char encoding = value[kEncodingOffset];
  return encoding == kSparse || (encoding == kDense && value.size() == kDenseBytes);
}

bool is_dense(std::string_view value) {
  return value[kEncodingOffset] == kDense;
}

Observation observe(std::string_view element) {
  const uint64_t hash = murmur64a(element, 0xadc83b19);
  // A one beyond the end, so that every run ends.
  const uint64_t rest = hash >> kIndexBits | uint64_t{1} << kHashBits;
  return {static_cast<unsigned>(hash % kRegisterCount),
          static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

bool would_raise(std::string_view dense, Observation seen) {
  return dense_register(dense, seen.index) < seen.value;
}

Change raise(std::string& value, Observation seen, size_t sparse_max_bytes) {
  if (is_dense(value)) return raise_dense(value, seen);
  if (seen.value > kMostSparse) {
    return make_dense(value) ? raise_dense(value, seen) : Change::corrupt;
  }
  return raise_sparse(value, seen, sparse_max_bytes);
}

bool make_dense(std::string& value) {
  if (is_dense(value)) return true;
  std::string dense = value.substr(0, kHeaderBytes);
  dense[kEncodingOffset] = kDense;
  dense.resize(kDenseBytes, '\0');
  const bool is_whole = for_each_run(value, [&dense](unsigned first, const Run& run) {
    if (run.value == 0) return;
    for (unsigned i = 0; i < run.length; ++i) set_dense_register(dense, first + i, run.value);
  });
  if (is_whole) value = std::move(dense);
  return is_whole;
}

bool merge(std::string_view value, Registers& registers) {
  if (is_dense(value)) {
    for (unsigned i = 0; i < kRegisterCount; ++i) {
      registers[i] = std::max(registers[i], dense_register(value, i));
    }
    return true;
  }
  return for_each_run(value, [&registers](unsigned first, const Run& run) {
    for (unsigned i = first; i < first + run.length; ++i) {
      registers[i] = std::max(registers[i], run.value);
    }
  });
}

uint64_t estimate(const Registers& registers) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double kCount = kRegisterCount;
  std::array<unsigned, 1u << kRegisterBits> with_value{};
  for (const uint8_t value : registers) ++with_value[value & kRegisterMask];
  double z = kCount * tau((kCount - with_value[kHashBits + 1]) / kCount);
  for (unsigned value = kHashBits; value >= 1; --value) {
    z += with_value[value];
    z *= 0.5;
  }
  z += kCount * sigma(with_value[0] / kCount);
  return static_cast<uint64_t>(std::llround(kAlpha * kCount * kCount / z));
}

std::optional<uint64_t> kept_estimate(std::string_view value) {
  uint64_t kept = 0;
  std::memcpy(&kept, value.data() + kEstimateOffset, sizeof kept);
  if (kept >> 63 != 0) return std::nullopt;
  return kept;
}

void outdate_estimate(std::string& value) {
  char& last = value[kEstimateOffset + 7];
  last = static_cast<char>(static_cast<uint8_t>(last) | kOutdated);
}

std::array<char, 8> estimate_bytes(uint64_t estimate) {
  return std::bit_cast<std::array<char, 8>>(estimate);
}

}  // namespace larder::server::hll
