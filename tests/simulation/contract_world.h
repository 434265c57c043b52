// The simulator as one of the worlds of tests/contract: a SimDriver that listens, and clients on
// its network. Time passes only while a turn waits.
#pragma once

#include <memory>
#include <string>

#include "tests/contract/world.h"

namespace larder::simulation {

std::unique_ptr<contract::World> make_simulated_world(const contract::WorldOptions& options,
                                                      std::string& why_not);

}  // namespace larder::simulation
