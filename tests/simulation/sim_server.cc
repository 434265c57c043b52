#include "tests/simulation/sim_server.h"

#include <algorithm>
#include <limits>

#include "tests/simulation/failure.h"

namespace larder::simulation {

namespace {
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
}  // namespace

SimServer::SimServer(const server::Config& config, unsigned workers, Random random,
                     const NetworkFaults& faults)
    : faults_(faults), random_(random.fork()) {
  server::NodeOptions options;
  options.config = config;
  options.threads = workers;
  options.seed = random.next();
  options.facts.run_id = std::string(40, '5');
  options.facts.executable = "/simulated/larder-server";
  options.facts.operating_system = "Simulation";
  options.facts.compiler = __VERSION__;
  options.facts.allocator = "libc";
  options.facts.driver = "simulation";
  options.facts.process_id = 1;
  options.facts.started_unix_ms = clock_.unix_ms();
  options.facts.threads = workers;
  options.facts.tcp_port = 6379;
  options.services.process_facts = [] {
    return server::ProcessFacts{.resident_bytes = 1 << 20,
                                .allocator = server::AllocatorFacts{.allocated_bytes = 1 << 19,
                                                                    .active_bytes = 1 << 19,
                                                                    .resident_bytes = 1 << 20},
                                .system_memory_bytes = uint64_t{1} << 32};
  };
  options.services.rewrite_config_file = [](const server::Config&) { return std::nullopt; };
  options.services.precise_ns = [this] { return clock_.monotonic_ns(); };
  options.services.sleep_ns = [this](int64_t duration_ns) { clock_.advance(duration_ns); };
  options.services.stop = [this](bool at_once) { stop(at_once); };
  node_ = std::make_unique<server::Node>(std::move(options));
  lanes_.resize(workers);
  for (unsigned i = 0; i < workers; ++i) {
    drivers_.push_back(std::make_unique<SimDriver>(network_, clock_, faults, random.fork(),
                                                   /*listens=*/i == 0, &drivers_));
    lanes_[i].worker = std::make_unique<server::Worker>(*node_, i, random.next());
  }
}

void SimServer::stop(bool at_once) {
  for (unsigned i = 0; i < worker_count(); ++i) {
    node_->mailbox(i).post(server::StopMail{at_once});
    drivers_[i]->wake();
  }
}

bool SimServer::is_ready(unsigned worker) const {
  const Lane& lane = lanes_[worker];
  if (lane.is_finished) return false;
  return !lane.ops.list.empty() || !lane.held_mail.empty() ||
         lane.wake_at_ns <= clock_.monotonic_ns() || drivers_[worker]->has_work();
}

void SimServer::step(unsigned worker) {
  Lane& lane = lanes_[worker];
  check(!lane.is_finished, "a worker that has finished was stepped");
  hold_mail();
  deliver_mail(worker);
  drivers_[worker]->turn(lane.ops, 0, lane.events);
  const server::StepResult result = lane.worker->step(clock_.now(), lane.events, lane.ops);
  lane.wake_at_ns = result.wait_ns < 0 ? kNever : clock_.monotonic_ns() + result.wait_ns;
  lane.ready_since_ns = kNever;
  if (!result.finished) return;
  lane.is_finished = true;
  drivers_[worker]->turn(lane.ops, 0, lane.events);
}

void SimServer::hold_mail() {
  std::vector<server::Mail> mail;
  for (unsigned i = 0; i < worker_count(); ++i) {
    node_->mailbox(i).take_all(mail);
    std::move(mail.begin(), mail.end(), std::back_inserter(lanes_[i].held_mail));
  }
}

void SimServer::deliver_mail(unsigned worker) {
  std::vector<server::Mail>& held = lanes_[worker].held_mail;
  if (held.empty() || random_.chance(faults_.delay_mail)) return;
  // The earlier part of it.
  const size_t count = faults_.delay_mail == 0 ? held.size() : 1 + random_.below(held.size());
  const auto end = held.begin() + static_cast<std::ptrdiff_t>(count);
  std::for_each(held.begin(), end,
                [&](server::Mail& mail) { node_->mailbox(worker).post(std::move(mail)); });
  held.erase(held.begin(), end);
}

void SimServer::refresh() {
  for (unsigned i = 0; i < worker_count(); ++i) {
    if (!is_ready(i)) {
      lanes_[i].ready_since_ns = kNever;
    } else if (lanes_[i].ready_since_ns == kNever) {
      lanes_[i].ready_since_ns = clock_.monotonic_ns();
    }
  }
}

void SimServer::settle(Random& random, size_t most) {
  std::vector<unsigned> ready;
  for (size_t round = 0;; ++round) {
    ready.clear();
    for (unsigned i = 0; i < worker_count(); ++i) {
      if (is_ready(i)) ready.push_back(i);
    }
    if (ready.empty()) return;
    check(round < most, "the server does not come to rest");
    step(random.pick(ready));
  }
}

int64_t SimServer::next_wake_ns() const {
  int64_t next = kNever;
  for (const Lane& lane : lanes_) {
    if (!lane.is_finished) next = std::min(next, lane.wake_at_ns);
  }
  return next;
}

bool SimServer::has_finished() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.is_finished; });
}

}  // namespace larder::simulation
