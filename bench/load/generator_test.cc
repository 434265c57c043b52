// The generator against a server that answers everything: what comes due, on which connection, and
// what is counted when a run is stopped.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/generator.h"

using namespace larder::bench;

namespace {

constexpr uint32_t kConnections = 3;
constexpr uint64_t kSilenceNs = 10'000'000'000;
const KeyFormat kKeys{"k:", 8, 1000};

RequestMaker gets() {
  return {{{verb_template(Verb::get, WireProtocol::resp, kKeys, {}), 1}},
          KeyChooser({}, kKeys.key_count, 1),
          kKeys.digits(),
          1};
}

// Answers +OK to every request of kConnections connections, until their ends are closed, and
// counts them.
class AnsweringServer {
 public:
  AnsweringServer() : path_("/tmp/larder-load-test-" + std::to_string(getpid())) {
    unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(listener_, static_cast<int>(kConnections)) == 0);
    for (size_t i = 0; i < kConnections; ++i) threads_[i] = std::thread([this, i] { serve(i); });
  }
  ~AnsweringServer() {
    shutdown(listener_, SHUT_RDWR);  // ends accept(), should a test have failed before
    join();
    close(listener_);
    unlink(path_.c_str());
  }

  Endpoint endpoint() const {
    Endpoint endpoint;
    endpoint.unix_path = path_;
    return endpoint;
  }

  // Per connection, in no order. Waits until the other ends are closed.
  std::vector<size_t> requests() {
    join();
    std::vector<size_t> sorted(requests_.begin(), requests_.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

 private:
  void serve(size_t index) {
    const size_t request_bytes =
        verb_template(Verb::get, WireProtocol::resp, kKeys, {}).bytes.size();
    const int fd = accept(listener_, nullptr, nullptr);
    std::array<char, 65536> buffer;
    size_t received = 0;
    for (ssize_t count = 0; (count = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      received += static_cast<size_t>(count);
      std::string replies;
      for (; requests_[index] < received / request_bytes; ++requests_[index]) replies += "+OK\r\n";
      if (send(fd, replies.data(), replies.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
  }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  std::string path_;
  int listener_ = -1;
  std::array<size_t, kConnections> requests_{};
  std::array<std::thread, kConnections> threads_;
};

PhaseResult run_phase(const AnsweringServer& server, const PhaseSpec& spec) {
  Generator generator(server.endpoint(), WireProtocol::resp);
  std::string error;
  if (!generator.open_ring(error) || !generator.connect(kConnections, {}, 10'000, error)) {
    FAIL(error);
  }
  return generator.run(spec);
}

}  // namespace

TEST_CASE("an open loop sends each request when it is due, in bursts on one connection each") {
  AnsweringServer server;
  RequestMaker maker = gets();
  std::vector<Sample> samples;
  PhaseSpec spec;
  spec.maker = &maker;
  spec.pipeline = 8;
  spec.max_requests = 101;
  spec.requests_per_second = 10'000.0;
  spec.burst = 4;
  spec.silence_ns = kSilenceNs;
  spec.samples = &samples;
  const PhaseResult result = run_phase(server, spec);
  REQUIRE(result.failure.empty());
  REQUIRE(result.counts.replies == 101);
  REQUIRE(result.latency.count() == 101);
  // 26 bursts in turn: nine, nine and eight, and the last, of the second connection, is of one.
  REQUIRE(server.requests() == std::vector<size_t>{32, 33, 36});

  REQUIRE(samples.size() == 101);
  std::vector<uint64_t> due;
  for (const Sample& sample : samples) {
    REQUIRE(sample.due_ns <= sample.sent_ns);
    REQUIRE(sample.sent_ns <= sample.answered_ns);
    due.push_back(sample.due_ns);
  }
  std::sort(due.begin(), due.end());
  for (size_t i = 0; i < due.size(); ++i) {
    REQUIRE(due[i] - due[0] == i / 4 * 400'000);
  }
}

TEST_CASE("a single request each keeps the rate") {
  AnsweringServer server;
  RequestMaker maker = gets();
  std::vector<Sample> samples;
  PhaseSpec spec;
  spec.maker = &maker;
  spec.duration_ns = 10'000'000;
  spec.requests_per_second = 10'000.0;
  spec.silence_ns = kSilenceNs;
  spec.samples = &samples;
  const PhaseResult result = run_phase(server, spec);
  REQUIRE(result.failure.empty());
  REQUIRE(result.counts.replies == 100);
  REQUIRE(server.requests() == std::vector<size_t>{33, 33, 34});
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.due_ns < b.due_ns; });
  for (size_t i = 0; i < samples.size(); ++i) {
    REQUIRE(samples[i].due_ns - samples[0].due_ns == i * 100'000);
  }
}

TEST_CASE("a request of several commands counts when all of them are answered") {
  AnsweringServer server;
  const std::vector<std::string> words{"GET", "{key}", ";", "GET", "{key}", ";", "GET", "{key}"};
  RequestMaker maker({{resp_template(words, kKeys, {}), 1}}, KeyChooser({}, kKeys.key_count, 1),
                     kKeys.digits(), 1);
  PhaseSpec spec;
  spec.maker = &maker;
  spec.pipeline = 8;
  spec.max_requests = 100;
  spec.silence_ns = kSilenceNs;
  const PhaseResult result = run_phase(server, spec);
  REQUIRE(result.failure.empty());
  REQUIRE(result.answered == 100);
  REQUIRE(result.counts.replies == 300);
  REQUIRE(result.latency.count() == 100);
  const std::vector<size_t> commands = server.requests();
  REQUIRE(commands[0] + commands[1] + commands[2] == 300);
}

TEST_CASE("a stopped phase still counts all that was due or sent, and nothing else") {
  const volatile std::sig_atomic_t stopped = 1;
  RequestMaker maker = gets();
  PhaseSpec spec;
  spec.maker = &maker;
  spec.pipeline = 8;
  spec.silence_ns = kSilenceNs;
  spec.stop = &stopped;
  spec.duration_ns = 3'600'000'000'000;
  SECTION("open loop: one burst is due at once") {
    AnsweringServer server;
    spec.requests_per_second = 1.0;
    spec.burst = 4;
    const PhaseResult result = run_phase(server, spec);
    REQUIRE(result.failure.empty());
    REQUIRE(result.counts.replies == 4);
    REQUIRE(server.requests() == std::vector<size_t>{0, 0, 4});
  }
  SECTION("closed loop: one batch each is on its way") {
    AnsweringServer server;
    const PhaseResult result = run_phase(server, spec);
    REQUIRE(result.failure.empty());
    REQUIRE(result.counts.replies == 24);
    REQUIRE(server.requests() == std::vector<size_t>{8, 8, 8});
  }
}
