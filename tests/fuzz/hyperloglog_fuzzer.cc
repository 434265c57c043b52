// A HyperLogLog of arbitrary registers: whatever they say, it is read within its bytes; and one
// that can be read as a whole behaves like its plain registers.
//
//   input := which(1) observations(1) { index(2) value(1) }* registers
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/commands/hyperloglog.h"

namespace hll = larder::server::hll;

namespace {

constexpr size_t kHeaderBytes = 16;
constexpr size_t kDenseBytes = kHeaderBytes + 12288;

void require(bool holds) {
  if (!holds) std::abort();
}

hll::Registers registers_of(const std::string& value, bool& is_whole) {
  hll::Registers registers{};
  is_whole = hll::merge(value, registers);
  return registers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 2) return 0;
  const bool is_dense = (input[0] & 1) != 0;
  const size_t sparse_max_bytes = (input[0] & 2) != 0 ? 3000 : 40;
  const size_t count = static_cast<uint8_t>(input[1]) % 8;
  input.remove_prefix(2);
  if (input.size() < count * 3) return 0;
  const std::string_view observations = input.substr(0, count * 3);
  input.remove_prefix(count * 3);

  std::string value = hll::empty().substr(0, kHeaderBytes) + std::string(input);
  if (is_dense) {
    value[4] = 0;
    value.resize(kDenseBytes, '\0');
  } else if (input.empty()) {
    value = hll::empty();
  }
  require(hll::is_one(value));
  bool is_whole = false;
  hll::Registers expected = registers_of(value, is_whole);
  if (is_whole) require(hll::estimate(expected) < uint64_t{1} << 63);

  for (size_t i = 0; i < count; ++i) {
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(observations[i * 3 + at]); };
    const hll::Observation seen{(byte(0) | byte(1) * 256u) % hll::kRegisterCount,
                                static_cast<uint8_t>(byte(2) % 51 + 1)};
    const hll::Change change = hll::raise(value, seen, sparse_max_bytes);
    if (!is_whole) continue;
    require((change == hll::Change::made) == (expected[seen.index] < seen.value));
    expected[seen.index] = std::max(expected[seen.index], seen.value);
    require(registers_of(value, is_whole) == expected && is_whole);
  }
  std::string dense = value;
  require(hll::make_dense(dense) == is_whole || is_dense);
  if (is_whole) require(registers_of(dense, is_whole) == expected);
  return 0;
}
