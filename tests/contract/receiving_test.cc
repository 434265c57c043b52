// Receiving: every byte once, in order, then the end; however many there are and however often the
// worker pauses. Every rule about memory is checked by Recorder in each of these.
#include <vector>

#include "tests/contract/support.h"

namespace larder::contract {
namespace {

TEST_CASE("bytes arrive as they were written, whatever their division") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(1000);
    size_t written = 0;
    for (size_t size = 1; written < bytes.size(); ++size) {
      const std::string_view piece = std::string_view(bytes).substr(written, size);
      REQUIRE(client.peer->write(piece) == piece.size());
      written += piece.size();
      recorder.turn_until([&] { return client.record->received.size() == written; });
    }
    REQUIRE(client.record->received == bytes);
    REQUIRE_FALSE(client.record->ended);
  });
}

TEST_CASE("bytes written before the connection is adopted arrive") {
  in_every_world([](World& world, Recorder& recorder) {
    const std::unique_ptr<Peer> peer = world.connect();
    REQUIRE(peer != nullptr);
    REQUIRE(peer->write("early") == 5);
    peer->finish();
    const Record& record = recorder.accept_one();
    recorder.turn_until([&] { return record.ended; });
    REQUIRE(record.received == "early");
    REQUIRE(record.end_result == 0);
  });
}

TEST_CASE("a long stream arrives whole") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(20 << 20);
    write_all(recorder, *client.peer, bytes);
    client.peer->finish();
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE((client.record->received == bytes));
    REQUIRE(client.record->end_result == 0);
  });
}

TEST_CASE("a client that closes is reported once, after its bytes") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    REQUIRE(client.peer->write("last words") == 10);
    client.peer->close();
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE(client.record->received == "last words");
    REQUIRE(client.record->end_result == 0);
    require_idle(world, recorder);  // nothing follows
    recorder.close(*client.record);
    recorder.turn_until([&] { return client.record->closed; });
  });
}

TEST_CASE("a client that resets is reported as an error") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    client.peer->reset();
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE(client.record->end_result < 0);
    settle(recorder);
    recorder.close(*client.record);
    recorder.turn_until([&] { return client.record->closed; });
  });
}

TEST_CASE("a paused connection brings nothing and loses nothing") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    recorder.pause(*client.record);
    settle(recorder);
    const std::string bytes = distinct_bytes(64 << 20);
    size_t written = 0;
    // The network fills up, because nobody takes anything out of it.
    recorder.turn_until([&] {
      const size_t taken = client.peer->write(std::string_view(bytes).substr(written));
      written += taken;
      return taken == 0;
    });
    settle(recorder);
    REQUIRE(client.record->received.empty());
    recorder.resume(*client.record);
    recorder.turn_until([&] { return client.record->received.size() == written; });
    REQUIRE((client.record->received == std::string_view(bytes).substr(0, written)));
  });
}

TEST_CASE("the end of a paused connection comes after resume") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    recorder.pause(*client.record);
    settle(recorder);
    REQUIRE(client.peer->write("before the end") == 14);
    client.peer->finish();
    settle(recorder);
    REQUIRE_FALSE(client.record->ended);
    recorder.resume(*client.record);
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE(client.record->received == "before the end");
    REQUIRE(client.record->end_result == 0);
  });
}

TEST_CASE("a reset right behind the last bytes is noticed, by a worker that does not answer, too") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    REQUIRE(client.peer->write("first") == 5);
    recorder.turn_until([&] { return client.record->received == "first"; });
    // Both have come before the driver looks again.
    REQUIRE(client.peer->write("last") == 4);
    client.peer->reset();
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE(client.record->end_result < 0);
  });
}

TEST_CASE("a reset of a paused connection does not keep the driver busy") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    recorder.pause(*client.record);
    settle(recorder);
    client.peer->reset();
    require_idle(world, recorder);
    recorder.close(*client.record);
    recorder.turn_until([&] { return client.record->closed; });
  });
}

TEST_CASE("pausing and resuming in quick succession loses nothing") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(4 << 20);
    std::string_view rest = bytes;
    int turns = 0;
    recorder.turn_until([&] {
      rest.remove_prefix(client.peer->write(rest));
      ++turns;
      // Every order within one list of ops and across turns.
      if (turns % 2 == 0) recorder.pause(*client.record);
      if (turns % 3 == 0) recorder.resume(*client.record);
      if (turns % 5 == 0) recorder.pause(*client.record);
      if (turns % 7 != 0) recorder.resume(*client.record);
      return rest.empty();
    });
    client.peer->finish();
    recorder.resume(*client.record);
    recorder.turn_until([&] { return client.record->ended; });
    REQUIRE((client.record->received == bytes));
  });
}

TEST_CASE("many connections with more bytes than there are buffers all get through") {
  WorldOptions few_buffers;
  few_buffers.receive_buffer_count = 4;
  few_buffers.receive_buffer_bytes = 1024;
  in_every_world(few_buffers, [](World& world, Recorder& recorder) {
    constexpr size_t kClients = 60;
    constexpr size_t kBytesEach = 100'000;
    std::vector<Pair> clients;
    std::vector<std::string> bytes;
    std::vector<size_t> written(kClients, 0);
    for (size_t index = 0; index < kClients; ++index) {
      clients.push_back(connect(world, recorder));
      bytes.push_back(distinct_bytes(kBytesEach, index + 1));
    }
    recorder.turn_until([&] {
      bool all = true;
      for (size_t index = 0; index < kClients; ++index) {
        const std::string_view rest = std::string_view(bytes[index]).substr(written[index]);
        written[index] += clients[index].peer->write(rest);
        if (written[index] == kBytesEach) clients[index].peer->finish();
        all = all && clients[index].record->ended;
      }
      return all;
    });
    for (size_t index = 0; index < kClients; ++index) {
      REQUIRE((clients[index].record->received == bytes[index]));
    }
  });
}

TEST_CASE("connections may be paused and closed while they wait for a buffer") {
  WorldOptions few_buffers;
  few_buffers.receive_buffer_count = 2;
  few_buffers.receive_buffer_bytes = 512;
  in_every_world(few_buffers, [](World& world, Recorder& recorder) {
    constexpr size_t kClients = 30;
    const std::string bytes = distinct_bytes(30'000);
    std::vector<Pair> clients;
    for (size_t index = 0; index < kClients; ++index) clients.push_back(connect(world, recorder));
    for (Pair& client : clients) REQUIRE(client.peer->write(bytes) == bytes.size());
    recorder.turn(0);
    for (size_t index = 0; index < kClients; index += 3) {
      recorder.pause(*clients[index].record);
      recorder.close(*clients[index + 1].record);
    }
    recorder.turn(0);
    for (size_t index = 0; index < kClients; index += 3) recorder.resume(*clients[index].record);
    recorder.turn_until([&] {
      for (size_t index = 0; index < kClients; ++index) {
        const Record& record = *clients[index].record;
        if (index % 3 == 1 ? !record.closed : record.received.size() < bytes.size()) return false;
      }
      return true;
    });
    for (size_t index = 0; index < kClients; ++index) {
      if (index % 3 != 1) REQUIRE((clients[index].record->received == bytes));
    }
  });
}

}  // namespace
}  // namespace larder::contract
