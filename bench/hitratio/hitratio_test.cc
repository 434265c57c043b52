// larder-hitratio: traces, models and references against what can be counted by hand or by a slower
// way.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "bench/hitratio/cluster.h"
#include "bench/hitratio/generate.h"
#include "bench/hitratio/options.h"
#include "bench/hitratio/policy_model.h"
#include "bench/hitratio/reference.h"
#include "bench/hitratio/trace.h"
#include "bench/load/keys.h"

namespace larder::bench {
namespace {

Trace generated(const std::string& name) {
  Trace trace;
  std::string error;
  INFO(error);
  REQUIRE(generate_trace(name, trace, error));
  return trace;
}

uint64_t model_misses(const Trace& trace, const std::string& policy, size_t capacity) {
  std::string error;
  const std::unique_ptr<PolicyModel> model = make_policy(policy, trace.unique, capacity, error);
  INFO(error);
  REQUIRE(model != nullptr);
  uint64_t misses = 0;
  for (const uint32_t key : trace.keys) misses += model->access(key) ? 0 : 1;
  return misses;
}

Trace listed(std::vector<uint32_t> keys) {
  Trace trace;
  trace.keys = std::move(keys);
  trace.unique = *std::max_element(trace.keys.begin(), trace.keys.end()) + 1;
  return trace;
}

// The fewest misses there can be: tries every choice of what to throw away, bypass included.
uint64_t least_misses(const std::vector<uint32_t>& keys, size_t at, std::vector<uint32_t> kept,
                      size_t capacity) {
  if (at == keys.size()) return 0;
  const uint32_t key = keys[at];
  if (std::find(kept.begin(), kept.end(), key) != kept.end()) {
    return least_misses(keys, at + 1, kept, capacity);
  }
  uint64_t least = least_misses(keys, at + 1, kept, capacity);  // not taken in
  if (kept.size() < capacity) {
    kept.push_back(key);
    return 1 + std::min(least, least_misses(keys, at + 1, kept, capacity));
  }
  for (uint32_t& victim : kept) {
    std::vector<uint32_t> other = kept;
    other[static_cast<size_t>(&victim - kept.data())] = key;
    least = std::min(least, least_misses(keys, at + 1, other, capacity));
  }
  return 1 + least;
}

}  // namespace

TEST_CASE("the three formats of trace files") {
  Trace trace;
  std::string error;
  SECTION("ranges") {
    REQUIRE(parse_trace("a.lis", "7 3 0 0\n8 1 0 1\n", trace, error));
    CHECK(trace.keys == std::vector<uint32_t>{0, 1, 2, 1});
    CHECK(trace.unique == 3);
  }
  SECTION("big-endian numbers") {
    const char bytes[] = "\0\0\0\1\1\0\0\0\0\0\0\1";
    REQUIRE(parse_trace("a.trace", std::string(bytes, 12), trace, error));
    CHECK(trace.keys == std::vector<uint32_t>{0, 1, 0});
  }
  SECTION("times, keys and sizes") {
    REQUIRE(parse_trace("a_size_b.trace", "1 9 100\n2 5 7\n2 9 100", trace, error));
    CHECK(trace.keys == std::vector<uint32_t>{0, 1, 0});
    CHECK(trace.value_bytes == std::vector<uint32_t>{100, 7});
    CHECK(trace.object_bytes(1) == trace.key_bytes + 7);
  }
  SECTION("what is none of them") {
    CHECK_FALSE(parse_trace("a.csv", "1,2\n", trace, error));
    CHECK_FALSE(parse_trace("a.trace", "12345", trace, error));
    CHECK_FALSE(parse_trace("a.lis", "1 x\n", trace, error));
    CHECK(error == "a.lis: line 1 is not what it should be");
    CHECK_FALSE(read_trace("/nonexistent/a.trace.xz", trace, error));
    CHECK_FALSE(read_trace("/nonexistent/a.trace", trace, error));
  }
  SECTION("copies ask the same of as many caches at once") {
    REQUIRE(parse_trace("size.trace", "1 9 100\n2 5 7\n", trace, error));
    multiply(trace, 2);
    CHECK(trace.keys == std::vector<uint32_t>{0, 1, 2, 3});
    CHECK(trace.value_bytes == std::vector<uint32_t>{100, 100, 7, 7});
    Trace zipf = generated("zipf:skew=0.9,keys=300,requests=5000");
    const uint64_t misses = exact_lru(zipf, 40, CapacityUnit::objects).misses;
    multiply(zipf, 3);
    CHECK(exact_lru(zipf, 120, CapacityUnit::objects).misses == 3 * misses);
    read_each_key_once(zipf);
    CHECK(zipf.keys.size() == zipf.unique);
    CHECK(exact_lru(zipf, 120, CapacityUnit::objects).misses == zipf.unique);
  }
  SECTION("shortening forgets keys that no longer occur") {
    REQUIRE(parse_trace("size.trace", "1 9 100\n2 9 100\n3 5 7\n", trace, error));
    shorten(trace, 2);
    CHECK(trace.unique == 1);
    CHECK(trace.value_bytes == std::vector<uint32_t>{100});
  }
}

TEST_CASE("generated traces") {
  const Trace first = generated("zipf:skew=1,keys=1000,requests=20000,seed=5");
  CHECK(first.keys == generated("zipf:skew=1,keys=1000,requests=20000,seed=5").keys);
  CHECK(first.keys != generated("zipf:skew=1,keys=1000,requests=20000,seed=6").keys);
  CHECK(first.keys.size() == 20000);
  CHECK(first.unique <= 1000);

  const Trace loop = generated("loop:keys=3,requests=7");
  CHECK(loop.keys == std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0});

