#include "server/commands/hyperloglog.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

namespace larder::server {
namespace {

constexpr size_t kSparseMax = 3000;

hll::Change add(std::string& value, const std::string& element, size_t sparse_max = kSparseMax) {
  return hll::raise(value, hll::observe(element), sparse_max);
}

hll::Registers registers_of(const std::string& value) {
  hll::Registers registers{};
  REQUIRE(hll::merge(value, registers));
  return registers;
}

TEST_CASE("an estimate is within two percent, and exact for a few elements") {
  std::string value = hll::empty();
  REQUIRE(hll::estimate(registers_of(value)) == 0);
  uint64_t added = 0;
  for (const uint64_t until : {1u, 10u, 50u, 1'000u, 20'000u, 200'000u}) {
    for (; added < until; ++added) add(value, "element:" + std::to_string(added));
    const auto estimate = static_cast<double>(hll::estimate(registers_of(value)));
    INFO(until << " are estimated as " << estimate);
    const double most_off = until <= 50 ? 0.0 : 0.02 * static_cast<double>(until);
    CHECK(std::abs(estimate - static_cast<double>(until)) <= most_off);
  }
}

TEST_CASE("an element counts once, however the value is kept") {
  std::string sparse = hll::empty();
  std::string dense = hll::empty();
  REQUIRE(hll::make_dense(dense));
  CHECK(hll::is_dense(dense));
  CHECK_FALSE(hll::is_dense(sparse));
  for (int i = 0; i < 800; ++i) {
    const std::string element = std::to_string(i);
    const bool is_new = hll::would_raise(dense, hll::observe(element));
    const hll::Change expected = is_new ? hll::Change::made : hll::Change::none;
    REQUIRE(add(dense, element) == expected);
    REQUIRE(add(sparse, element) == expected);
    REQUIRE(add(sparse, element) == hll::Change::none);
  }
  CHECK_FALSE(hll::is_dense(sparse));
  CHECK(sparse.size() <= kSparseMax);
  CHECK(registers_of(sparse) == registers_of(dense));
  REQUIRE(hll::make_dense(sparse));
  CHECK(sparse == dense);
}

TEST_CASE("a sparse value becomes dense where it would grow too long, and loses nothing") {
  std::string value = hll::empty();
  std::string longer = hll::empty();
  for (int i = 0; i < 200; ++i) {
    add(value, std::to_string(i), 100);
    add(longer, std::to_string(i));
    REQUIRE((value.size() <= 100 || hll::is_dense(value)));
  }
  CHECK(hll::is_dense(value));
  CHECK(registers_of(value) == registers_of(longer));
}

TEST_CASE("an estimate is kept until something changes") {
  std::string value = hll::empty();
  CHECK(hll::kept_estimate(value) == 0u);
  hll::outdate_estimate(value);
  CHECK_FALSE(hll::kept_estimate(value).has_value());
  const auto bytes = hll::estimate_bytes(1234567);
  value.replace(hll::kEstimateOffset, bytes.size(), bytes.data(), bytes.size());
  CHECK(hll::kept_estimate(value) == 1234567u);
}

TEST_CASE("what is no HyperLogLog is known, and registers that do not add up") {
  CHECK_FALSE(hll::is_one(""));
  CHECK_FALSE(hll::is_one("HYLL"));
  CHECK_FALSE(hll::is_one(std::string(16, '\0')));
  std::string dense = hll::empty();
  REQUIRE(hll::make_dense(dense));
  CHECK(hll::is_one(dense));
  CHECK_FALSE(hll::is_one(dense + '\0'));
  CHECK_FALSE(hll::is_one(dense.substr(0, dense.size() - 1)));

  const std::string header = hll::empty().substr(0, 16);
  for (const char* runs : {"", "\x7f", "\x7f\xfe", "\x7f\xff\x80", "\x80"}) {
    std::string value = header + runs;
    CAPTURE(runs);
    hll::Registers registers{};
    CHECK_FALSE(hll::merge(value, registers));
    CHECK_FALSE(hll::make_dense(value));
    CHECK(value == header + runs);
    CHECK(hll::raise(value, {hll::kRegisterCount - 1, 1}, 16) == hll::Change::corrupt);
  }
}

}  // namespace
}  // namespace larder::server
