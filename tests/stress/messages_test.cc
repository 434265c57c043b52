// Publishers and subscribers on four workers: every subscriber hears each message of each publisher
// once and in order, everybody the same sequence, and PUBLISH counts exactly who hears it.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr unsigned kWorkers = 4;
constexpr int kPublishers = 4;
constexpr int kSubscribers = 6;
constexpr int kMessages = 1500;  // of each publisher

// A name that is long now and then, so that some messages are copied and some are pinned.
std::string payload(int publisher, int number) {
  std::string text = std::to_string(publisher) + ":" + std::to_string(number) + ":";
  if (number % 50 == 0) text.resize(6000, 'x');
  return text;
}

// Hears everything, from before the first message to after the last; returns the sequence.
std::vector<std::string> listen(Client& client) {
  std::vector<std::string> heard;
  std::map<std::string, int> last;
  while (heard.size() < size_t{kPublishers} * kMessages) {
    const Value value = client.receive();
    require(value.elements.size() == 3 && value.elements[0].text == "message", "not a message");
    const std::string& text = value.elements[2].text;
    const size_t colon = text.find(':');
    const int number = std::stoi(text.substr(colon + 1));
    int& before = last[text.substr(0, colon)];
    require(number == before + 1, "after " + std::to_string(before) + " came " + text);
    before = number;
    heard.push_back(text.substr(0, text.find(':', colon + 1)));
  }
  return heard;
}

}  // namespace

TEST_CASE("every subscriber hears every message once, and all hear the same sequence") {
  RunningServer server(kWorkers);
  std::vector<Client> subscribers;
  for (int i = 0; i < kSubscribers; ++i) {
    subscribers.emplace_back(server.port());
    subscribers.back().must({"SUBSCRIBE", "c"});
  }
  std::vector<std::vector<std::string>> heard(kSubscribers);
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < kSubscribers; ++i) {
    bodies.push_back(
        [&, i] { heard[static_cast<size_t>(i)] = listen(subscribers[static_cast<size_t>(i)]); });
  }
  for (int name = 0; name < kPublishers; ++name) {
    bodies.push_back([&server, name] {
      Client client(server.port());
      for (int number = 1; number <= kMessages;) {
        std::vector<Words> requests;
        for (int i = 0; i < 7 && number <= kMessages; ++i, ++number) {
          requests.push_back({"PUBLISH", "c", payload(name, number)});
        }
        for (const Value& value : client.pipeline(requests)) {
          require(value.integer == kSubscribers, "reached " + std::to_string(value.integer));
        }
      }
    });
  }
  run_threads(bodies);
  for (int i = 1; i < kSubscribers; ++i) CHECK(heard[static_cast<size_t>(i)] == heard[0]);
}

TEST_CASE("PUBLISH counts exactly who hears it, while clients come and go") {
  RunningServer server(kWorkers);
  std::atomic<int> busy{kPublishers};
  std::atomic<int64_t> counted{0};
  std::atomic<int64_t> heard{0};
  std::vector<std::function<void()>> bodies;
  for (int name = 0; name < kPublishers; ++name) {
    bodies.push_back([&, name] {
      const Busy done(busy);
      Client client(server.port());
      for (int number = 0; number < kMessages; ++number) {
        counted += client.must({"PUBLISH", "c" + std::to_string(name % 2), "x"}).integer;
      }
    });
  }
  for (int i = 0; i < kSubscribers; ++i) {
    bodies.push_back([&, i] {
      Client client(server.port());
      const bool by_pattern = i % 3 == 2;
      const std::string name = by_pattern ? "c*" : "c" + std::to_string(i % 2);
      while (busy > 0) {
        client.send({by_pattern ? "PSUBSCRIBE" : "SUBSCRIBE", name});
        client.send({"PING"});
        client.send({by_pattern ? "PUNSUBSCRIBE" : "UNSUBSCRIBE", name});
        bool is_subscribed = false;
        for (bool is_over = false; !is_over;) {
          const Value value = client.receive();
          const std::string& word = value.elements.at(0).text;
          if (word == "message" || word == "pmessage") {
            require(is_subscribed, "a message without a subscription");
            ++heard;
          } else if (word == "subscribe" || word == "psubscribe") {
            is_subscribed = true;
          } else {
            is_over = word != "pong";
          }
        }
      }
    });
  }
  run_threads(bodies);
  CHECK(counted.load() == heard.load());
}

}  // namespace larder::stress
