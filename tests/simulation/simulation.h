// Simulation: one run from one seed.
//
//   set-up   accounts are filled
//   faults   workers, clients, clock and faults in an order drawn from the seed
//   healing  no more faults, nobody asks anything new: all that was asked must be answered
//   rest     what must hold when all is quiet; then everybody leaves, everything is emptied, and
//            the server stops: nothing may be left
// or, instead of healing and rest, the server is stopped under load and must end in time.
//
// Any breach ends the run with a Failure.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/follower.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/sim_server.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {

struct Totals {
  uint64_t steps = 0;
  uint64_t replies = 0;
  uint64_t records = 0;
  uint64_t expired = 0;
  uint64_t evicted = 0;
  uint64_t parked = 0;
  uint64_t digest = 0;  // of what happened, in order
};

class Simulation {
 public:
  Simulation(uint64_t seed, bool is_verbose);

  void run();

  const Totals& totals() const { return totals_; }
  const Plan& plan() const { return plan_; }
  // The last things that happened, and where the clients stand.
  std::string story() const;

 private:
  // The whole run.
  void set_up();
  void add_client(const std::string& kind, std::unique_ptr<Workload> workload);
  void run_faults();
  void heal();
  void check_rest();
  void check_queues();
  void check_limit();
  void leave();
  void check_pause();
  void sleep_until_nothing_is_due();
  void empty();
  void check_nothing_is_left();
  void shut_down();
  void stop_under_load();

  // One step.
  void take_step();
  void step_worker();
  void act_client();
  void advance_clock();
  void jump_clock();
  void take_or_give_shards();
  void give_all_shards();
  bool has_paused_script();
  void attach_or_detach();
  void compare_followers();

  void move_clock(int64_t duration_ns);
  void note_time();
  void check_expiry();
  bool drain_clients();
  // One request on a connection of its own, answered with the help of every worker.
  Value ask(unsigned database, const Words& words);
  void note(std::string event);

  Random random_;
  Plan plan_;
  NetworkFaults faults_;  // as they are at the moment
  bool may_be_closed_;
  bool is_verbose_;
  SharedFacts facts_;
  SimServer server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::unique_ptr<Evictions> evictions_;  // in runs with a limit on memory
  server::ShardSet taken_;  // by the simulation
  // Keys and fields seen past their deadline: since when, on the monotonic clock.
  std::map<std::pair<unsigned, std::string>, int64_t> overdue_since_ns_;
  std::deque<std::string> story_;
  Totals totals_;
};

}  // namespace larder::simulation
