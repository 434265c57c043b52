// What simulated clients do. Each kind keeps to databases of its own, so that what it may expect of
// them is certain.
//
//   owner      databases 0-2, keys of its own: every reply is known (model.h), transactions
//   included counter    database 3: INCR of shared counters; all replies differ, and none is
//   missing register   database 3: one writer of rising numbers, readers that never see one go back
//   transfer   database 3: money between accounts, by WATCH and MULTI; the sum never changes
//   flood      database 3: large values, many at once, so that buffers fill on both sides
//   chaos      databases 4-6: any data command on a few shared keys; replies have the right shape
//   admin      what concerns the whole node
//   crier, listener   messages on a few channels: complete and in order
//   feeder, waiter    database 3: elements pushed to queues and waited for; none lost, none twice
//   cacher     database 3: reads counters and tracks them; what it keeps is never stale unnoticed
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/client.h"
#include "tests/simulation/evictions.h"

namespace larder::simulation {

// What the workloads of one run share.
struct SharedFacts {
  const SimClock* clock = nullptr;
  int64_t max_unix_ms = 0;  // the latest the Unix clock has shown
  uint64_t maxmemory_bytes = 0;  // 0: no limit

  bool allows_flushall = false;
  bool allows_kill = false;
  bool allows_pause = false;
  bool has_limits = false;

  const Evictions* evictions = nullptr;  // null: nothing is ever evicted
  // How often the key has been evicted by now.
  uint64_t evictions_of(unsigned database, const std::string& key) const {
    return evictions == nullptr ? 0 : evictions->count(database, key);
  }

  // Counters.
  static constexpr unsigned kCounters = 3;
  std::set<int64_t> counted[kCounters];  // replies seen
  size_t uncertain_counts = 0;           // INCRs that may or may not have run

  // The register of the moment; a new one begins whenever its writer is lost.
  unsigned register_number = 0;
  int64_t register_sent = 0;   // the highest number any write may have left
  int64_t register_known = 0;  // a number at least as high has been there

  // Messages.
  static constexpr unsigned kChannels = 3;
  struct Cry {
    std::string channel;
    int64_t crier;
    int64_t number;
    auto operator<=>(const Cry&) const = default;
  };
  int64_t criers = 0;  // there have been
  std::map<Cry, int64_t> cries_counted;  // what PUBLISH answered
  std::map<Cry, int64_t> cries_heard;
  // By channel and crier: the last number whose reply came.
  std::map<std::pair<std::string, int64_t>, int64_t> cries_acknowledged;

  // Queues. kHeld is where elements are moved to.
  static constexpr unsigned kQueues = 3;
  static constexpr const char* kHeld = "queue:held";
  static std::string queue_name(unsigned number) { return "queue:" + std::to_string(number); }
  int64_t feeders = 0;           // there have been
  std::set<std::string> queued;  // elements whose push was answered
  std::set<std::string> taken;
  size_t uncertain_takes = 0;  // elements that may have gone with a reply that was lost
  std::set<int64_t> waiters;   // IDs of those who are connected
  size_t unblocks = 0;         // times that somebody was told to wait no more
  int64_t some_waiter(Random& random) const;  // 0 if there is none
  // `left`: what all queues still hold. Fails if an element is there twice or is lost.
  void check_queues(const std::vector<std::string>& left) const;

  static constexpr unsigned kAccounts = 6;
  static constexpr int64_t kSumOfAccounts = 6000;
};

std::unique_ptr<Workload> make_owner(SharedFacts& facts, unsigned number);
std::unique_ptr<Workload> make_counter(SharedFacts& facts);
std::unique_ptr<Workload> make_register_writer(SharedFacts& facts);
std::unique_ptr<Workload> make_register_reader(SharedFacts& facts);
std::unique_ptr<Workload> make_transfer(SharedFacts& facts);
std::unique_ptr<Workload> make_auditor(SharedFacts& facts);
std::unique_ptr<Workload> make_flood(SharedFacts& facts);
std::unique_ptr<Workload> make_chaos(SharedFacts& facts);
std::unique_ptr<Workload> make_crier(SharedFacts& facts);
std::unique_ptr<Workload> make_cacher(SharedFacts& facts);
std::unique_ptr<Workload> make_listener(SharedFacts& facts);
std::unique_ptr<Workload> make_feeder(SharedFacts& facts);
std::unique_ptr<Workload> make_waiter(SharedFacts& facts);
std::unique_ptr<Workload> make_admin(SharedFacts& facts);

// ---- Expectations that several of them share ----

ReplyCheck expect_simple(std::string text);
ReplyCheck expect_anything();
// The reply's first byte is one of these; '_' is every null.
ReplyCheck expect_kinds(std::string kinds);
// Now and then asks for an echo of something unique, which shows any reply out of place.
void maybe_echo(Client& client);

}  // namespace larder::simulation
