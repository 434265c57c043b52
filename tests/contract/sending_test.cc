// Sending: every byte once, in order, from any number of pieces, to readers of any speed.
#include <vector>

#include "tests/contract/support.h"

namespace larder::contract {
namespace {

TEST_CASE("an answer arrives") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string answer = "+PONG\r\n";
    recorder.send(*client.record, {answer});
    REQUIRE(read_exactly(recorder, *client.peer, answer.size()) == answer);
    recorder.turn_until([&] { return !client.record->sending; });
    REQUIRE(client.record->sent_bytes == answer.size());
    REQUIRE(client.record->sent_events == 1);
  });
}

TEST_CASE("echo works in both directions at once") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(2 << 20);
    std::string_view rest = bytes;
    size_t echoed = 0;
    std::string read;
    recorder.turn_until([&] {
      rest.remove_prefix(client.peer->write(rest.substr(0, 50'000)));
      read += client.peer->read(1 << 20).bytes;
      Record& record = *client.record;
      if (!record.sending && record.received.size() > echoed) {
        record.output.clear();
        recorder.stream(record, record.received.substr(echoed));
        echoed = record.received.size();
      }
      return read.size() == bytes.size();
    });
    REQUIRE((read == bytes));
  });
}

TEST_CASE("large sends to a slow reader arrive whole") {
  const size_t size = GENERATE(size_t{1} << 20, size_t{20} << 20);
  in_every_world([size](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(size);
    recorder.stream(*client.record, bytes);
    settle(recorder);  // the network is full now, or has taken everything
    std::string read;
    size_t portion = 1;
    recorder.turn_until([&] {
      read += client.peer->read(portion).bytes;
      portion = std::min<size_t>(portion * 2, 1 << 20);
      return read.size() == size;
    });
    REQUIRE((read == bytes));
    recorder.turn_until([&] { return client.record->sent_bytes == size; });
    REQUIRE(client.record->sent_error == 0);
    require_idle(world, recorder);
  });
}

TEST_CASE("a slow reader does not hold up the others") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair slow = connect(world, recorder);
    Pair quick = connect(world, recorder);
    const std::string bytes = distinct_bytes(20 << 20);
    recorder.stream(*slow.record, bytes);
    settle(recorder);
    for (int round = 0; round < 20; ++round) {
      const std::string answer = "answer " + std::to_string(round);
      recorder.send(*quick.record, {answer});
      REQUIRE(read_exactly(recorder, *quick.peer, answer.size()) == answer);
      recorder.turn_until([&] { return !quick.record->sending; });
    }
    REQUIRE((read_exactly(recorder, *slow.peer, bytes.size()) == bytes));
  });
}

TEST_CASE("a send of many pieces arrives in their order") {
  // More than the kernel takes at once, so that the send is short and the rest follows.
  const size_t count = GENERATE(size_t{2}, size_t{16}, size_t{1024}, size_t{3000});
  in_every_world([count](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(count * 40);
    std::vector<std::string_view> pieces;
    for (size_t index = 0; index < count; ++index) {
      // 20 and 60 bytes in turn.
      const size_t begin = index / 2 * 80 + index % 2 * 20;
      pieces.push_back(std::string_view(bytes).substr(begin, index % 2 == 0 ? 20 : 60));
    }
    Record& record = *client.record;
    std::string read;
    recorder.turn_until([&] {
      if (!record.sending && record.sent_bytes < bytes.size()) {
        size_t skip = record.sent_bytes;
        std::vector<std::string_view> rest;
        for (std::string_view piece : pieces) {
          const size_t dropped = std::min(skip, piece.size());
          skip -= dropped;
          piece.remove_prefix(dropped);
          if (!piece.empty()) rest.push_back(piece);
        }
        recorder.send(record, rest);
      }
      read += client.peer->read(1 << 20).bytes;
      return read.size() == bytes.size();
    });
    REQUIRE((read == bytes));
  });
}

TEST_CASE("the list of pieces is free after the turn, even if the send is not over") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    Pair other = connect(world, recorder);
    const std::string bytes = distinct_bytes(20 << 20);
    const std::string_view view = bytes;
    recorder.send(*client.record, {view.substr(0, 10 << 20), view.substr(10 << 20)});
    recorder.turn(0);
    // The same places in the list now name other bytes.
    const std::string answer = "unrelated";
    recorder.send(*other.record,
                  {std::string_view(answer).substr(0, 3), std::string_view(answer).substr(3)});
    REQUIRE(read_exactly(recorder, *other.peer, answer.size()) == answer);
    std::string read;
    Record& record = *client.record;
    recorder.turn_until([&] {
      if (!record.sending && record.sent_bytes < bytes.size()) {
        recorder.send(record, {view.substr(record.sent_bytes)});
      }
      read += client.peer->read(1 << 20).bytes;
      return read.size() == bytes.size();
    });
    REQUIRE((read == bytes));
  });
}

TEST_CASE("sending goes on after the client finished its own half") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    client.peer->finish();
    recorder.turn_until([&] { return client.record->ended; });
    const std::string answer = "the answer to your last request";
    recorder.send(*client.record, {answer});
    REQUIRE(read_exactly(recorder, *client.peer, answer.size()) == answer);
    recorder.turn_until([&] { return !client.record->sending; });
    recorder.close(*client.record);
    REQUIRE(read_to_end(recorder, *client.peer).empty());
  });
}

TEST_CASE("a send to a client that is gone ends with an error") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(20 << 20);
    recorder.send(*client.record, {bytes});
    settle(recorder);
    client.peer->reset();
    Record& record = *client.record;
    recorder.turn_until([&] {
      if (!record.sending && record.sent_error == 0) recorder.send(record, {bytes});
      return record.sent_error != 0;
    });
    recorder.close(record);
    recorder.turn_until([&] { return record.closed; });
  });
}

TEST_CASE("close ends a send in flight and answers it first") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string bytes = distinct_bytes(40 << 20);
    recorder.stream(*client.record, bytes);
    settle(recorder);
    REQUIRE(client.record->sending);  // nobody reads, and that much does not fit into the network
    recorder.close(*client.record);
    recorder.turn_until([&] { return client.record->closed; });
    const std::string read = read_to_end(recorder, *client.peer);
    REQUIRE(read.size() >= client.record->sent_bytes);
    REQUIRE(read.size() < bytes.size());
    REQUIRE((read == std::string_view(bytes).substr(0, read.size())));
  });
}

TEST_CASE("a send and a close in one turn: sent, then closed") {
  in_every_world([](World& world, Recorder& recorder) {
    Pair client = connect(world, recorder);
    const std::string answer = "bye";
    recorder.send(*client.record, {answer});
    recorder.close(*client.record);
    recorder.turn_until([&] { return client.record->closed; });
    REQUIRE(client.record->sent_events == 1);
    const std::string read = read_to_end(recorder, *client.peer);
    REQUIRE(read.size() == client.record->sent_bytes);
  });
}

}  // namespace
}  // namespace larder::contract
