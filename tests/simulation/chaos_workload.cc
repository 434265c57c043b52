// Chaos: every data command, in every form, on a few keys that several clients share. What comes
// back depends on the others; only its shape is certain. What it leaves behind is compared between
// primary and followers.
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

constexpr unsigned kFirstDatabase = 4;
constexpr unsigned kDatabases = 3;

class Chaos final : public Workload {
 public:
  explicit Chaos(SharedFacts& facts) : facts_(facts) {}
  std::string name() const override { return "chaos"; }

  void speak(Client& client) override {
    Random& random = client.random();
    if (!has_selected_ || random.chance(60)) return select(client);
    maybe_echo(client);
    if (random.chance(120)) return transact(client);
    if (random.chance(40)) return speak_protocol(client);
    const Request request = draw(random);
    client.request(request.words, expect_kinds(request.kinds));
  }
  void lost(size_t) override { has_selected_ = false; }

 private:
  struct Request {
    Words words;
    std::string kinds;
  };

  void select(Client& client) {
    has_selected_ = true;
    const uint64_t database = kFirstDatabase + client.random().below(kDatabases);
    client.request({"SELECT", std::to_string(database)}, expect_simple("OK"));
  }

  std::string key(Random& random) const {
    if (random.chance(30)) return std::string(random.size_up_to(3000), 'K');
    return "k" + std::to_string(random.below(12));
  }

  std::string value(Random& random) const {
    switch (random.below(6)) {
      case 0:
        return std::to_string(random.between(-5, 5));
      case 1:
        return "3.5e1";
      case 2:
        return std::string(random.size_up_to(random.chance(100) ? 400'000 : 20'000), 'v');
      case 3:
        return {};
      default:
        return "value" + std::to_string(random.below(1000));
    }
  }

