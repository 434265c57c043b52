// Options: what a run of the load generator is asked for, read from the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/endpoint.h"
#include "bench/load/keys.h"
#include "bench/load/reply_scanner.h"
#include "bench/load/request_maker.h"

namespace larder::bench {

struct Options {
  enum class Load : uint8_t { none, verbs, command };

  Endpoint endpoint;
  WireProtocol protocol = WireProtocol::resp;
  std::vector<std::string> setup;  // commands, as typed
  uint32_t connections = 50;
  uint32_t pipeline = 1;
  uint64_t max_requests = 0;
  double seconds = 5.0;  // used when max_requests is 0
  double warmup_seconds = 0.0;
  double requests_per_second = 0.0;  // 0: closed loop
  uint32_t burst = 1;                // open loop: so many requests come due together
  std::string samples_path;          // open loop: where every request's times go; empty: nowhere
  uint32_t timeout_seconds = 10;

  KeyFormat keys;
  Distribution distribution;
  size_t value_bytes = 64;
  Load load = Load::verbs;
  std::string load_text = "get";  // as typed, for the report
  Verb verb = Verb::get;          // verbs: what to do; a mix is get with some set
  uint32_t get_weight = 1;
  uint32_t set_weight = 0;           // not 0: a mix
  std::vector<std::string> command;  // command: the template's words
  bool fill = false;
  uint64_t seed = 1;

  int cpu = -1;
  int server_pid = -1;
  bool json = false;
  bool allow_errors = false;
  bool help = false;
};

// Reads the command line. False and `error`, one line that names the option, when it makes no
// sense.
[[nodiscard]] bool parse_options(int argc, const char* const* argv, Options& options,
                                 std::string& error);

// Every option with its default, and the exit codes.
std::string help_text();

}  // namespace larder::bench
