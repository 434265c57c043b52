// What one run of larder-hitratio is asked for, read from the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/hitratio/reference.h"
#include "bench/hitratio/replay.h"

namespace larder::bench {

struct HitRatioOptions {
  enum class Task : uint8_t { describe, model, replay };

  Task task = Task::describe;
  std::string trace;          // a file or the name of a generated one
  std::string statistics;     // the table that clusters are drawn from
  uint64_t max_requests = 0;  // 0: all
  uint32_t value_bytes = 0;   // of every value; 0: as the trace says
  uint32_t copies = 1;
  bool each_key_once = false;

  std::vector<std::string> policies;  // model: "optimum", "exact-lru", or one of policy_model.h
  std::vector<uint64_t> capacities;   // model
  CapacityUnit unit = CapacityUnit::objects;

  ReplayOptions replay;
  double seconds = 0.0;  // replay of a trace with times: how long it shall last; 0: as it says
  bool help = false;
};

// False and `error`, one line, when the command line makes no sense.
[[nodiscard]] bool parse_hitratio_options(int argc, const char* const* argv,
                                          HitRatioOptions& options, std::string& error);

std::string hitratio_help();

}  // namespace larder::bench
