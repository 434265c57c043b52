// Plays every transcript of a folder in simulated servers, a fresh one for each file, with pieces
// of random sizes in both directions.
#pragma once

#include <cstdint>
#include <string>

namespace larder::simulation {

// Returns an exit status: 0 all matched, 1 something differed, 2 the folder is unusable.
int play_transcripts(const std::string& folder, unsigned workers, uint64_t seed, bool is_verbose);

}  // namespace larder::simulation
