// Server: a node with its workers, drivers and threads; what main starts and stops.
//
// Start order: listen, make one driver per worker, make the node, start the threads. Stop order:
// mail every worker, wait for their threads; sockets close with the drivers.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/config/config.h"
#include "server/driver/driver.h"
#include "server/driver/options.h"
#include "server/log.h"
#include "server/node.h"
#include "server/worker.h"

namespace larder::server {

class Server {
 public:
  Server(config::Config config, Log& log) : config_(std::move(config)), log_(log) {}
  ~Server() { join(); }

  // Starts serving in threads of its own; the error in one line if it cannot. `stop` is what a
  // SHUTDOWN command calls, in any thread.
  [[nodiscard]] std::optional<std::string> start(std::function<void(bool at_once)> stop);
  // Asks the workers to end: gracefully, or without waiting for replies to leave. Any thread.
  void stop(bool at_once);
  // Returns when all workers have ended.
  void join();
  // The TCP port that is listened on, also where the kernel chose it; 0 if none. After start().
  int port() const { return port_; }

 private:
  std::optional<std::string> listen(std::vector<ListenSocket>& sockets);
  std::optional<std::string> make_drivers(std::vector<ListenSocket> sockets);
  std::optional<std::string> make_driver(DriverOptions options, bool is_first);
  NodeOptions node_options(std::function<void(bool at_once)> stop);
  void run_worker(unsigned index);

  config::Config config_;
  Log& log_;
  unsigned threads_ = 1;
  int port_ = 0;
  std::string driver_name_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::vector<Driver*> peers_;
  std::unique_ptr<Node> node_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> worker_threads_;
};

}  // namespace larder::server
