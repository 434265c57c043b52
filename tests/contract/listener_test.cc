// Listening sockets: what can be bound, how, and what is said when it cannot.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/contract/kernel_world.h"
#include "tests/contract/scratch_folder.h"
#include "tests/contract/support.h"

namespace larder::contract {
namespace {

using server::listen_tcp;
using server::listen_unix;
using server::Listening;
using server::TcpListenOptions;
using server::Transport;
using server::UnixListenOptions;

TcpListenOptions on(std::vector<std::string> addresses, uint16_t port = 0) {
  TcpListenOptions options;
  options.addresses = std::move(addresses);
  options.port = port;
  options.busy_retry_ms = 0;
  return options;
}

// Runs `body(driver, recorder)` on every real driver, with these sockets to listen on.
template <typename Open, typename Body>
void on_every_driver(const Open& open, const Body& body) {
  for (const KernelDriver& kernel_driver : kernel_drivers()) {
    DYNAMIC_SECTION(kernel_driver.name) {
      Listening listening = open();
      REQUIRE_FALSE(listening.failure);
      server::DriverOptions options;
      options.listeners = std::move(listening.sockets);
      std::string why_not;
      const std::unique_ptr<server::Driver> driver = kernel_driver.make(options, why_not);
      REQUIRE(driver != nullptr);
      REQUIRE(options.listeners.empty());
      Recorder recorder(*driver);
      body(recorder, listening.port);
    }
  }
}

TEST_CASE("IPv4 and IPv6 on one port that was free, with their addresses as clients print them") {
  on_every_driver(
      [] {
        return listen_tcp(on({"127.0.0.1", "::1"}));
      },
      [](Recorder& recorder, uint16_t port) {
        REQUIRE(port != 0);
        const auto v4 = connect_ipv4(port);
        REQUIRE(v4 != nullptr);
        REQUIRE(recorder.accept_one().peer_address.substr(0, 10) == "127.0.0.1:");
        const auto v6 = connect_ipv6(port);
        REQUIRE(v6 != nullptr);
        const Record& record = recorder.accept_one();
        REQUIRE(record.peer_address.substr(0, 6) == "[::1]:");
        REQUIRE(v6->write("six") == 3);
        recorder.turn_until([&] { return record.received == "six"; });
      });
}

TEST_CASE("every address of both families") {
  on_every_driver(
      [] {
        return listen_tcp(on({"*", "-::*"}));
      },
      [](Recorder& recorder, uint16_t port) {
        const auto v4 = connect_ipv4(port);
        REQUIRE(v4 != nullptr);
        recorder.accept_one();
        const auto v6 = connect_ipv6(port);
        REQUIRE(v6 != nullptr);
        recorder.accept_one();
      });
}

TEST_CASE("accepted connections do not delay small answers and are kept alive") {
  on_every_driver(
      [] {
        TcpListenOptions options = on({"127.0.0.1"});
        options.keepalive_s = 90;
        return listen_tcp(options);
      },
      [](Recorder& recorder, uint16_t port) {
        recorder.adopt_accepted = false;
        const auto peer = connect_ipv4(port);
        REQUIRE(peer != nullptr);
        recorder.turn_until([&] { return recorder.accepted.size() == 1; });
        const int handle = recorder.accepted.front();
        const auto option = [handle](int level, int name) {
          int value = -1;
          socklen_t size = sizeof value;
          REQUIRE(getsockopt(handle, level, name, &value, &size) == 0);
          return value;
        };
        REQUIRE(option(IPPROTO_TCP, TCP_NODELAY) != 0);
        REQUIRE(option(SOL_SOCKET, SO_KEEPALIVE) != 0);
        REQUIRE(option(IPPROTO_TCP, TCP_KEEPIDLE) == 90);
        REQUIRE(option(IPPROTO_TCP, TCP_KEEPINTVL) == 30);
        REQUIRE((fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0);
        ::close(handle);
      });
}

TEST_CASE("an address that no interface has is an error, unless it is optional") {
  const Listening failed = listen_tcp(on({"127.0.0.1", "192.0.2.1"}));
  REQUIRE(failed.failure);
  REQUIRE(failed.sockets.empty());
  REQUIRE(failed.failure->cause.find("192.0.2.1") != std::string::npos);
  REQUIRE_FALSE(failed.failure->remedy.empty());

  const Listening passed = listen_tcp(on({"127.0.0.1", "-192.0.2.1"}));
  REQUIRE_FALSE(passed.failure);
  REQUIRE(passed.sockets.size() == 1);

  const Listening none = listen_tcp(on({"-192.0.2.1"}));
  REQUIRE(none.failure);
}

TEST_CASE("a port that is in use is an error, also for an optional address") {
  const Listening first = listen_tcp(on({"127.0.0.1"}));
  REQUIRE_FALSE(first.failure);
  for (const char* address : {"127.0.0.1", "-127.0.0.1"}) {
    const Listening second = listen_tcp(on({address}, first.port));
    REQUIRE(second.failure);
    REQUIRE(second.failure->cause.find(std::to_string(first.port)) != std::string::npos);
  }
}

TEST_CASE("a name that cannot be resolved is an error") {
  const Listening failed = listen_tcp(on({"no such host"}));
  REQUIRE(failed.failure);
  REQUIRE(failed.failure->cause.find("no such host") != std::string::npos);
}

TEST_CASE("a Unix socket serves, has its permissions, and goes with the driver") {
  const ScratchFolder folder;
  UnixListenOptions options;
  options.path = folder.file("larder.sock");
  options.permissions = 0620;
  on_every_driver([&] { return listen_unix(options); },
                  [&](Recorder& recorder, uint16_t) {
                    struct stat status {};
                    REQUIRE(lstat(options.path.c_str(), &status) == 0);
                    REQUIRE((status.st_mode & 0777) == 0620);
                    const auto peer = connect_unix(options.path);
                    REQUIRE(peer != nullptr);
                    const Record& record = recorder.accept_one();
                    REQUIRE(record.peer_address == options.path + ":0");
                    REQUIRE(peer->write("local") == 5);
                    recorder.turn_until([&] { return record.received == "local"; });
                    recorder.ops().list.emplace_back().kind = server::OpKind::stop_listening;
                    recorder.turn(0);
                    REQUIRE(lstat(options.path.c_str(), &status) != 0);
                  });
}

TEST_CASE("a Unix socket takes a dead server's place, but not a living one's") {
  const ScratchFolder folder;
  UnixListenOptions options;
  options.path = folder.file("larder.sock");
  Listening living = listen_unix(options);
  REQUIRE_FALSE(living.failure);
  const Listening refused = listen_unix(options);
  REQUIRE(refused.failure);
  REQUIRE(connect_unix(options.path) != nullptr);  // the living one still has its name

  // A server that died: its socket is closed, the name is still there.
  ::close(living.sockets.front().handle());
  const Listening successor = listen_unix(options);
  REQUIRE_FALSE(successor.failure);
  REQUIRE(connect_unix(options.path) != nullptr);
}

TEST_CASE("a file that is no socket is never removed") {
  const ScratchFolder folder;
  UnixListenOptions options;
  options.path = folder.file("precious");
  std::ofstream(options.path) << "data";
  const Listening refused = listen_unix(options);
  REQUIRE(refused.failure);
  REQUIRE(folder.read("precious") == "data");
}

TEST_CASE("a Unix socket path that does not fit, or whose folder is missing, is an error") {
  UnixListenOptions options;
  options.path = "/" + std::string(200, 'x');
  REQUIRE(listen_unix(options).failure);
  const ScratchFolder folder;
  options.path = folder.file("missing/larder.sock");
  const Listening failed = listen_unix(options);
  REQUIRE(failed.failure);
  REQUIRE(failed.failure->remedy == "create the folder first");
}

}  // namespace
}  // namespace larder::contract
