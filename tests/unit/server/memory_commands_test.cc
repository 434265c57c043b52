// MEMORY: what it remarks about which figures, and that its own figures are those of the shards.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;
using support::node_options;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A node on a machine of 1 GiB, whose process looks as the test says.
struct Patient {
  Patient() {
    NodeOptions options = node_options(1, 5);
    options.services.process_facts = [this] { return process; };
    options.services.release_unused_memory = [this] { return can_release; };
    options.services.allocator_report = [this] { return report; };
    process.system_memory_bytes = 1024 * kMiB;
    process.resident_bytes = 100 * kMiB;
    process.allocator = {100 * kMiB, 100 * kMiB, 100 * kMiB};
    node = std::make_unique<Node>(std::move(options));
    client = std::make_unique<Actor>(*node, 0, 5);
  }

  std::string run(const support::Words& words) {
    // Nobody else has anything to be looked at, so the second try finds it done.
    if (client->try_run(words) == Outcome::gathering) client->try_run(words);
    return client->reply();
  }
  std::string doctor() { return run({"MEMORY", "DOCTOR"}); }

  ProcessFacts process;
  bool can_release = true;
  std::string report;
  std::unique_ptr<Node> node;
  std::unique_ptr<Actor> client;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the doctor has nothing to remark about a healthy server") {
  Patient patient;
  CHECK(has(patient.doctor(), "hardly any data yet"));
  for (int i = 0; i < 10; ++i) {
    patient.run({"SET", "k" + std::to_string(i), std::string(kMiB, 'x')});
  }
  CHECK(has(patient.doctor(), "Nothing to remark"));
}

TEST_CASE("the doctor does not take keys and values for memory that nothing uses") {
  Patient patient;
  patient.process.resident_bytes = 700 * kMiB;  // the allocator has 100 of them
  CHECK(has(patient.doctor(), "hardly any data yet"));
}

TEST_CASE("the doctor remarks what is wrong, and only that") {
  Patient patient;
  SECTION("a process that fills the machine without a limit") {
    patient.process.resident_bytes = 900 * kMiB;
    const std::string report = patient.doctor();
    CHECK(has(report, "900.0 MiB of the machine's 1024.0 MiB"));
    patient.node->memory().set_limit(1000 * kMiB);
    CHECK(has(patient.doctor(), "hardly any data yet"));
  }
  SECTION("a limit beyond the machine") {
    patient.node->memory().set_limit(1025 * kMiB);
    CHECK(has(patient.doctor(), "maxmemory is 1025.0 MiB, more than the machine has"));
  }
  SECTION("pages that are partly used") {
    patient.process.allocator->allocated_bytes = 60 * kMiB;
    CHECK(has(patient.doctor(), "keeps 40.0 MiB in pages that are partly used"));
  }
  SECTION("memory that nothing uses") {
    patient.process.allocator->resident_bytes = 200 * kMiB;
    CHECK(has(patient.doctor(), "100.0 MiB that nothing uses. MEMORY PURGE"));
  }
  SECTION("data that was more once") {
    patient.node->memory().add(30 * kMiB);
    patient.node->memory().add(-30 * static_cast<int64_t>(kMiB));
    CHECK(has(patient.doctor(), "The data took 30.0 MiB once and takes 0.0 MiB now"));
  }
  CHECK_FALSE(has(patient.doctor(), "Nothing to remark"));
}

