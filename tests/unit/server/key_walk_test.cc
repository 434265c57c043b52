// KEYS in parts: what others do meanwhile, and what is found nevertheless.
#include <catch2/catch.hpp>
#include <algorithm>
#include <string>

#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;

constexpr int kStaying = 6000;

std::string staying(int number) { return "stays:" + std::to_string(number); }

void fill(Actor& actor) {
  for (int i = 0; i < kStaying; ++i) actor.run({"SET", staying(i), "v"});
}

// How often a name stands in an array of texts.
size_t times(const std::string& reply, const std::string& name) {
  const std::string text = "\r\n" + name + "\r\n";
  size_t count = 0;
  for (size_t at = reply.find(text); at != std::string::npos; at = reply.find(text, at + 1)) {
    ++count;
  }
  return count;
}

void require_each_once(const std::string& reply) {
  int missing = 0;
  for (int i = 0; i < kStaying; ++i) {
    if (times(reply, staying(i)) != 1) ++missing;
  }
  CHECK(missing == 0);
}

}  // namespace

TEST_CASE("KEYS lets others go on, and finds once what was there all the time") {
  Node node(support::node_options(2, 1));
  Actor asks(node, 0, 1);
  Actor works(node, 1, 2);
  fill(works);
  // Tables shrink and grow while they are walked through.
  const bool shrinks = GENERATE(true, false);
  constexpr int kOthers = 60'000;
  if (shrinks) {
    for (int i = 0; i < kOthers; ++i) works.run({"SET", "goes:" + std::to_string(i), "v"});
  }
  int parts = 1;
  int next = 0;
  while (asks.try_run({"KEYS", "stays:*"}) != Outcome::done) {
    ++parts;
    for (const int end = std::min(next + 4000, kOthers); next < end; ++next) {
      const std::string key = "goes:" + std::to_string(next);
      if (shrinks) {
        REQUIRE(works.try_run({"DEL", key}) == Outcome::done);
      } else {
        REQUIRE(works.try_run({"SET", key, "v"}) == Outcome::done);
      }
    }
  }
  CHECK(parts > 5);
  CHECK(asks.reply().starts_with("*6000\r\n"));
  require_each_once(asks.reply());
}

TEST_CASE("KEYS of a transaction is of one instant") {
  Node node(support::node_options(1, 1));
  Actor actor(node, 0, 1);
  fill(actor);
  actor.run({"MULTI"});
  actor.run({"KEYS", "*"});
  REQUIRE(actor.try_run({"EXEC"}) == Outcome::done);
  CHECK(actor.reply().starts_with("*1\r\n*6000\r\n"));
  require_each_once(actor.reply());
}

TEST_CASE("a KEYS that is refused on its way begins anew the next time") {
  Node node(support::node_options(1, 1));
  Actor actor(node, 0, 1);
  fill(actor);
  REQUIRE(actor.try_run({"KEYS", "*"}) == Outcome::parked);
  actor.session().authenticated = false;
  REQUIRE(actor.run({"KEYS", "*"}).starts_with("-NOAUTH"));
  actor.session().authenticated = true;
  CHECK(actor.run({"KEYS", "stays:5999"}) == "*1\r\n$10\r\nstays:5999\r\n");
}

}  // namespace larder::server