  // A time in ms, mostly soon; sometimes past, far, or senseless.
  std::string duration_ms(Random& random) const {
    switch (random.below(12)) {
      case 0:
        return "-1";
      case 1:
        return "0";
      case 2:
        return "9223372036854775807";
      case 3:
        return "abc";
      case 4:
        return std::to_string(random.between(1, 100'000'000'000));
      default:
        return std::to_string(random.size_up_to(3000));
    }
  }
  std::string instant_ms(Random& random) const {
    if (random.chance(100)) return std::to_string(random.between(-2, 1000));
    return std::to_string(facts_.clock->unix_ms() + random.between(-500, 3000));
  }

  Request draw(Random& random) const {
    switch (random.below(14)) {
      case 12:
      case 13:
        return draw_fields(random);
      case 8:
      case 9:
        return draw_list(random);
      case 10:
      case 11:
        return draw_members(random);
      case 0:
      case 1:
        return draw_write(random);
      case 2:
        return draw_set(random);
      case 3:
        return draw_read(random);
      case 4:
      case 5:
        return draw_lifetime(random);
      case 6:
        return draw_many(random);
      default:
        return draw_walk(random);
    }
  }

  Request draw_set(Random& random) const {
    Words words{"SET", key(random), value(random)};
    static const std::vector<Words> kConditions = {
        {"NX"},   {"XX"},  {"IFEQ", "value1"}, {"IFNE", "value2"}, {"IFDEQ", "0123456789abcdef"},
        {"nope"}, {"GET"}, {"IFDNE", "short"}};
    for (int i = 0; i < 2; ++i) {
      if (!random.chance(300)) continue;
      const Words& more = random.pick(kConditions);
      words.insert(words.end(), more.begin(), more.end());
    }
    if (random.chance(200)) words.push_back("KEEPTTL");
    if (random.chance(300)) words.insert(words.end(), {"PX", duration_ms(random)});
    if (random.chance(100)) words.insert(words.end(), {"PXAT", instant_ms(random)});
    if (random.chance(50)) words.insert(words.end(), {"EX", "2"});
    if (random.chance(50)) words.insert(words.end(), {"EXAT", "1750000002"});
    return {words, "+$_-"};
  }

  Request draw_write(Random& random) const {
    const std::string k = key(random);
    switch (random.below(20)) {
      case 0:
        return {{"INCR", k}, ":-"};
      case 1:
        return {{"DECR", k}, ":-"};
      case 2:
        return {{"INCRBY", k, std::to_string(random.between(-9, 9))}, ":-"};
      case 3:
        return {{"DECRBY", k, "-9223372036854775808"}, ":-"};
      case 4:
        return {{"INCRBYFLOAT", k, "0.1"}, "$-"};
      case 5:
        return {{"APPEND", k, value(random)}, ":-"};
      case 6:
        return {{"SETRANGE", k, std::to_string(random.between(-1, 5000)), value(random)}, ":-"};
      case 7:
        return {{"DEL", k}, ":"};
      case 8:
        return {{"GETSET", k, value(random)}, "$_-"};
      case 9:
        return {{"GETDEL", k}, "$_-"};
      case 10:
        return {{"SETNX", k, value(random)}, ":"};
      case 11:
        return {{"SETEX", k, "1", value(random)}, "+"};
      case 12:
        return {{"PSETEX", k, duration_ms(random), value(random)}, "+-"};
      case 13:
        return {{"UNLINK", k, key(random)}, ":"};
      case 14:
        return {{"PERSIST", k}, ":"};
      case 15:
        return {{"INCREX", k, "UBOUND", "9", "PX", duration_ms(random), "ENX"}, "*-"};
      case 16:
        return {{"INCREX", k, "BYFLOAT", "-0.3", "EXAT", "1750000002", "SATURATE"}, "*-"};
      case 17:
        return {{"CL.THROTTLE", k, "5", "30", "2"}, "*-"};
      case 18:
        return {{"CL.THROTTLE", k, "9", "2000", "1", duration_ms(random)}, "*-"};
      default:
        return {{"INCRBYFLOAT", k, "-1e400"}, "$-"};
    }
  }

  Request draw_read(Random& random) const {
    const std::string k = key(random);
    switch (random.below(8)) {
      case 0:
        return {{"GET", k}, "$_-"};
      case 1:
        return {{"STRLEN", k}, ":-"};
      case 2:
        return {{"GETRANGE", k, "0", std::to_string(random.between(-3, 90'000))}, "$-"};
      case 3:
        return {{"EXISTS", k, k, key(random)}, ":"};
      case 4:
        return {{"TYPE", k}, "+"};
      case 5:
        return {{"GET"}, "-"};
      case 6:
        return {{"NOSUCH", k}, "-"};
      default:
        return {{"GET", k}, "$_-"};
    }
  }

  Request draw_lifetime(Random& random) const {
    const std::string k = key(random);
    static const std::vector<std::string> kConditions = {"NX", "XX", "GT", "LT", "QQ"};
    Words words;
    switch (random.below(9)) {
      case 0:
        return {{"TTL", k}, ":"};
      case 1:
        return {{"PTTL", k}, ":"};
      case 2:
        return {{"EXPIRETIME", k}, ":"};
      case 3:
        return {{"PEXPIRETIME", k}, ":"};
      case 4:
        return {{"GETEX", k, "PX", duration_ms(random)}, "$_-"};
      case 5:
        return {{"GETEX", k, "PXAT", instant_ms(random)}, "$_-"};
      case 6:
        words = {"PEXPIREAT", k, instant_ms(random)};
        break;
      case 7:
        words = {"EXPIRE", k, std::to_string(random.between(-1, 3))};
        break;
      default:
        words = {"PEXPIRE", k, duration_ms(random)};
        break;
    }
    if (random.chance(400)) words.push_back(random.pick(kConditions));
    if (random.chance(100)) words.push_back(random.pick(kConditions));
    return {words, ":-"};
  }

  Request draw_list(Random& random) const {
    const std::string k = "l" + std::to_string(random.below(6));
    const std::string other =
        random.chance(100) ? key(random) : "l" + std::to_string(random.below(6));
    const std::string number = std::to_string(random.between(-4, 4));
    static const std::vector<std::string> kEnds = {"LEFT", "RIGHT", "left", "UP"};
    Words words;
    switch (random.below(16)) {
      case 0:
      case 1:
      case 2:
        words = {random.chance(500) ? "LPUSH" : "RPUSH", k};
        for (size_t i = 1 + random.below(6); i > 0; --i) words.push_back(value(random));
        return {words, ":-"};
      case 3:
        return {{random.chance(500) ? "LPUSHX" : "RPUSHX", k, value(random)}, ":-"};
      case 4:
      case 5:
        return {{random.chance(500) ? "LPOP" : "RPOP", k}, "$_-"};
      case 6:
        return {{random.chance(500) ? "LPOP" : "RPOP", k, number}, "*_-"};
      case 7:
        return {{"LRANGE", k, number, "-1"}, "*-"};
      case 8:
        return {{"LSET", k, number, value(random)}, "+-"};
      case 9:
        return {{"LINSERT", k, random.chance(500) ? "BEFORE" : "AFTER", "3.5e1", "x"}, ":-"};
      case 10:
        return {{"LREM", k, number, random.chance(500) ? "3.5e1" : ""}, ":-"};
      case 11:
        return {{"LTRIM", k, number, random.chance(700) ? "-2" : "1"}, "+-"};
      case 12:
        return {{"RPOPLPUSH", k, other}, "$_-"};
      case 13:
        return {{"LMOVE", k, other, random.pick(kEnds), random.pick(kEnds)}, "$_-"};
      case 14:
        return {{"LMPOP", "2", k, other, random.pick(kEnds), "COUNT", "3"}, "*_-"};
      default:
        return {{"LPOS", k, "3.5e1", "COUNT", "0", "RANK", number}, "*-"};
    }
  }

  Request draw_members(Random& random) const {
    const std::string k = "s" + std::to_string(random.below(5));
    const std::string other =
        random.chance(100) ? key(random) : "s" + std::to_string(random.below(5));
    const auto member = [&] {
      return random.chance(700) ? std::to_string(random.below(200)) : value(random);
    };
    Words words;
    switch (random.below(12)) {
      case 0:
      case 1:
        words = {"SADD", k};
        for (size_t i = 1 + random.below(random.chance(50) ? 300 : 8); i > 0; --i) {
          words.push_back(member());
        }
        return {words, ":-"};
      case 2:
        return {{"SREM", k, member(), member()}, ":-"};
      case 3:
        return {{"SPOP", k}, "$_-"};
      case 4:
        return {{"SPOP", k, std::to_string(random.between(-1, 9))}, "*~-"};
      case 5:
        return {{"SMOVE", k, other, member()}, ":-"};
      case 6:
        return {{"SUNIONSTORE", k, other, k}, ":-"};
      case 7:
        return {{random.chance(500) ? "SINTERSTORE" : "SDIFFSTORE", other, k, "s1"}, ":-"};
      case 8:
        return {{random.chance(500) ? "SINTER" : "SDIFF", k, other}, "*~-"};
      case 9:
        return {{"SRANDMEMBER", k, std::to_string(random.between(-5, 5))}, "*-"};
      case 10:
        return {{"SSCAN", k, std::to_string(random.chance(500) ? 0 : random.next() >> 24)}, "*-"};
      default:
        return {{"SMEMBERS", k}, "*~-"};
    }
  }

  Request draw_fields(Random& random) const {
    const std::string k = "h" + std::to_string(random.below(5));
    const auto field = [&] { return "f" + std::to_string(random.below(40)); };
    Words words;
    switch (random.below(17)) {
      case 10:
        return {{"HPEXPIRE", k, duration_ms(random), "FIELDS", "2", field(), "n"}, "*-"};
      case 11:
        return {{"HPEXPIREAT", k, instant_ms(random), random.chance(500) ? "NX" : "GT", "FIELDS",
                 "1", field()},
                "*-"};
      case 12:
        return {{"HPERSIST", k, "FIELDS", "2", field(), "n"}, "*-"};
      case 13:
        return {{"HGETDEL", k, "FIELDS", "1", field()}, "*-"};
      case 14:
        return {{"HSETEX", k, random.chance(500) ? "FNX" : "FXX", "PX", duration_ms(random),
                 "FIELDS", "2", field(), value(random), "n", "7"},
                ":-"};
      case 15:
        return {{"HSETEX", k, "KEEPTTL", "FIELDS", "1", field(), value(random)}, ":-"};
      case 16:
        return {{"HGETEX", k, "PXAT", instant_ms(random), "FIELDS", "2", field(), "n"}, "*-"};
      case 0:
      case 1:
        words = {random.chance(300) ? "HMSET" : "HSET", k};
        for (size_t i = 1 + random.below(random.chance(50) ? 300 : 6); i > 0; --i) {
          words.insert(words.end(), {field(), value(random)});
        }
        return {words, ":+-"};
      case 2:
        return {{"HDEL", k, field(), field()}, ":-"};
      case 3:
        return {{"HSETNX", k, field(), value(random)}, ":-"};
      case 4:
        return {{"HINCRBY", k, "n", std::to_string(random.between(-9, 9))}, ":-"};
      case 5:
        return {{"HINCRBYFLOAT", k, "n", "0.5"}, "$-"};
      case 6:
        return {{"HGETALL", k}, "*%-"};
      case 7:
        return {{"HRANDFIELD", k, std::to_string(random.between(-5, 5)), "WITHVALUES"}, "*-"};
      case 8:
        return {{"HSCAN", k, std::to_string(random.chance(500) ? 0 : random.next() >> 24)}, "*-"};
      default:
        return {{"HMGET", k, field(), field()}, "*-"};
    }
  }

  Request draw_many(Random& random) const {
    const uint64_t kind = random.below(4);
    Words words{kind == 0 ? "MSET" : kind == 1 ? "MSETNX" : kind == 2 ? "MGET" : "DEL"};
    for (size_t i = random.size_up_to(6); i > 0; --i) {
      words.push_back(key(random));
      if (kind < 2) words.push_back(value(random));
    }
    if (kind < 2 && random.chance(30)) words.push_back("odd");
    return {words, kind == 0 ? "+-" : kind == 1 ? ":-" : kind == 2 ? "*" : ":"};
  }

  Request draw_walk(Random& random) const {
    switch (random.below(8)) {
      case 0:
        return {{"DBSIZE"}, ":"};
      case 1:
        return {{"KEYS", "k?"}, "*"};
      case 2:
        return {{"RANDOMKEY"}, "$_"};
      case 3:
        if (random.chance(300)) return {{"FLUSHDB", random.chance(500) ? "ASYNC" : "SYNC"}, "+"};
        return {{"SCAN", "0", "COUNT", "5"}, "*"};
      case 4:
        if (facts_.allows_flushall && random.chance(200)) return {{"FLUSHALL"}, "+"};
        return {{"SCAN", "0", "MATCH", "k1*"}, "*"};
      case 5:
        return {{"SCAN", std::to_string(random.next() >> 11), "COUNT", "1000"}, "*"};
      default:
        return {{"SCAN", "0", "TYPE", "string", "COUNT", "100"}, "*"};
    }
  }

  // Nothing but the number of results is certain, and null if a watched key changed.
  void transact(Client& client) {
    Random& random = client.random();
    if (random.chance(500)) client.request({"WATCH", key(random), key(random)}, expect_kinds("+"));
    if (random.chance(100)) client.request({"UNWATCH"}, expect_kinds("+"));
    client.request({"MULTI"}, expect_simple("OK"));
    bool has_refused = false;
    size_t queued = 0;
    for (size_t i = random.size_up_to(8); i > 0; --i) {
      const Request request = draw(random);
      const bool is_refused = request.words[0] == "NOSUCH" || request.words.size() == 1;
      client.request(request.words, expect_kinds(is_refused ? "+-" : "+"));
      has_refused = has_refused || request.words[0] == "NOSUCH" || request.words == Words{"GET"};
      ++queued;
    }
    if (random.chance(80)) {
      client.request({"SELECT", std::to_string(kFirstDatabase + random.below(kDatabases))},
                     expect_kinds("+"));
      ++queued;
    }
    if (random.chance(80)) {
      client.request({"DISCARD"}, expect_simple("OK"));
      return;
    }
    client.request({"EXEC"}, [has_refused, queued](const Value& reply, UnixRange) -> std::string {
      if (has_refused) return reply.kind == ValueKind::error ? "" : "expected EXECABORT";
      const bool is_null = reply.absent || reply.kind == ValueKind::null;
      if (is_null) return {};
      const bool fits = reply.kind == ValueKind::array && reply.elements.size() == queued;
      return fits ? "" : "expected " + std::to_string(queued) + " results";
    });
  }

  // Other ways to ask: inline, in another dialect, without an answer.
  void speak_protocol(Client& client) {
    Random& random = client.random();
    switch (random.below(5)) {
      case 0:
        return client.request_raw("GET k1\r\n", expect_kinds("$_-"));
      case 1:
        return client.request_raw("\r\nSET k2 \"a \\x41\"\n", expect_kinds("+"));
      case 2:
        return client.request({"HELLO", random.chance(500) ? "3" : "2"}, expect_kinds("%*"));
      case 3:
        client.send_unanswered({"CLIENT", "REPLY", "SKIP"});
        return client.send_unanswered({"INCR", "silent"});
      default:
        client.send_unanswered({"CLIENT", "REPLY", "OFF"});
        for (size_t i = random.below(5); i > 0; --i) client.send_unanswered(draw(random).words);
        return client.request({"CLIENT", "REPLY", "ON"}, expect_simple("OK"));
    }
  }

  SharedFacts& facts_;
  bool has_selected_ = false;
};

}  // namespace

std::unique_ptr<Workload> make_chaos(SharedFacts& facts) {
  return std::make_unique<Chaos>(facts);
}

}  // namespace larder::simulation
