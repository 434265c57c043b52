// RunningServer: a whole server in this process, with real threads and real sockets, on a port the
// kernel chose.
//
// The epoll driver: through an io_uring the kernel hands memory from thread to thread in ways the
// thread sanitizer cannot see.
#pragma once

#include <string>

#include "server/log.h"
#include "server/server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {

class RunningServer {
 public:
  explicit RunningServer(unsigned threads)
      : log_("/dev/null", config::LogLevel::warning), server_(config_for(threads), log_) {
    const auto error = server_.start([this](bool at_once) { server_.stop(at_once); });
    require(!error, "the server does not start: " + error.value_or(""));
  }
  ~RunningServer() { stop(); }

  int port() const { return server_.port(); }
  // Gracefully; returns when every worker has ended.
  void stop() {
    server_.stop(/*at_once=*/false);
    server_.join();
  }

 private:
  static config::Config config_for(unsigned threads) {
    config::Config config;
    config.bind = {"127.0.0.1"};
    config.port = 0;
    config.threads = threads;
    config.driver = config::DriverChoice::epoll;
    return config;
  }

  server::Log log_;
  server::Server server_;
};

}  // namespace larder::stress
