// What only real drivers do: threads, files, and running out of descriptors.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <thread>

#include "server/driver/replace_file.h"
#include "tests/contract/kernel_world.h"
#include "tests/contract/scratch_folder.h"
#include "tests/contract/support.h"

namespace larder::contract {
namespace {

using server::Driver;
using server::Event;
using server::Op;
using server::OpKind;
using server::Ops;

std::unique_ptr<Driver> make_driver(const KernelDriver& kernel_driver,
                                    const std::vector<Driver*>* peers) {
  server::DriverOptions options;
  options.peers = peers;
  std::string why_not;
  std::unique_ptr<Driver> driver = kernel_driver.make(options, why_not);
  REQUIRE(driver != nullptr);
  return driver;
}

TEST_CASE("no wake from another thread is lost") {
  for (const KernelDriver& kernel_driver : kernel_drivers()) {
    DYNAMIC_SECTION(kernel_driver.name) {
      const std::unique_ptr<Driver> driver = make_driver(kernel_driver, nullptr);
      constexpr int kRounds = 20'000;
      std::atomic<int> asked{0};
      std::atomic<int> seen{0};
      // The waiting thread has no limit: one lost wake would end the test by its time limit.
      std::thread waiting([&] {
        Ops ops;
        std::vector<Event> events;
        while (seen.load() < kRounds) {
          driver->turn(ops, -1, events);
          seen.store(asked.load());
        }
      });
      for (int round = 1; round <= kRounds; ++round) {
        asked.store(round);
        driver->wake();
        // Every other time only after the last one was seen, so that the waiting thread sleeps.
        while (round % 2 == 0 && seen.load() < round) std::this_thread::yield();
      }
      waiting.join();
      REQUIRE(seen.load() == kRounds);
    }
  }
}

TEST_CASE("two workers wake each other and hand connections over") {
  for (const KernelDriver& kernel_driver : kernel_drivers()) {
    DYNAMIC_SECTION(kernel_driver.name) {
      std::vector<Driver*> peers;
      const std::unique_ptr<Driver> one = make_driver(kernel_driver, &peers);
      const std::unique_ptr<Driver> two = make_driver(kernel_driver, &peers);
      peers = {one.get(), two.get()};
      constexpr int kRounds = 2000;
      std::atomic<int> ball{0};  // even: one's turn, odd: two's
      const auto play = [&ball](Driver& mine, uint32_t other, int parity) {
        Ops ops;
        std::vector<Event> events;
        while (ball.load() < kRounds) {
          if (ball.load() % 2 == parity) {
            ball.fetch_add(1);
            Op& op = ops.list.emplace_back();
            op.kind = OpKind::wake;
            op.worker = other;
          }
          mine.turn(ops, ball.load() < kRounds ? -1 : 0, events);
        }
      };
      std::thread second([&] { play(*two, 0, 1); });
      play(*one, 1, 0);
      second.join();
      REQUIRE(ball.load() >= kRounds);
    }
  }
}

TEST_CASE("a socket accepted by one worker is served by another") {
  for (const KernelDriver& kernel_driver : kernel_drivers()) {
    DYNAMIC_SECTION(kernel_driver.name) {
      server::TcpListenOptions listen;
      listen.addresses = {"127.0.0.1"};
      server::Listening listening = server::listen_tcp(listen);
      REQUIRE_FALSE(listening.failure);
      server::DriverOptions options;
      options.listeners = std::move(listening.sockets);
      std::string why_not;
      const std::unique_ptr<Driver> acceptor = kernel_driver.make(options, why_not);
      REQUIRE(acceptor != nullptr);
      Recorder accepting(*acceptor);
      accepting.adopt_accepted = false;
      const auto peer = connect_ipv4(listening.port);
      REQUIRE(peer != nullptr);
      accepting.turn_until([&] { return accepting.accepted.size() == 1; });

      // Made here, owned by the thread that first turns it.
      const std::unique_ptr<Driver> driver = make_driver(kernel_driver, nullptr);
      std::string received;
      std::thread serving([&, handle = accepting.accepted.front()] {
        Ops ops;
        std::vector<Event> events;
        Op& op = ops.list.emplace_back();
        op.kind = OpKind::adopt;
        op.connection = {0, 1};
        op.handle = handle;
        for (bool ended = false; !ended;) {
          driver->turn(ops, -1, events);
          for (const Event& event : events) {
            ended = event.result <= 0;
            if (!ended) received.append(event.bytes, static_cast<size_t>(event.result));
          }
        }
      });
      REQUIRE(peer->write("handed over") == 11);
      peer->finish();
      serving.join();
      REQUIRE(received == "handed over");
    }
  }
}

// Leaves this process `spare` more descriptors for as long as it lives.
class FewFiles {
 public:
  explicit FewFiles(size_t spare) {
    getrlimit(RLIMIT_NOFILE, &before_);
    std::vector<int> handles(spare);
    for (int& handle : handles) handle = open("/dev/null", O_RDONLY | O_CLOEXEC);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(handles.back()) + 1;
    for (const int handle : handles) ::close(handle);
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewFiles() { setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_{};
};

// A server during a shortage. It has no assertions, because Catch and the sanitizers need
// descriptors themselves; the test looks at what it wrote down afterwards.
class ShortServer {
 public:
  explicit ShortServer(Driver& driver) : driver_(driver) {}

  void turn(int64_t wait_ns) {
    driver_.turn(ops_, wait_ns, events_);
    for (const Event& event : events_) {
      if (event.kind == server::EventKind::accept_failed) errors.push_back(-event.result);
      if (event.kind == server::EventKind::accepted) {
        Op& op = push(OpKind::adopt, static_cast<uint32_t>(received.size()));
        op.handle = event.handle;
        received.emplace_back();
      }
      if (event.kind == server::EventKind::received && event.result > 0) {
        received[event.connection.slot].append(event.bytes, static_cast<size_t>(event.result));
      }
    }
  }

  template <typename Condition>
  bool turn_until(const Condition& condition) {
    const int64_t end_ns = driver_.now().monotonic_ns + 30'000'000'000;
    while (!condition()) {
      if (driver_.now().monotonic_ns > end_ns) return false;
      turn(5'000'000);
    }
    return true;
  }

  void close(uint32_t slot) { push(OpKind::close, slot); }

  std::vector<int> errors;            // of accept
  std::vector<std::string> received;  // by connection

 private:
  Op& push(OpKind kind, uint32_t slot) {
    Op& op = ops_.list.emplace_back();
    op.kind = kind;
    op.connection = {slot, 1};
    return op;
  }

  Driver& driver_;
  Ops ops_;
  std::vector<Event> events_;
};

TEST_CASE("without descriptors accepting pauses, clients wait, the connected are served") {
  in_every_world([](World& world, Recorder&) {
    if (!world.has_descriptors()) return;
    constexpr size_t kClients = 6;
    constexpr size_t kSpare = 3;
    std::vector<std::unique_ptr<Peer>> peers;
    for (size_t index = 0; index < kClients; ++index) {
      peers.push_back(world.connect());
      REQUIRE(peers.back() != nullptr);
      REQUIRE(peers.back()->write("hello") == 5);
    }
    ShortServer server(world.driver());
    size_t connected = 0;
    size_t errors_of_many_turns = 0;
    bool failed = false;
    bool served = false;
    bool replaced = false;
    {
      const FewFiles shortage(kSpare);
      failed = server.turn_until([&] { return !server.errors.empty(); });
      connected = server.received.size();
      served = server.turn_until([&] {
        return std::count(server.received.begin(), server.received.end(), "hello") ==
               static_cast<long>(kSpare);
      });
      for (int round = 0; round < 50; ++round) server.turn(0);
      errors_of_many_turns = server.errors.size();
      // One client goes: one of those that wait takes its place.
      server.close(0);
      replaced = server.turn_until([&] {
        return server.received.size() == kSpare + 1 && server.received.back() == "hello";
      });
    }
    REQUIRE(failed);
    REQUIRE(server.errors.front() == EMFILE);
    REQUIRE(connected == kSpare);
    REQUIRE(served);
    REQUIRE(errors_of_many_turns < 10);  // it pauses instead of failing with every turn
    REQUIRE(replaced);
  });
}

TEST_CASE("a file is replaced as a whole, or the error says why not") {
  const ScratchFolder folder;
  const std::string bytes = distinct_bytes(100'000);
  REQUIRE(server::replace_file(folder.file("larder.conf"), bytes) == 0);
  REQUIRE((folder.read("larder.conf") == bytes));
  REQUIRE(server::replace_file(folder.file("missing/larder.conf"), bytes) == -ENOENT);
}

TEST_CASE("a replaced file keeps its permissions and the link to it, and leaves nothing behind") {
  const ScratchFolder folder;
  std::ofstream(folder.file("real.conf")) << "old";
  REQUIRE(chmod(folder.file("real.conf").c_str(), 0600) == 0);
  std::filesystem::create_symlink("real.conf", folder.path() / "link.conf");
  REQUIRE(server::replace_file(folder.file("link.conf"), "new") == 0);
  REQUIRE(folder.read("real.conf") == "new");
  REQUIRE(std::filesystem::is_symlink(folder.path() / "link.conf"));
  struct stat status {};
  REQUIRE(stat(folder.file("real.conf").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);

  // Over a folder the rename fails: the folder stays, the temporary file goes.
  std::filesystem::create_directory(folder.path() / "folder");
  REQUIRE(server::replace_file(folder.file("folder"), "new") < 0);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++entries;
  }
  REQUIRE(entries == 3);
}

}  // namespace
}  // namespace larder::contract
