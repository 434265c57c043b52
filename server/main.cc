// larder-server: reads its settings, starts the server and waits for the signal that ends it.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/settings.h"
#include "server/driver/process.h"
#include "server/log.h"
#include "server/server.h"

namespace {

using larder::config::StartAction;

int fail(std::string_view text) {
  std::fprintf(stderr, "larder-server: %.*s\n", static_cast<int>(text.size()), text.data());
  return EXIT_FAILURE;
}

// SIGTERM and SIGINT end the server, each as the other; sigwait delivers them to main alone.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  return signals;
}

int serve(larder::config::Config config) {
  // CONFIG REWRITE must find the file again after the change of folder.
  if (!config.config_file.empty()) {
    config.config_file = std::filesystem::absolute(config.config_file).string();
  }
  if (!config.dir.empty() && chdir(config.dir.c_str()) != 0) {
    return fail("cannot change to the folder '" + config.dir + "' (setting dir); does it exist?");
  }
  // For CONFIG GET and REWRITE: what is relative here is so to the folder before.
  config.dir = std::filesystem::current_path().string();
  larder::server::Log log(config.logfile, config.loglevel);
  if (!log.is_open()) {
    return fail("cannot open the log file '" + config.logfile + "' (setting logfile)");
  }
  const sigset_t signals = block_stop_signals();
  std::atomic<bool> at_once{false};
  std::atomic<bool> by_command{false};
  larder::server::Server server(std::move(config), log);
  // SHUTDOWN ends the server the way a signal does.
  const auto stop = [&at_once, &by_command](bool now) {
    at_once = now;
    by_command = true;
    kill(getpid(), SIGTERM);
  };
  if (auto error = server.start(stop)) {
    log.warning("cannot start: " + *error);
    return fail(*error);
  }
  int signal = 0;
  sigwait(&signals, &signal);
  const std::string_view asked_by = by_command         ? "SHUTDOWN of a client"
                                    : signal == SIGINT ? "SIGINT"
                                                       : "SIGTERM";
  const std::string_view how =
      at_once ? "stopping at once"
              : "stopping after the replies on their way (SIGTERM or SIGINT: at once)";
  log.notice(std::string(asked_by).append(": ").append(how));
  server.stop(at_once);

  // A second signal ends the process whatever the workers are doing.
  std::signal(SIGTERM, [](int) { _exit(EXIT_SUCCESS); });
  std::signal(SIGINT, [](int) { _exit(EXIT_SUCCESS); });
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  server.join();
  log.notice("stopped");
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  larder::config::Config config;
  const larder::config::StartRequest request =
      larder::config::apply_arguments(config, arguments, larder::server::read_file);
  if (request.error) return fail(*request.error);
  if (request.action == StartAction::show_help) {
    std::fputs(larder::config::help_text().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (request.action == StartAction::show_version) {
    std::printf("larder-server %s\n", LARDER_VERSION);
    return EXIT_SUCCESS;
  }
  return serve(std::move(config));
}
