#include "tests/simulation/play_transcripts.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "server/config/settings.h"
#include "tests/simulation/sim_transport.h"
#include "tests/transcripts/runner/player.h"

namespace larder::simulation {
namespace {

struct Counts {
  size_t files = 0;
  size_t scenes = 0;
  size_t replies = 0;
  size_t skips = 0;
  size_t failures = 0;
};

bool make_config(const transcripts::Transcript& transcript, server::Config& config) {
  for (const auto& [name, value] : transcript.config) {
    const std::string option = "--" + name;
    const std::string_view words[] = {option, value};
    const config::StartRequest request =
        config::apply_arguments(config, words, [](const std::string&) { return std::nullopt; });
    if (!request.error) continue;
    std::fprintf(stderr, "%s: %s\n", transcript.path.c_str(), request.error->c_str());
    return false;
  }
  return true;
}

NetworkFaults draw_faults(Random& random) {
  NetworkFaults faults;
  faults.split_receive = static_cast<unsigned>(random.below(900));
  faults.starve = static_cast<unsigned>(random.below(300));
  faults.short_send = static_cast<unsigned>(random.below(900));
  faults.delay_send = static_cast<unsigned>(random.below(300));
  return faults;
}

bool play_file(const std::string& path, unsigned workers, Random& random, bool is_verbose,
               Counts& counts) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  transcripts::Transcript transcript;
  std::string error;
  if (!file || !transcripts::parse_transcript(path, text.str(), {}, transcript, error)) {
    std::fprintf(stderr, "%s\n", file ? error.c_str() : ("cannot read " + path).c_str());
    return false;
  }
  server::Config config;
  if (!make_config(transcript, config)) return false;
  const NetworkFaults faults = draw_faults(random);
  SimServer server(config, workers, random.fork(), faults);
  SimTransport transport(server, random);
  const transcripts::Outcome outcome = transcripts::Player(transport, {}).play(transcript);
  for (const transcripts::Failure& failure : outcome.failures) {
    std::fprintf(stderr, "%s:%zu: %s: %s\n", path.c_str(), failure.line, failure.scene.c_str(),
                 failure.message.c_str());
  }
  for (const transcripts::Skip& skip : outcome.skips) {
    if (!is_verbose) break;
    std::printf("skip %s %s: %s\n", path.c_str(), skip.scene.c_str(), skip.reason.c_str());
  }
  ++counts.files;
  counts.scenes += outcome.scenes_played;
  counts.replies += outcome.replies_checked;
  counts.skips += outcome.skips.size();
  counts.failures += outcome.failures.size();
  return true;
}

}  // namespace

int play_transcripts(const std::string& folder, unsigned workers, uint64_t seed, bool is_verbose) {
  std::fprintf(stderr, "simulation seed: %llu; run again with --seed %llu\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  std::vector<std::string> files;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".transcript") files.push_back(entry.path().string());
    }
  } else {
    files.push_back(folder);
  }
  std::sort(files.begin(), files.end());
  Random random(seed);
  Counts counts;
  bool is_good = !files.empty();
  for (const std::string& path : files) {
    try {
      is_good = play_file(path, workers, random, is_verbose, counts) && is_good;
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "%s: %s\n", path.c_str(), failure.what());
      ++counts.failures;
    }
  }
  std::printf("%zu files, %zu scenes, %zu replies checked, %zu skipped, %zu failures\n",
              counts.files, counts.scenes, counts.replies, counts.skips, counts.failures);
  if (!is_good) return 2;
  return counts.failures == 0 ? 0 : 1;
}

}  // namespace larder::simulation
