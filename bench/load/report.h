// Report: what a run found, for people and for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/load/generator.h"
#include "bench/load/options.h"

namespace larder::bench {

struct RunReport {
  const Options* options = nullptr;
  PhaseResult measured;
  std::optional<uint64_t> server_cpu_ns;  // used during the measured phase
};

// A few lines of text.
std::string human_report(const RunReport& report);

// One JSON object on one line. Times in microseconds, rates per second; what was not measured is
// null.
std::string json_report(const RunReport& report);

}  // namespace larder::bench