  // Keys of scans occur once; a fifth of the requests are such.
  const Trace scan = generated("scan-zipf:keys=500,requests=50000,scan=20,length=100");
  std::vector<uint32_t> times(scan.unique, 0);
  for (const uint32_t key : scan.keys) ++times[key];
  const auto once = std::count(times.begin(), times.end(), 1u);
  CHECK(once > 8000);
  CHECK(once < 12500);

  Trace trace;
  std::string error;
  CHECK_FALSE(generate_trace("zipf:skw=1", trace, error));
  CHECK_FALSE(generate_trace("zipf:keys=0", trace, error));
  CHECK_FALSE(generate_trace("zipf:keys=many", trace, error));
}

TEST_CASE("a cluster is drawn from its row of the table") {
  const std::string table =
      "|  cluster | a | b | key | value | rate | f | o | c | ttl | w | w | operation | zipf |\n"
      "|:---: |:---: |\n"
      "|  cluster7 | 0.2 | 2 | 17 | 100 | 2.00 | 72.9 | 0.01 | 1.37 | 1.5h:0.25, 60s:0.75, | 7574 "
      "| 85 | get:0.50 set:0.25 delete:0.25 | 1.2 |\n"
      "|  cluster8 | 0.2 | 2 | 17 | N/A | 2.00 | 1 | 0 | 1 | N/A | 1 | 1 | get:1.00 | NA |\n";
  Trace trace;
  std::string error;
  REQUIRE(generate_cluster("cluster:number=7,keys=2000,requests=40000", table, trace, error));
  CHECK(trace.key_bytes == 17);
  CHECK(trace.keys.size() == 40000);
  CHECK(trace.time_us.back() == 39999 * 500);
  const auto share = [&](Trace::Verb verb) {
    return static_cast<double>(std::count(trace.verbs.begin(), trace.verbs.end(), verb)) / 40000;
  };
  CHECK(share(Trace::Verb::get) == Approx(0.5).margin(0.02));
  CHECK(share(Trace::Verb::set) == Approx(0.25).margin(0.02));
  CHECK(share(Trace::Verb::del) == Approx(0.25).margin(0.02));
  double bytes = 0;
  for (const uint32_t size : trace.value_bytes) bytes += size;
  CHECK(bytes / trace.unique == Approx(100).margin(15));
  const auto minute = std::count(trace.ttl_us.begin(), trace.ttl_us.end(), 60'000'000u);
  CHECK(static_cast<double>(minute) / trace.unique == Approx(0.75).margin(0.05));
  CHECK(std::count(trace.ttl_us.begin(), trace.ttl_us.end(), 5'400'000'000u) ==
        trace.unique - minute);

  CHECK_FALSE(generate_cluster("cluster:number=8", table, trace, error));
  CHECK_FALSE(generate_cluster("cluster:number=9", table, trace, error));
}

TEST_CASE("the references agree with each other and with what is counted by hand") {
  const Trace trace = listed({0, 1, 2, 0, 1, 3, 0, 3, 1, 2});
  CHECK(exact_lru(trace, 2, CapacityUnit::objects).misses == 9);
  CHECK(exact_lru(trace, 3, CapacityUnit::objects).misses == 5);
  CHECK(exact_lru(trace, 4, CapacityUnit::objects).misses == 4);
  CHECK(exact_lru(trace, 2, CapacityUnit::objects).gets == 10);
  // All objects of one size: bytes are objects.
  CHECK(exact_lru(trace, 2 * trace.object_bytes(0) + 5, CapacityUnit::bytes).misses == 9);

  Random random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> keys;
    for (int i = 0; i < 11; ++i) keys.push_back(static_cast<uint32_t>(random.below(5)));
    const size_t capacity = 1 + random.below(3);
    const uint64_t least = least_misses(keys, 0, {}, capacity);
    CHECK(clairvoyant(listed(keys), capacity, CapacityUnit::objects).misses == least);
  }
}

