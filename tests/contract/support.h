// What every contract test begins with.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "tests/contract/recorder.h"
#include "tests/contract/world.h"

namespace larder::contract {

// Runs `body(world, recorder)` in every world, each in a section of its own.
template <typename Body>
void in_every_world(const WorldOptions& options, const Body& body) {
  REQUIRE_FALSE(worlds().empty());
  for (const WorldFactory& factory : worlds()) {
    DYNAMIC_SECTION(factory.name) {
      std::string why_not;
      const std::unique_ptr<World> world = factory.make(options, why_not);
      INFO(why_not);
      REQUIRE(world != nullptr);
      Recorder recorder(world->driver());
      body(*world, recorder);
    }
  }
}

template <typename Body>
void in_every_world(const Body& body) {
  in_every_world(WorldOptions{}, body);
}

// A client and the server's record of it.
struct Pair {
  std::unique_ptr<Peer> peer;
  Record* record;
};

inline Pair connect(World& world, Recorder& recorder) {
  std::unique_ptr<Peer> peer = world.connect();
  REQUIRE(peer != nullptr);
  return {std::move(peer), &recorder.accept_one()};
}

// Turns until the client has read `size` bytes; returns them.
inline std::string read_exactly(Recorder& recorder, Peer& peer, size_t size) {
  std::string bytes;
  recorder.turn_until([&] {
    PeerRead read = peer.read(size - bytes.size());
    bytes += read.bytes;
    REQUIRE((!read.ended || bytes.size() == size));
    return bytes.size() == size;
  });
  return bytes;
}

// Turns until the client sees the end; returns what it read before.
inline std::string read_to_end(Recorder& recorder, Peer& peer) {
  std::string bytes;
  bool ended = false;
  recorder.turn_until([&] {
    // Everything there is, so that the end of a long stream is not one turn per piece away.
    for (bool more = true; more && !ended;) {
      PeerRead read = peer.read(1 << 20);
      bytes += read.bytes;
      ended = read.ended;
      more = !read.bytes.empty();
    }
    return ended;
  });
  return bytes;
}

// Turns until the client has written everything.
inline void write_all(Recorder& recorder, Peer& peer, std::string_view bytes) {
  recorder.turn_until([&] {
    bytes.remove_prefix(peer.write(bytes));
    return bytes.empty();
  });
}

// Turns until three in a row brought nothing. What the network still holds may come later.
inline void settle(Recorder& recorder) {
  for (int quiet = 0; quiet < 3;) {
    recorder.turn(2'000'000);
    quiet = recorder.events().empty() ? quiet + 1 : 0;
  }
}

// Fails if the driver is busy although nothing happens: its waits would end at once and the clock
// stand still. A wait may well last longer than asked for.
inline void require_idle(World& world, Recorder& recorder) {
  settle(recorder);
  constexpr int kTurns = 50;
  constexpr int64_t kTurnNs = 1'000'000;
  const int64_t start_ns = world.driver().now().monotonic_ns;
  for (int turn = 0; turn < kTurns; ++turn) {
    recorder.turn(kTurnNs);
    REQUIRE(recorder.events().empty());
  }
  REQUIRE(world.driver().now().monotonic_ns - start_ns > kTurns * kTurnNs / 2);
}

}  // namespace larder::contract
