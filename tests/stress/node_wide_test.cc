// Commands about the whole node from several workers at once, under a load of data commands, with
// clients that are killed, paused, or leave while workers are still doing their part for them.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr unsigned kWorkers = 4;
constexpr int kRounds = 150;

size_t lines(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += c == '\n';
  return count;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The server has closed the connection: sooner or later reading fails.
bool is_gone(Client& client) {
  try {
    client.receive();
    return false;
  } catch (const std::runtime_error&) {
    return true;
  }
}

// Sets and gets its own keys until the others are done: what it reads is what it wrote.
void load_data(int port, int name, const std::atomic<int>& busy) {
  Client client(port);
  for (int i = 0; busy > 0; ++i) {
    const std::string key = "load:" + std::to_string(name) + ":" + std::to_string(i % 100);
    const std::string value = std::to_string(i);
    const std::vector<Value> values =
        client.pipeline({{"SET", key, value}, {"GET", key}, {"PEXPIRE", key, "100000"}});
    require(values[1].text == value, key + " is " + values[1].text + ", not " + value);
  }
}

void look_around(int port) {
  Client client(port);
  client.must({"CLIENT", "SETNAME", "observer"});
  for (int round = 0; round < kRounds; ++round) {
    require(contains(client.must({"CLIENT", "LIST"}).text, " name=observer "), "I am not listed");
    require(contains(client.must({"INFO"}).text, "connected_clients:"), "INFO says too little");
    const std::vector<Value> values = client.pipeline(
        {{"MULTI"}, {"SET", "seen", "1"}, {"CLIENT", "LIST"}, {"INFO", "stats"}, {"EXEC"}});
    require(values[4].elements.size() == 3, "EXEC answered " + values[4].text);
    require(contains(values[4].elements[1].text, " name=observer "), "I am not listed in EXEC");
  }
}

void set_configuration(int port, int name) {
  Client client(port);
  for (int round = 0; round < kRounds; ++round) {
    client.must({"CONFIG", "SET", "timeout", std::to_string(10'000 * name + round)});
    require(client.must({"CONFIG", "GET", "timeout"}).elements.size() == 2, "CONFIG GET");
    if (round % 8 == 0) client.must({"CONFIG", "RESETSTAT"});
  }
}

void pause_clients(int port) {
  Client client(port);
  for (int round = 0; round < kRounds; ++round) {
    client.must({"CLIENT", "PAUSE", "100000", "WRITE"});
    client.must({"CLIENT", "UNPAUSE"});
  }
}

void kill_clients(int port) {
  Client killer(port);
  for (int round = 0; round < kRounds; ++round) {
    Client victim(port);
    const std::string id = std::to_string(victim.must({"CLIENT", "ID"}).integer);
    require(killer.must({"CLIENT", "KILL", "ID", id}).integer == 1, "nobody was killed");
    require(is_gone(victim), "a killed client lives");
    require(killer.must({"CLIENT", "KILL", "ID", id}).integer == 0, "killed twice");
  }
}

// Asks for what every worker must answer and does not wait for it.
void ask_and_leave(int port) {
  for (int round = 0; round < kRounds; ++round) {
    Client client(port);
    client.send({"SELECT", "1"});  // the load is in database 0
    client.send({"WATCH", "seen"});
    client.send({"CLIENT", "LIST"});
    client.send({"INFO"});
    client.send({"MULTI"});
    client.send({"CLIENT", "LIST"});
    client.send({"CONFIG", "SET", "timeout", "50000"});
    client.send({"EXEC"});
    client.send({"FLUSHDB"});
    if (round % 2 == 0) client.reset();
  }
}

}  // namespace

TEST_CASE("node-wide commands from all sides, and clients that leave meanwhile") {
  RunningServer server(kWorkers);
  const int port = server.port();
  std::atomic<int> busy{7};
  const auto counted = [&busy](std::function<void()> body) {
    return [&busy, body = std::move(body)] {
      const Busy one(busy);
      body();
    };
  };
  std::vector<std::function<void()>> bodies;
  bodies.emplace_back(counted([port] { look_around(port); }));
  bodies.emplace_back(counted([port] { look_around(port); }));
  bodies.emplace_back(counted([port] { set_configuration(port, 1); }));
  bodies.emplace_back(counted([port] { set_configuration(port, 2); }));
  bodies.emplace_back(counted([port] { pause_clients(port); }));
  bodies.emplace_back(counted([port] { pause_clients(port); }));
  bodies.emplace_back(counted([port] { kill_clients(port); }));
  bodies.emplace_back([port] { ask_and_leave(port); });
  bodies.emplace_back([&] { load_data(port, 1, busy); });
  bodies.emplace_back([&] { load_data(port, 2, busy); });
  run_threads(bodies);

  // As many connections as it takes to sit on every worker: all say the same, and nobody is paused,
  // for each pause was followed by its end.
  std::vector<Client> clients;
  for (unsigned i = 0; i < 2 * kWorkers; ++i) clients.emplace_back(port);
  const std::string timeout = clients[0].must({"CONFIG", "GET", "timeout"}).elements[1].text;
  for (Client& client : clients) {
    CHECK(client.must({"CONFIG", "GET", "timeout"}).elements[1].text == timeout);
    CHECK(client.must({"SET", "after", "all"}).text == "OK");
  }
  clients[0].must({"CLIENT", "PAUSE", "2", "ALL"});
  for (Client& client : clients) CHECK(client.must({"PING"}).text == "PONG");
  // Who has left is forgotten, however it left.
  size_t listed = 0;
  for (int tries = 0; tries < 20'000 && listed != clients.size(); ++tries) {
    listed = lines(clients[0].must({"CLIENT", "LIST"}).text);
  }
  CHECK(listed == clients.size());
}

}  // namespace larder::stress