TEST_CASE("writes, deletions and times to live in the references") {
  using Verb = Trace::Verb;
  Trace trace = listed({0, 0, 0, 0, 0, 0, 0});
  trace.verbs = {Verb::set, Verb::get, Verb::del, Verb::get, Verb::get, Verb::get, Verb::get};
  trace.time_us = {0, 1, 2, 3, 12, 13, 14};
  trace.ttl_us = {10};
  for (const auto& count :
       {exact_lru(trace, 5, CapacityUnit::objects), clairvoyant(trace, 5, CapacityUnit::objects)}) {
    CHECK(count.gets == 5);
    CHECK(count.misses == 2);  // after the deletion, and at 13: written at 3
  }
}

TEST_CASE("models of policies") {
  const Trace zipf = generated("zipf:skew=1,keys=2000,requests=50000");
  SECTION("two LRUs are one") {
    const uint64_t misses = exact_lru(zipf, 150, CapacityUnit::objects).misses;
    CHECK(model_misses(zipf, "lru", 150) == misses);
  }
  SECTION("each keeps to its capacity: twice round more keys than fit never hits a FIFO or LRU") {
    const Trace loop = generated("loop:keys=101,requests=1010");
    CHECK(model_misses(loop, "lru", 100) == 1010);
    CHECK(model_misses(loop, "fifo", 100) == 1010);
  }
  SECTION("what fits misses once, and nothing beats the optimum") {
    const uint64_t least = clairvoyant(zipf, 100, CapacityUnit::objects).misses;
    for (const char* policy :
         {"lru", "fifo", "random", "sieve", "arc", "2q", "s3fifo", "s3fifo:small=25,f=1", "lfu",
          "segments:clock=1,f=1", "segments:order=1,f=9", "auto:clock=1,f=1,second=25,groups=4",
          "4/lru"}) {
      INFO(policy);
      CHECK(model_misses(zipf, policy, 100) > least);
      // Four caches of 4000 each: each key fits in its own.
      CHECK(model_misses(zipf, policy, 16000) == zipf.unique);
    }
  }
  SECTION("a scan does less harm to s3fifo than to lru") {
    const Trace scan = generated("scan-zipf:keys=2000,requests=50000,scan=30,length=500");
    CHECK(model_misses(scan, "s3fifo", 200) < model_misses(scan, "lru", 200) * 95 / 100);
    CHECK(model_misses(scan, "auto:clock=1,f=1", 200) < model_misses(scan, "lru", 200) * 97 / 100);
  }
  SECTION("no such policy or setting") {
    std::string error;
    CHECK(make_policy("mru", 10, 5, error) == nullptr);
    CHECK(make_policy("s3fifo:smal=10", 10, 5, error) == nullptr);
    CHECK(make_policy("4/mru", 10, 5, error) == nullptr);
  }
}

TEST_CASE("the command line") {
  const auto parse = [](std::vector<const char*> words, std::string& error) {
    words.insert(words.begin(), "larder-hitratio");
    HitRatioOptions options;
    return parse_hitratio_options(static_cast<int>(words.size()), words.data(), options, error);
  };
  std::string error;
  CHECK(parse({"describe", "--trace", "zipf"}, error));
  CHECK(parse({"model", "--trace", "a", "--policy", "lru", "--capacity", "10"}, error));
  CHECK(parse({"replay", "--trace", "a", "--port", "7000", "--read", "get"}, error));
  CHECK_FALSE(parse({}, error));
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"describe"},
        {"replay", "--trace", "a"},
        {"model", "--trace", "a"},
        {"replay", "--trace", "a", "--port", "70000"},
        {"replay", "--trace", "a", "--port", "7000", "--read", "mget"},
        {"describe", "--trace"},
        {"describe", "--colour", "red"}}) {
    error.clear();
    CHECK_FALSE(parse(words, error));
    CHECK_FALSE(error.empty());
  }
}

}  // namespace larder::bench
