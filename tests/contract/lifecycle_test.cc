// Accepting, closing, slots and their generations, waking and waiting.
#include <string>
#include <vector>

#include "tests/contract/support.h"

namespace larder::contract {
namespace {

using server::Op;
using server::OpKind;

TEST_CASE("an accepted connection has a peer address of its own") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair one = connect(world, recorder);
    Pair two = connect(world, recorder);
    REQUIRE_FALSE(one.record->peer_address.empty());
    REQUIRE(one.record->peer_address != two.record->peer_address);
  });
}

TEST_CASE("a closed connection ends at the client") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    recorder.close(*client.record);
    REQUIRE(read_to_end(recorder, *client.peer).empty());
    recorder.turn_until([&] { return client.record->closed; });
  });
}

TEST_CASE("a connection may be closed in the turn that adopts it") {
  in_every_world([](World& world, Recorder& recorder) {
    const std::unique_ptr<Peer> peer = world.connect();
    REQUIRE(peer != nullptr);
    REQUIRE(peer->write("unread") == 6);
    Record& record = recorder.accept_one();
    recorder.close(record);
    recorder.turn_until([&] { return record.closed; });
    REQUIRE(record.received.empty());
    REQUIRE(read_to_end(recorder, *peer).empty());
  });
}

TEST_CASE("a connection may be closed while its bytes arrive") {
  in_every_world([](World& world, Recorder& recorder) {
    for (int round = 0; round < 20; ++round) {
      Pair client = connect(world, recorder);
      const std::string bytes = distinct_bytes(1 << 20);
      client.peer->write(bytes);
      recorder.turn(0);
      recorder.close(*client.record);
      client.peer->write(bytes);
      recorder.turn_until([&] { return client.record->closed; });
    }
  });
}

TEST_CASE("slots are used again, and what is meant for their former owner does nothing") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair former = connect(world, recorder);
    const server::ConnectionId former_id = former.record->id;
    recorder.close(*former.record);
    recorder.turn_until([&] { return former.record->closed; });
    Pair current = connect(world, recorder);
    REQUIRE(current.record->id.slot == former_id.slot);

    const std::string stray = "stray";
    recorder.ops().pieces.push_back({stray.data(), stray.size()});
    for (const OpKind kind : {OpKind::send, OpKind::pause_receive, OpKind::close}) {
      Op& op = recorder.ops().list.emplace_back();
      op.kind = kind;
      op.connection = former_id;
      op.piece_count = 1;
    }
    recorder.turn(0);
    REQUIRE(current.peer->write("hello") == 5);
    recorder.turn_until([&] { return current.record->received == "hello"; });
    const std::string answer = "answer";
    recorder.send(*current.record, {answer});
    REQUIRE(read_exactly(recorder, *current.peer, answer.size()) == answer);
  });
}

TEST_CASE("500 connections come and go") {
  in_every_world([](World& world, Recorder& recorder) {
    constexpr int kRounds = 10;
    constexpr size_t kClients = 50;
    for (int round = 0; round < kRounds; ++round) {
      std::vector<Pair> clients;
      for (size_t index = 0; index < kClients; ++index) clients.push_back(connect(world, recorder));
      for (size_t index = 0; index < kClients; ++index) {
        const std::string hello = std::to_string(round * 1000 + static_cast<int>(index));
        REQUIRE(clients[index].peer->write(hello) == hello.size());
        recorder.turn_until([&] { return clients[index].record->received == hello; });
        recorder.send(*clients[index].record, {clients[index].record->received});
        REQUIRE(read_exactly(recorder, *clients[index].peer, hello.size()) == hello);
        recorder.turn_until([&] { return !clients[index].record->sending; });
      }
      for (size_t index = 0; index < kClients; ++index) {
        Record& record = *clients[index].record;
        if (index % 3 == 0) clients[index].peer->close();
        if (index % 3 == 1) clients[index].peer->reset();
        if (index % 3 != 2) recorder.turn_until([&] { return record.ended; });
        recorder.close(record);
      }
      recorder.turn_until([&] {
        for (const Pair& client : clients) {
          if (!client.record->closed) return false;
        }
        return true;
      });
    }
    REQUIRE(recorder.records().size() == kRounds * kClients);
    for (const Record& record : recorder.records()) {
      REQUIRE(record.id.slot < kClients);
      REQUIRE(record.closed);
    }
  });
}

TEST_CASE("a refused client reads the reason, then the end") {
  in_every_world([](World& world, Recorder& recorder) {
    recorder.adopt_accepted = false;
    const std::unique_ptr<Peer> peer = world.connect();
    REQUIRE(peer != nullptr);
    REQUIRE(peer->write("PING\r\n") == 6);
    recorder.turn_until([&] { return recorder.accepted.size() == 1; });
    const std::string reason = "-ERR max number of clients reached\r\n";
    recorder.ops().texts.push_back(reason);
    Op& op = recorder.ops().list.emplace_back();
    op.kind = OpKind::refuse;
    op.handle = recorder.accepted.front();
    REQUIRE(read_to_end(recorder, *peer) == reason);
  });
}

TEST_CASE("nobody can connect once listening has stopped, and the connected stay") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    recorder.ops().list.emplace_back().kind = OpKind::stop_listening;
    recorder.turn(0);
    recorder.ops().list.emplace_back().kind = OpKind::stop_listening;  // once more changes nothing
    recorder.turn(0);
    recorder.turn_until([&] { return world.connect() == nullptr; });
    REQUIRE(client.peer->write("still here") == 10);
    recorder.turn_until([&] { return client.record->received == "still here"; });
  });
}

TEST_CASE("a wake before the wait ends it") {
  in_every_world([](World& world, Recorder& recorder) {
    world.driver().wake();
    recorder.turn(-1);  // would never return otherwise
    world.driver().wake();
    world.driver().wake();
    recorder.turn(-1);
    REQUIRE(recorder.events().empty());
  });
}

TEST_CASE("a wait ends at its limit, and no wait is no wait") {
  in_every_world([](World& world, Recorder& recorder) {
    recorder.turn(0);
    const int64_t start_ns = world.driver().now().monotonic_ns;
    constexpr int64_t kLimitNs = 20'000'000;
    recorder.turn_until([&] { return world.driver().now().monotonic_ns >= start_ns + kLimitNs; });
    REQUIRE(recorder.events().empty());
  });
}

TEST_CASE("the clocks go forward and the wall clock is in microseconds of this era") {
  in_every_world([](World& world, Recorder& recorder) {
    const server::Now before = world.driver().now();
    recorder.turn(1'000'000);
    const server::Now after = world.driver().now();
    REQUIRE(after.monotonic_ns >= before.monotonic_ns);
    REQUIRE(before.unix_us > 1'500'000'000'000'000);
    REQUIRE(before.unix_us < 4'000'000'000'000'000);
  });
}

TEST_CASE("a driver may go while connections are open and sends in flight") {
  in_every_world([](World& world, Recorder& recorder) {
    static const std::string bytes = distinct_bytes(20 << 20);
    Pair busy = connect(world, recorder);
    Pair idle = connect(world, recorder);
    recorder.send(*busy.record, {bytes});
    recorder.turn(0);
    REQUIRE_FALSE(idle.record->closed);
  });
}

}  // namespace
}  // namespace larder::contract
