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
    process.resident_bytes = process.active_bytes = process.allocated_bytes = 100 * kMiB;
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

TEST_CASE("the doctor remarks what is wrong, and only that") {
  Patient patient;
  SECTION("a process that fills the machine without a limit") {
    patient.process.allocated_bytes = patient.process.active_bytes =
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
    patient.process.allocated_bytes = 60 * kMiB;
    CHECK(has(patient.doctor(), "keeps 40.0 MiB in pages that are partly used"));
  }
  SECTION("memory that nothing uses") {
    patient.process.resident_bytes = 200 * kMiB;
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

TEST_CASE("what the allocator cannot do or say") {
  Patient patient;
  CHECK(patient.run({"MEMORY", "PURGE"}) == "+OK\r\n");
  patient.can_release = false;
  CHECK(patient.run({"MEMORY", "PURGE"}) == "-ERR Error purging dirty pages\r\n");
  CHECK(has(patient.run({"MEMORY", "MALLOC-STATS"}), "not supported for the current allocator"));
  patient.report = "arenas: 4";
  CHECK(patient.run({"MEMORY", "MALLOC-STATS"}) == "$9\r\narenas: 4\r\n");
}

}  // namespace
}  // namespace larder::server
