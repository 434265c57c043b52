// Failure: what the simulator throws when the server (or a client of it) saw something that must
// not be. It ends the run; main prints it with the seed. Never thrown while a worker's step is
// running.
#pragma once

#include <stdexcept>
#include <string>

namespace larder::simulation {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `what` says what should have been.
inline void check(bool holds, const std::string& what) {
  if (!holds) throw Failure(what);
}

}  // namespace larder::simulation
