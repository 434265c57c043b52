#include "server/text/memory_size.h"

#include <catch2/catch.hpp>
#include <limits>

namespace larder::text {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST_CASE("sizes with every unit in any case") {
  CHECK(parse_memory_size("0") == 0U);
  CHECK(parse_memory_size("1500") == 1500U);
  CHECK(parse_memory_size("7b") == 7U);
  CHECK(parse_memory_size("1k") == 1000U);
  CHECK(parse_memory_size("1kb") == 1024U);
  CHECK(parse_memory_size("2M") == 2000000U);
  CHECK(parse_memory_size("2Mb") == 2097152U);
  CHECK(parse_memory_size("3g") == 3000000000U);
  CHECK(parse_memory_size("1GB") == 1073741824U);
}

TEST_CASE("what is no size") {
  for (const char* text :
       {"", "mb", "-1", "+1", " 1", "1 ", "1 mb", "1x", "1kbb", "0x10", "1.5gb"}) {
    INFO(text);
    CHECK_FALSE(parse_memory_size(text));
  }
}

TEST_CASE("sizes that no integer holds are the largest one") {
  CHECK(parse_memory_size("18446744073709551615") == kMost);
  CHECK(parse_memory_size("18446744073709551616") == kMost);
  CHECK(parse_memory_size("17179869184gb") == kMost);
  CHECK(parse_memory_size("17179869183gb") == 17179869183ULL << 30);
  CHECK(parse_memory_size(std::string(5000, '9')) == kMost);
}

TEST_CASE("written sizes are short and read back the same") {
  CHECK(format_memory_size(0) == "0");
  CHECK(format_memory_size(1024) == "1kb");
  CHECK(format_memory_size(1500) == "1500");
  CHECK(format_memory_size(104857600) == "100mb");
  CHECK(format_memory_size(2ULL << 30) == "2gb");
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{1023}, uint64_t{3} << 10, uint64_t{1025} << 20,
                               uint64_t{5} << 40, kMost}) {
    CHECK(parse_memory_size(format_memory_size(bytes)) == bytes);
  }
}

}  // namespace
}  // namespace larder::text
