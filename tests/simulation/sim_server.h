// SimServer: a whole server in one thread: a node, its workers, a SimDriver for each, one clock.
//
// It steps workers one at a time, in whatever order its user asks for. A worker that asked to wait
// is not stepped before its time or its driver has something, unless the user does it on purpose;
// so a lost wake-up shows as a server that stands still.
//
// Invariant: while a worker's step runs nothing of the simulation runs but its services.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "server/node.h"
#include "server/worker.h"
#include "tests/simulation/clock.h"
#include "tests/simulation/network.h"
#include "tests/simulation/random.h"
#include "tests/simulation/sim_driver.h"

namespace larder::simulation {

class SimServer {
 public:
  SimServer(const server::Config& config, unsigned workers, Random random,
            const NetworkFaults& faults);

  server::Node& node() { return *node_; }
  Network& network() { return network_; }
  SimClock& clock() { return clock_; }
  server::Worker& worker(unsigned index) { return *lanes_[index].worker; }
  unsigned worker_count() const { return static_cast<unsigned>(lanes_.size()); }

  // Has something to do now: an event, a wake-up, its time has come, or ops to hand over.
  bool is_ready(unsigned worker) const;
  // One turn of its driver and one step.
  void step(unsigned worker);
  // Since when it has been ready without being stepped; valid after refresh().
  int64_t ready_since_ns(unsigned worker) const { return lanes_[worker].ready_since_ns; }
  // Notes who has become ready.
  void refresh();
  // Steps whoever is ready, in the order of `random`, until nobody is. Fails if that takes more
  // than `most` rounds.
  void settle(Random& random, size_t most = 20'000);
  // When the next worker wants to be stepped without an event; INT64_MAX if none does.
  int64_t next_wake_ns() const;
  int64_t wake_at_ns(unsigned worker) const { return lanes_[worker].wake_at_ns; }
  bool is_finished(unsigned worker) const { return lanes_[worker].is_finished; }
  bool has_finished() const;

  // As a signal does.
  void stop(bool at_once);

 private:
  // Another thread may post while a worker is in the middle of its step, too late for that step.
  void hold_mail();
  void deliver_mail(unsigned worker);

  struct Lane {
    std::unique_ptr<server::Worker> worker;
    server::Ops ops;
    std::vector<server::Event> events;
    std::vector<server::Mail> held_mail;  // on its way, in order
    int64_t wake_at_ns = 0;
    int64_t ready_since_ns = 0;
    bool is_finished = false;
  };

  const NetworkFaults& faults_;
  Random random_;
  SimClock clock_;
  Network network_;
  std::unique_ptr<server::Node> node_;
  std::vector<std::unique_ptr<SimDriver>> drivers_;
  std::vector<Lane> lanes_;
};

}  // namespace larder::simulation
