// Prefetching takes no lock: a dispatcher looks ahead at keys while other threads grow, shrink and
// empty the very tables. What this proves it proves under the sanitizers.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/stress/support/threads.h"
#include "tests/support/actor.h"

namespace larder::stress {

using support::Actor;

TEST_CASE("requests are prefetched while the tables grow and go") {
  constexpr int kKeys = 6000;
  server::Node node(support::node_options(3, 5));
  std::atomic<int> busy{1};
  std::atomic<uint64_t> looked{0};
  std::vector<std::function<void()>> bodies;
  bodies.emplace_back([&] {
    const Busy one(busy);
    Actor writer(node, 0, 1);
    const std::string value(100, 'v');
    for (int round = 0; round < 5; ++round) {
      const uint64_t before = looked;
      for (int i = 0; i < kKeys; ++i) writer.run({"SET", std::to_string(i), value});
      // The others have looked while it grew, whatever the scheduler thinks.
      while (looked == before) std::this_thread::yield();
      if (round % 2 == 0) {
        writer.run({"FLUSHALL"});
        while (writer.dispatcher().environment().garbage) writer.turn();
      } else {
        for (int i = 0; i < kKeys; ++i) writer.run({"DEL", std::to_string(i)});
      }
    }
  });
  for (unsigned thread = 1; thread < 3; ++thread) {
    bodies.emplace_back([&, thread] {
      Actor reader(node, thread, thread);
      for (int i = 0; busy > 0; i = (i + 16) % kKeys) {
        std::string keys[16];
        std::string_view arguments[16][2];
        server::Request requests[16];
        for (int k = 0; k < 16; ++k) {
          keys[k] = std::to_string((i + k) % kKeys);
          arguments[k][0] = "GET";
          arguments[k][1] = keys[k];
          requests[k].arguments = arguments[k];
          reader.dispatcher().prepare(requests[k], 0);
        }
        for (server::Request& request : requests) {
          reader.dispatcher().prefetch_region(request, 0);
          reader.dispatcher().prefetch_entry(request, 0);
        }
        looked.fetch_add(1);
      }
    });
  }
  run_threads(bodies);
  Actor last(node, 0, 9);
  CHECK(last.run({"DBSIZE"}) == ":0\r\n");
}

}  // namespace larder::stress
