#include "server/scripting/fiber.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

namespace larder::server {
namespace {

constexpr size_t kStackBytes = 1 << 20;

struct Story {
  Fiber* fiber;
  std::string text;
};

TEST_CASE("a fiber stops where it says so and goes on from there") {
  Fiber fiber(kStackBytes);
  Story story{&fiber, {}};
  const auto tell = [](void* argument) {
    auto& it = *static_cast<Story*>(argument);
    const std::string kept(1000, 'k');  // what is on the stack stays there
    it.text += "a";
    it.fiber->suspend();
    it.text += "b";
    it.fiber->suspend();
    it.text += kept == std::string(1000, 'k') ? "c" : "?";
  };
  CHECK_FALSE(fiber.is_running());
  CHECK_FALSE(fiber.start(tell, &story));
  story.text += "1";
  CHECK(fiber.is_running());
  CHECK_FALSE(fiber.resume());
  story.text += "2";
  CHECK(fiber.resume());
  CHECK_FALSE(fiber.is_running());
  CHECK(story.text == "a1b2c");

  CHECK_FALSE(fiber.start(tell, &story));
  CHECK_FALSE(fiber.resume());
  CHECK(fiber.resume());
  CHECK(story.text == "a1b2cabc");
}

int depth_of(Fiber& fiber, int depth) {
  volatile char frame[512];
  frame[0] = 1;
  if (depth == 0) fiber.suspend();
  return depth == 0 ? frame[0] : depth_of(fiber, depth - 1) + frame[0];
}

TEST_CASE("the stack is as deep as was asked for, and a pause may be anywhere on it") {
  struct Dive {
    Fiber* fiber;
    int result;
  };
  Fiber fiber(kStackBytes);
  Dive dive{&fiber, 0};
  const auto entry = [](void* argument) {
    auto& it = *static_cast<Dive*>(argument);
    it.result = depth_of(*it.fiber, 500);
  };
  CHECK_FALSE(fiber.start(entry, &dive));
  CHECK(fiber.resume());
  CHECK(dive.result == 501);
}

TEST_CASE("between two computations a fiber may change its thread") {
  Fiber fiber(kStackBytes);
  for (int round = 0; round < 4; ++round) {
    std::thread([&fiber, round] {
      Story story{&fiber, {}};
      const auto tell = [](void* argument) {
        auto& it = *static_cast<Story*>(argument);
        it.fiber->suspend();
        it.text = "done";
      };
      const bool ended = fiber.start(tell, &story) || !fiber.resume();
      if (ended || story.text != "done") std::abort();
      static_cast<void>(round);
    }).join();
  }
  CHECK_FALSE(fiber.is_running());
}

}  // namespace
}  // namespace larder::server
