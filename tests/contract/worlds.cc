#include <cstdio>

#include "tests/contract/kernel_world.h"
#include "tests/contract/world.h"
#include "tests/simulation/contract_world.h"

namespace larder::contract {

namespace {

// Every driver there is: one line each.
constexpr WorldFactory kFactories[] = {
    {"uring", make_uring_world},
    {"epoll", make_epoll_world},
    {"simulation", simulation::make_simulated_world},
};

}  // namespace

const std::vector<WorldFactory>& worlds() {
  static const std::vector<WorldFactory> existing = [] {
    std::vector<WorldFactory> found;
    for (const WorldFactory& factory : kFactories) {
      std::string why_not;
      if (factory.make(WorldOptions{}, why_not) != nullptr) {
        found.push_back(factory);
      } else {
        std::fprintf(stderr, "contract: no driver %s: %s\n", factory.name, why_not.c_str());
      }
    }
    return found;
  }();
  return existing;
}

}  // namespace larder::contract
