// Deadlines of fields: commands against a slow model, and fields that go in slices.
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "tests/support/field_model.h"

namespace larder::server {

using support::Actor;
using support::node_options;
using support::Words;

TEST_CASE("commands on fields and their deadlines answer as a slow model does") {
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3, 4, 5, 6));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto draw = [&random](size_t below) { return static_cast<size_t>(random() % below); };
  const auto require = [](bool holds, const std::string& message) {
    INFO(message);
    REQUIRE(holds);
  };
  support::FieldPair pair(draw, require);
  for (int i = 0; i < 4'000; ++i) pair.step();
  pair.finish();
  CHECK(pair.expired_fields() > 100);
}

TEST_CASE("a hash of very many fields that are due goes in slices, and its memory with it") {
  constexpr int kFields = 100'000;
  constexpr int64_t kBeginMs = 1'000'000;
  Node node{node_options(1, 1)};
  Actor client{node, 0, 1};
  client.set_time_ms(kBeginMs);
  client.run({"SET", "other", "v"});
  const auto bytes = [&node] {
    size_t sum = 0;
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      sum += node.keyspace().shard(shard).bytes();
    }
    return sum;
  };
  const size_t before = bytes();
  for (int i = 0; i < kFields; i += 100) {
    Words words{"HSETEX", "h", "PX", "500", "FIELDS", "100"};
    for (int j = i; j < i + 100; ++j) words.insert(words.end(), {"f" + std::to_string(j), "v"});
    REQUIRE(client.run(words) == ":1\r\n");
  }
  client.set_time_ms(kBeginMs + 1'000);
  const WorkerStats& stats = client.dispatcher().stats();
  int turns = 0;
  for (uint64_t gone = 0; gone < kFields; ++turns) {
    client.turn();
    const uint64_t now_gone = stats.expired_fields;
    REQUIRE(now_gone > gone);  // every turn does something, and none does much
    REQUIRE(now_gone - gone <= 400);
    gone = now_gone;
  }
  CHECK(turns >= kFields / 400);
  CHECK(client.run({"EXISTS", "h"}) == ":0\r\n");
  for (int i = 0; i < 10'000 && bytes() > before; ++i) client.turn();
  CHECK(bytes() == before);
}

}  // namespace larder::server