TEST_CASE("the figures are those of the shards") {
  Patient patient;
  patient.run({"SET", "a", std::string(100'000, 'x')});
  patient.run({"SET", "b", "1"});
  uint64_t bytes = 0;
  for (unsigned i = 0; i < storage::kShardCount; ++i)
    bytes += patient.node->keyspace().shard(i).bytes();
  const std::string stats = patient.run({"MEMORY", "STATS"});
  CHECK(has(stats, "total.allocated\r\n:" + std::to_string(bytes) + "\r\n"));
  CHECK(has(stats, "keys.count\r\n:2\r\n"));
  CHECK(has(stats, "allocator.active\r\n:" + std::to_string(100 * kMiB) + "\r\n"));
  // What both keys take is at most what everything takes.
  const auto usage = [&](const char* key) {
    return std::stoull(patient.run({"MEMORY", "USAGE", key}).substr(1));
  };
  CHECK(usage("a") >= 100'000);
  CHECK(usage("b") < 100);
  CHECK(usage("a") + usage("b") <= bytes);
}

TEST_CASE("INFO and MEMORY STATS say the same, and parts are parts of the whole") {
  Patient patient;
  for (int i = 0; i < 300; ++i) {
    patient.run({"SET", "k" + std::to_string(i), std::string(500, 'x')});
  }
  patient.process.allocator = {60 * kMiB, 70 * kMiB, 90 * kMiB};
  const std::string info = patient.run({"INFO", "memory"});
  const std::string stats = patient.run({"MEMORY", "STATS"});
  const auto in_info = [&](const std::string& name) {
    const size_t at = info.find("\r\n" + name + ":");
    INFO(name << " in " << info);
    REQUIRE(at != std::string::npos);
    return std::stoull(info.substr(at + name.size() + 3));
  };
  const auto in_stats = [&](const std::string& name) {
    const size_t at = stats.find("\r\n" + name + "\r\n:");
    INFO(name << " in " << stats);
    REQUIRE(at != std::string::npos);
    return std::stoull(stats.substr(at + name.size() + 5));
  };
  const std::pair<const char*, const char*> both[] = {
      {"used_memory", "total.allocated"},
      {"used_memory_peak", "peak.allocated"},
      {"used_memory_overhead", "overhead.total"},
      {"used_memory_dataset", "dataset.bytes"},
      {"allocator_allocated", "allocator.allocated"},
      {"allocator_active", "allocator.active"},
      {"allocator_resident", "allocator.resident"},
      {"allocator_frag_bytes", "allocator-fragmentation.bytes"},
      {"allocator_rss_bytes", "allocator-rss.bytes"},
      {"mem_fragmentation_bytes", "fragmentation.bytes"},
      {"mem_clients_normal", "clients.normal"},
  };
  for (const auto& [field, name] : both) CHECK(in_info(field) == in_stats(name));
  CHECK(in_info("used_memory_dataset") + in_info("used_memory_overhead") ==
        in_info("used_memory"));
  CHECK(in_info("used_memory_dataset") >= 300 * 500);
  CHECK(in_info("used_memory_overhead") >= 300 * 4);
  CHECK(in_info("allocator_rss_bytes") == 20 * kMiB);
  CHECK(has(info, "used_memory_dataset_perc:" +
                      std::to_string(100 * in_info("used_memory_dataset") /
                                     in_info("used_memory")) + "."));
  patient.run({"FLUSHALL"});
  CHECK(has(patient.run({"INFO", "memory"}),
            "used_memory_overhead:0\r\nused_memory_dataset:0\r\nused_memory_dataset_perc:0.00%"));
}

TEST_CASE("what the allocator cannot do or say") {
  Patient patient;
  patient.process.allocator.reset();
  CHECK_FALSE(has(patient.run({"INFO", "memory"}), "allocator_"));
  CHECK_FALSE(has(patient.run({"MEMORY", "STATS"}), "allocator"));
  CHECK(has(patient.run({"MEMORY", "STATS"}), "*24\r\n"));
  CHECK(patient.run({"MEMORY", "PURGE"}) == "+OK\r\n");
  patient.can_release = false;
  CHECK(patient.run({"MEMORY", "PURGE"}) == "-ERR Error purging dirty pages\r\n");
  CHECK(has(patient.run({"MEMORY", "MALLOC-STATS"}), "not supported for the current allocator"));
  patient.report = "arenas: 4";
  CHECK(patient.run({"MEMORY", "MALLOC-STATS"}) == "$9\r\narenas: 4\r\n");
}

}  // namespace
}  // namespace larder::server
