// Samples: when each request of an open loop was due, sent and answered.
//
// The difference between sent and due is the generator's own lateness (as long as its pipeline did
// not hold requests back), so whoever reads a stall can see whose it was.
//
//   file := { due sent answered }*     64-bit numbers in the machine's byte order, in ns of
//                                      CLOCK_MONOTONIC; in the order of the answers
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace larder::bench {

struct Sample {
  uint64_t due_ns = 0;
  uint64_t sent_ns = 0;
  uint64_t answered_ns = 0;
};

// Replaces the file. False and `error` when it could not be written.
[[nodiscard]] bool write_samples(const std::string& path, const std::vector<Sample>& samples,
                                 std::string& error);

}  // namespace larder::bench
