// Admin: what concerns the whole node, or the client's own connection. Looks at every client's
// buffers on the way: a client that does not read must cost bounded memory.
#include "protocol/number.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

// What a connection may keep: the soft limits of a worker, and what one turn adds before they are
// looked at (one received buffer, one reply of a value of the largest size that is written).
constexpr int64_t kMostInputBytes = (256 << 10) + (3 << 20);
constexpr int64_t kMostOutputBytes = (1 << 20) + (4 << 20);

int64_t field(std::string_view line, std::string_view name) {
  const std::string start = " " + std::string(name) + "=";
  const size_t at = line.find(start);
  if (at == std::string_view::npos) return -1;
  const size_t begin = at + start.size();
  return protocol::parse_int64(line.substr(begin, line.find(' ', begin) - begin)).value_or(-1);
}

std::string check_client_list(const Value& reply, UnixRange) {
  std::string_view rest = reply.text;
  if (rest.empty()) return "expected at least the asking client";
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const int64_t input = field(line, "qbuf");
    const int64_t output = field(line, "obl");
    if (input < 0 || output < 0) return "no buffer sizes in " + std::string(line);
    if (input > kMostInputBytes) return "too much input is kept: " + std::string(line);
    if (output > kMostOutputBytes) return "too much output is kept: " + std::string(line);
  }
  return {};
}

class Admin final : public Workload {
 public:
  explicit Admin(SharedFacts& facts) : facts_(facts) {}
  std::string name() const override { return "admin"; }
  void lost(size_t) override {}

  void speak(Client& client) override {
    Random& random = client.random();
    maybe_echo(client);
    if (random.chance(100)) return in_transaction(client);
    if (random.chance(150)) return disturb(client);
    switch (random.below(16)) {
      case 0:
      case 1:
        return client.request({"CLIENT", "LIST"}, check_client_list);
      case 2:
        return client.request({"CLIENT", "INFO"}, expect_kinds("$="));
      case 3:
        return client.request({"CLIENT", "ID"}, expect_kinds(":"));
      case 4:
        return client.request({"CLIENT", "SETNAME", "admin"}, expect_simple("OK"));
      case 5:
        return client.request({"INFO"}, expect_kinds("$="));
      case 6:
        return client.request({"INFO", "keyspace", "stats"}, expect_kinds("$="));
      case 7:
        return client.request({"CONFIG", "GET", "*"}, expect_kinds("*%"));
      case 8:
        return set_config(client);
      case 9:
        return client.request({"CONFIG", "RESETSTAT"}, expect_simple("OK"));
      case 10:
        return client.request({"RESET"}, expect_simple("RESET"));
      case 11:
        return client.request({"HELLO", "3"}, expect_kinds("%"));
      case 12:
        return client.request({"DBSIZE"}, expect_kinds(":"));
      case 13:
        return client.request({"TIME"}, expect_kinds("*"));
      case 14:
        return client.request({"COMMAND", "COUNT"}, expect_kinds(":"));
      default:
        return client.request({"PING"}, expect_simple("PONG"));
    }
  }

 private:
  void set_config(Client& client) {
    Random& random = client.random();
    static const std::vector<Words> kSettings = {
        {"maxclients", "1000"},  {"maxclients", "2000"}, {"tcp-keepalive", "60"},
        {"loglevel", "verbose"}, {"timeout", "0"},       {"proto-max-bulk-len", "536870912"},
    };
    static const std::vector<Words> kLimits = {
        {"maxclients", "5"},
        {"maxclients", "12"},
        {"timeout", "1"},
        {"client-output-buffer-limit", "normal 1500000 0 0"},
    };
    const Words& setting = random.pick(facts_.has_limits ? kLimits : kSettings);
    client.request({"CONFIG", "SET", setting[0], setting[1]}, expect_simple("OK"));
  }

  void in_transaction(Client& client) {
    client.request({"MULTI"}, expect_simple("OK"));
    client.request({"CLIENT", "LIST"}, expect_simple("QUEUED"));
    client.request({"DBSIZE"}, expect_simple("QUEUED"));
    client.request({"CONFIG", "SET", "tcp-keepalive", "300"}, expect_simple("QUEUED"));
    client.request({"INFO", "clients"}, expect_simple("QUEUED"));
    client.request({"EXEC"}, [](const Value& reply, UnixRange range) -> std::string {
      if (reply.elements.size() != 4) return "expected four results";
      return check_client_list(reply.elements[0], range);
    });
  }

  void disturb(Client& client) {
    Random& random = client.random();
    switch (random.below(4)) {
      case 0:
        if (!facts_.allows_kill) break;
        return client.request({"CLIENT", "KILL", "ID", std::to_string(random.between(1, 60))},
                              expect_kinds(":"));
      case 1:
        if (!facts_.allows_kill || random.chance(800)) break;
        return client.request({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"},
                              expect_kinds(":"));
      case 2:
        if (!facts_.allows_pause) break;
        return client.request({"CLIENT", "PAUSE", std::to_string(random.size_up_to(500)),
                               random.chance(500) ? "WRITE" : "ALL"},
                              expect_simple("OK"));
      default:
        if (!facts_.allows_pause) break;
        return client.request({"CLIENT", "UNPAUSE"}, expect_simple("OK"));
    }
    client.request({"QUIT"}, expect_simple("OK"));
    client.expect_close();
  }

  SharedFacts& facts_;
};

}  // namespace

std::unique_ptr<Workload> make_admin(SharedFacts& facts) {
  return std::make_unique<Admin>(facts);
}

}  // namespace larder::simulation
