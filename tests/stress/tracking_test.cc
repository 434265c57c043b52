// Clients that cache what they read, on four workers, while others write: nobody sees a value of a
// key that it caches in another state before it was told, and what is cached in the end is true.
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr unsigned kWorkers = 4;
constexpr int kKeys = 5;
constexpr int kWriters = 3;
constexpr int kReaders = 4;
constexpr int kWrites = 3000;

std::string key(int number) {
  return "key" + std::to_string(number % kKeys);
}

// A cache in front of a connection that tracks.
class CachingClient {
 public:
  CachingClient(int port, bool broadcasts) : client_(port) {
    client_.must({"HELLO", "3"});
    Words words{"CLIENT", "TRACKING", "ON"};
    if (broadcasts) words.push_back("BCAST");
    client_.must(words);
  }

  // Asks for these keys at once. What is cached must not turn out to be another value.
  void read(const std::vector<std::string>& keys) {
    std::string out;
    for (const std::string& name : keys) out += encoded({"GET", name});
    client_.send_raw(out);
    for (const std::string& name : keys) {
      const Value value = reply();
      const auto cached = cache_.find(name);
      require(cached == cache_.end() || cached->second == value.text,
              name + " is cached as " + cached_text(name) + " but was read as " + value.text);
      cache_[name] = value.text;
    }
  }
  const std::map<std::string, std::string>& cache() const { return cache_; }
  // Everything that was on its way has come when this is answered.
  void catch_up() {
    client_.send({"PING"});
    reply();
  }
  int64_t invalidations() const { return invalidations_; }

 private:
  Value reply() {
    for (;;) {
      Value value = client_.receive();
      if (value.type != '>') return value;
      require(value.elements.at(0).text == "invalidate", "an unexpected push");
      ++invalidations_;
      if (value.elements.at(1).is_null()) cache_.clear();
      for (const Value& name : value.elements.at(1).elements) cache_.erase(name.text);
    }
  }
  std::string cached_text(const std::string& name) const {
    const auto place = cache_.find(name);
    return place == cache_.end() ? "nothing" : place->second;
  }

  Client client_;
  std::map<std::string, std::string> cache_;
  int64_t invalidations_ = 0;
};

void write(int port, int name) {
  Client client(port);
  for (int i = 0; i < kWrites; ++i) {
    const std::string value = std::to_string(name) + ":" + std::to_string(i);
    switch (i % 40) {
      case 10:
        client.must({"DEL", key(i)});
        break;
      case 20:
        client.pipeline({{"MULTI"}, {"SET", key(i), value}, {"SET", key(i + 1), value}, {"EXEC"}});
        break;
      case 30:
        if (i % 400 == 30) client.must({"FLUSHALL"});
        break;
      default:
        client.must({"SET", key(i), value});
    }
  }
}

void check(bool broadcasts, const std::string& most_keys) {
  RunningServer server(kWorkers);
  Client(server.port()).must({"CONFIG", "SET", "tracking-table-max-keys", most_keys});
  std::atomic<int> busy{kWriters};
  std::vector<CachingClient> readers;
  for (int i = 0; i < kReaders; ++i) readers.emplace_back(server.port(), broadcasts);
  std::vector<std::function<void()>> bodies;
  for (int name = 0; name < kWriters; ++name) {
    bodies.push_back([&, name] {
      const Busy done(busy);
      write(server.port(), name);
    });
  }
  for (CachingClient& reader : readers) {
    bodies.push_back([&] {
      for (int i = 0; busy > 0; ++i) {
        reader.read({key(i), key(i + 1), key(i)});
      }
    });
  }
  run_threads(bodies);

  Client client(server.port());
  for (CachingClient& reader : readers) {
    reader.catch_up();
    CHECK(reader.invalidations() > 0);
    for (const auto& [name, value] : reader.cache()) {
      CHECK(client.must({"GET", name}).text == value);
    }
  }
}

}  // namespace

TEST_CASE("nobody sees a cached key in a new state before it is told, and no cache stays stale") {
  SECTION("by the keys that were read") {
    check(/*broadcasts=*/false, "1000000");
  }
  SECTION("by broadcasting") {
    check(/*broadcasts=*/true, "1000000");
  }
  SECTION("when the table is too small") {
    check(/*broadcasts=*/false, "3");
  }
}

}  // namespace larder::stress
