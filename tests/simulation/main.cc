// simulation: plays whole servers from seeds.
//
//   simulation [--seed N | --seeds COUNT [--from N] | --fresh] [--verbose]
//   simulation --transcripts FOLDER [--workers N] [--seed N]
//
// Without arguments: the seeds that once found something. Exit status: 0 nothing found, 1 a seed
// failed (it is printed, with what it needs to be seen again), 2 bad usage.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "tests/simulation/play_transcripts.h"
#include "tests/simulation/simulation.h"

namespace larder::simulation {
namespace {

// Seeds that found a fault once, with the fault.
constexpr uint64_t kRegressionSeeds[] = {
    1,     // nothing: an ordinary run
    3219,  // a client held by a pause was forgotten when the next pause followed at once
    3392,  // the same with four workers
};

struct Options {
  std::vector<uint64_t> seeds;
  bool checks_repeatability = false;
  bool is_verbose = false;
  std::string transcripts;
  unsigned workers = 1;
};

bool parse_options(int count, char** words, Options& options) {
  uint64_t from = 1000;
  uint64_t how_many = 0;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--verbose") {
      options.is_verbose = true;
    } else if (word == "--repeat") {
      options.checks_repeatability = true;
    } else if (word == "--fresh") {
      // The only moment at which a simulation looks at the real world.
      options.seeds.push_back(
          static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
    } else if (i + 1 == count) {
      return false;
    } else if (word == "--seed") {
      options.seeds.push_back(std::strtoull(words[++i], nullptr, 10));
    } else if (word == "--seeds") {
      how_many = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--from") {
      from = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--transcripts") {
      options.transcripts = words[++i];
    } else if (word == "--workers") {
      options.workers = static_cast<unsigned>(std::strtoul(words[++i], nullptr, 10));
    } else {
      return false;
    }
  }
  for (uint64_t i = 0; i < how_many; ++i) options.seeds.push_back(from + i);
  if (options.seeds.empty()) {
    options.seeds.assign(std::begin(kRegressionSeeds), std::end(kRegressionSeeds));
  }
  return options.workers >= 1;
}

// What happened, if nothing went wrong.
bool run_seed(uint64_t seed, bool is_verbose, Totals& totals) {
  std::fprintf(stderr, "simulation seed: %llu; run again with --seed %llu\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  Simulation simulation(seed, is_verbose);
  if (is_verbose) std::fprintf(stderr, "%s\n", simulation.plan().describe().c_str());
  try {
    simulation.run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "FAILED, seed %llu: %s\n%s", static_cast<unsigned long long>(seed),
                 failure.what(), simulation.story().c_str());
    return false;
  }
  totals = simulation.totals();
  return true;
}

int run_seeds(const Options& options) {
  Totals sum;
  size_t failures = 0;
  for (const uint64_t seed : options.seeds) {
    Totals totals;
    if (!run_seed(seed, options.is_verbose, totals)) {
      ++failures;
      continue;
    }
    if (options.checks_repeatability) {
      Totals again;
      if (!run_seed(seed, options.is_verbose, again) || again.digest != totals.digest ||
          again.replies != totals.replies) {
        std::fprintf(stderr, "FAILED: the same seed did not play the same run\n");
        ++failures;
      }
    }
    sum.steps += totals.steps;
    sum.replies += totals.replies;
    sum.records += totals.records;
    sum.expired += totals.expired;
    sum.evicted += totals.evicted;
    sum.parked += totals.parked;
  }
  std::printf(
      "%zu seeds: %llu steps, %llu replies, %llu effects followed, %llu keys expired, "
      "%llu evicted, %llu commands parked; %zu failures\n",
      options.seeds.size(), static_cast<unsigned long long>(sum.steps),
      static_cast<unsigned long long>(sum.replies), static_cast<unsigned long long>(sum.records),
      static_cast<unsigned long long>(sum.expired),
      static_cast<unsigned long long>(sum.evicted), static_cast<unsigned long long>(sum.parked),
      failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace larder::simulation

int main(int count, char** words) {
  using namespace larder::simulation;
  Options options;
  if (!parse_options(count, words, options)) {
    std::fprintf(stderr,
                 "usage: simulation [--seed N | --seeds COUNT [--from N] | --fresh] [--repeat] "
                 "[--verbose]\n       simulation --transcripts FOLDER [--workers N] [--seed N]\n");
    return 2;
  }
  if (options.transcripts.empty()) return run_seeds(options);
  return play_transcripts(options.transcripts, options.workers, options.seeds.front(),
                          options.is_verbose);
}
