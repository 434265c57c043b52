#include "server/server.h"

#include <algorithm>
#include <chrono>

#include "server/config/settings.h"
#include "server/driver/listener.h"
#include "server/driver/precise_clock.h"
#include "server/driver/process.h"
#include "server/driver/replace_file.h"

namespace larder::server {
namespace {

int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string hexadecimal(uint64_t a, uint64_t b, uint64_t c) {
  char text[64];
  std::snprintf(text, sizeof text, "%016llx%016llx%08llx", static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b),
                static_cast<unsigned long long>(c & 0xffffffff));
  return text;
}

std::string_view driver_word(config::DriverChoice choice) {
  return choice == config::DriverChoice::epoll ? "epoll" : "uring";
}

}  // namespace

std::optional<std::string> Server::listen(std::vector<ListenSocket>& sockets) {
  const auto take = [&sockets](Listening&& listening) -> std::optional<std::string> {
    if (listening.failure) return listening.failure->cause + "; " + listening.failure->remedy;
    std::move(listening.sockets.begin(), listening.sockets.end(), std::back_inserter(sockets));
    return std::nullopt;
  };
  if (config_.port != 0 || config_.unixsocket.empty()) {
    TcpListenOptions options;
    options.addresses = config_.bind;
    options.port = static_cast<uint16_t>(config_.port);
    options.backlog = static_cast<int>(config_.tcp_backlog);
    options.keepalive_s = static_cast<int>(config_.tcp_keepalive_seconds);
    Listening listening = listen_tcp(options);
    port_ = listening.port;
    if (auto error = take(std::move(listening))) return error;
  }
  if (!config_.unixsocket.empty()) {
    UnixListenOptions options;
    options.path = config_.unixsocket;
    options.backlog = static_cast<int>(config_.tcp_backlog);
    if (config_.unixsocket_permissions != 0) options.permissions = config_.unixsocket_permissions;
    if (auto error = take(listen_unix(options))) return error;
  }
  for (const ListenSocket& socket : sockets) log_.notice("listening on " + socket.name());
  return std::nullopt;
}

std::optional<std::string> Server::make_driver(DriverOptions options, bool is_first) {
  std::string why_not;
  std::unique_ptr<Driver> driver;
  if (driver_name_ != "epoll") {
    driver = make_uring_driver(options, why_not);
    if (driver == nullptr && config_.driver == config::DriverChoice::uring) {
      return "cannot use io_uring: " + why_not;
    }
    if (driver == nullptr) {
      if (!is_first) return "io_uring failed for a further worker: " + why_not;
      log_.warning("using epoll instead of io_uring: " + why_not);
      driver_name_ = "epoll";
    }
  }
  if (driver == nullptr) driver = make_epoll_driver(options, why_not);
  if (driver == nullptr) return "cannot use epoll: " + why_not;
  peers_.push_back(driver.get());
  drivers_.push_back(std::move(driver));
  return std::nullopt;
}

std::optional<std::string> Server::make_drivers(std::vector<ListenSocket> sockets) {
  driver_name_ = driver_word(config_.driver);
  for (unsigned i = 0; i < threads_; ++i) {
    DriverOptions options;
    if (i == 0) options.listeners = std::move(sockets);
    options.peers = &peers_;
    if (auto error = make_driver(std::move(options), i == 0)) return error;
  }
  return std::nullopt;
}

NodeOptions Server::node_options(std::function<void(bool at_once)> stop) {
  NodeOptions options;
  options.config = config_;
  options.threads = threads_;
  options.seed = random_seed();
  options.facts.run_id = hexadecimal(random_seed(), random_seed(), random_seed());
  options.facts.executable = executable_path();
  options.facts.config_file = config_.config_file;
  options.facts.operating_system = operating_system();
  options.facts.compiler = __VERSION__;
  options.facts.allocator = allocator_name();
  options.facts.driver = driver_name_;
  options.facts.process_id = getpid();
  options.facts.started_unix_ms = unix_ms();
  options.facts.threads = threads_;
  options.facts.tcp_port = port_;
  options.services.process_facts = read_process_facts;
  options.services.release_unused_memory = release_unused_memory;
  options.services.allow_clients = allow_clients;
  options.services.allocator_report = allocator_report;
  options.services.precise_ns = make_precise_clock();
  options.services.sleep_ns = sleep_for_ns;
  options.services.stop = std::move(stop);
  options.services.log = [this](config::LogLevel level, std::string_view text) {
    log_.write(level, text);
  };
  options.services.settings_changed = [this](const config::Config& config) {
    log_.set_level(config.loglevel);
  };
  options.services.rewrite_config_file =
      [path = config_.config_file](const config::Config& config) -> std::optional<std::string> {
    const std::string old_text = read_file(path).value_or("");
    const int result = replace_file(path, config::rewrite(old_text, config, config::Config{}));
    if (result == 0) return std::nullopt;
    return std::string(strerror(-result));
  };
  return options;
}

std::optional<std::string> Server::start(std::function<void(bool at_once)> stop) {
  threads_ = config_.threads != 0 ? config_.threads : usable_cores();
  const uint32_t clients = allow_clients(config_.maxclients);
  if (clients < config_.maxclients) {
    log_.warning("maxclients lowered from " + std::to_string(config_.maxclients) + " to " +
                 std::to_string(clients) +
                 ": the limit of open files is too low; raise it with ulimit -n");
    config_.maxclients = clients;
  }
  std::vector<ListenSocket> sockets;
  if (auto error = listen(sockets)) return error;
  if (auto error = make_drivers(std::move(sockets))) return error;
  node_ = std::make_unique<Node>(node_options(std::move(stop)));
  for (unsigned i = 0; i < threads_; ++i) {
    workers_.push_back(std::make_unique<Worker>(*node_, i, random_seed()));
  }
  for (unsigned i = 0; i < threads_; ++i) {
    worker_threads_.emplace_back([this, i] { run_worker(i); });
  }
  log_.notice("ready: " + std::to_string(threads_) + (threads_ == 1 ? " worker" : " workers") +
              " on " + driver_name_);
  return std::nullopt;
}

void Server::run_worker(unsigned index) {
  Driver& driver = *drivers_[index];
  Worker& worker = *workers_[index];
  Ops ops;
  std::vector<Event> events;
  StepResult result{.wait_ns = -1, .finished = false};
  while (!result.finished) {
    driver.turn(ops, result.wait_ns, events);
    result = worker.step(driver.now(), events, ops);
  }
  driver.turn(ops, 0, events);  // what the last step still asked for
}

void Server::stop(bool at_once) {
  for (unsigned i = 0; i < threads_; ++i) {
    node_->mailbox(i).post(StopMail{at_once});
    drivers_[i]->wake();
  }
}

void Server::join() {
  for (std::thread& thread : worker_threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace larder::server
