// Elements of lists between clients that push and clients that wait, on several workers, while some
// who wait go away or are sent away: every element is popped by one client, once.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr int kLists = 5;
constexpr int kPushers = 3;
constexpr int kElements = 1500;  // of each pusher
constexpr size_t kAll = size_t{kPushers} * kElements;

std::string list(uint64_t number) {
  return "list:" + std::to_string(number % kLists);
}

// What a waiting command was answered, or "".
std::string element_of(const Value& value) {
  if (value.is_null()) return {};
  if (value.type == '$') return value.text;
  require(value.type == '*' && value.elements.size() == 2, "a pop answered " + value.text);
  const Value& popped = value.elements[1];
  return popped.type == '*' ? popped.elements.at(0).text : popped.text;
}

void push(int port, int number) {
  Client client(port);
  std::mt19937 random(static_cast<unsigned>(number));
  for (int done = 0; done < kElements; ++done) {
    const std::string element = std::to_string(number) + "/" + std::to_string(done);
    switch (random() % 3) {
      case 0:
        client.must({"RPUSH", list(random()), element});
        break;
      case 1:
        client.must({"LPUSH", list(random()), element});
        break;
      default:
        // Served when the transaction is over.
        client.pipeline({{"MULTI"}, {"RPUSH", list(random()), element}, {"EXEC"}});
    }
  }
}

}  // namespace

TEST_CASE("every element goes to one of those who wait, and once") {
  RunningServer server(4);
  std::vector<std::vector<std::string>> popped(6);
  std::atomic<size_t> count{0};
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < kPushers; ++i) {
    bodies.emplace_back([&, i] { push(server.port(), i); });
  }
  for (size_t i = 0; i < popped.size(); ++i) {
    bodies.emplace_back([&, i] {
      Client client(server.port());
      std::mt19937 random(100 + static_cast<unsigned>(i));
      while (count < kAll) {
        Words words;
        switch (random() % 4) {
          case 0:
            words = {"BLPOP", list(random()), list(random()), "0.005"};
            break;
          case 1:
            words = {"BRPOP", list(random()), "0.002"};
            break;
          case 2:
            words = {"BLMPOP", "0.003", "2", list(random()), list(random()), "LEFT"};
            break;
          default: {
            // To where others wait, so that one push serves a chain of clients.
            const Value moved = client.must(
                {"BLMOVE", list(random()), list(random()), "LEFT", "RIGHT", "0.002"});
            static_cast<void>(moved);
            continue;
          }
        }
        const std::string element = element_of(client.must(words));
        if (element.empty()) continue;
        popped[i].push_back(element);
        ++count;
      }
    });
  }
  // Waits where nothing ever comes, and is sent away.
  bodies.emplace_back([&] {
    Client client(server.port());
    Client other(server.port());
    const std::string id = std::to_string(client.must({"CLIENT", "ID"}).number());
    while (count < kAll) {
      client.send({"BLPOP", "nothing", "0"});
      while (other.must({"CLIENT", "UNBLOCK", id}).number() == 0) {
      }
      require(client.receive().is_null(), "unblocked as if its time were over");
    }
  });
  // Comes, waits and goes without a word, where nothing is lost by that.
  bodies.emplace_back([&] {
    while (count < kAll) {
      Client client(server.port());
      client.send({"BLPOP", "nothing", "also nothing", "0"});
      client.reset();
    }
  });
  run_threads(bodies);

  std::set<std::string> different;
  for (const auto& elements : popped) different.insert(elements.begin(), elements.end());
  CHECK(count == kAll);
  CHECK(different.size() == kAll);
  Client client(server.port());
  for (unsigned i = 0; i < kLists; ++i) CHECK(client.must({"EXISTS", list(i)}).number() == 0);
}

}  // namespace larder::stress
