// The stream of effects, byte by byte: what is wrapped in what, where records begin and end, and
// what a listener that comes late gets to see.
#include "server/effects.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "storage/rdb/dump.h"
#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;
using support::node_options;
using support::Words;

std::string letter(EventClass event_class) {
  switch (event_class) {
    case EventClass::silent:
      return "-";
    case EventClass::generic:
      return "g";
    case EventClass::string:
      return "$";
    case EventClass::list:
      return "l";
    case EventClass::set:
      return "s";
    case EventClass::hash:
      return "h";
    case EventClass::stream:
      return "t";
    case EventClass::sorted_set:
      return "z";
    case EventClass::expired:
      return "x";
    case EventClass::evicted:
      return "e";
    case EventClass::key_is_new:
      return "n";
    case EventClass::key_miss:
      return "m";
  }
  return "?";
}

class Listener final : public EffectListener {
 public:
  void on_record(const EffectRecord& record) override {
    records.emplace_back(record.bytes);
    offsets.push_back(record.end_offset);
    for (const KeyEvent& event : record.events) {
      events.push_back(letter(event.event_class) + " " + std::string(event.name) + " " +
                       std::to_string(event.database) + " " + event.key);
    }
  }

  std::vector<std::string> records;
  std::vector<uint64_t> offsets;
  std::vector<std::string> events;
};

std::string wire(const Words& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

// "SET k v" as it stands in the stream; several commands are divided by '|'.
std::string wire(std::string_view commands) {
  std::string out;
  while (!commands.empty()) {
    std::string_view command = commands.substr(0, commands.find('|'));
    commands.remove_prefix(std::min(commands.size(), command.size() + 1));
    Words words;
    while (!command.empty()) {
      const std::string_view word = command.substr(0, command.find(' '));
      words.emplace_back(word);
      command.remove_prefix(std::min(command.size(), word.size() + 1));
    }
    out += wire(words);
  }
  return out;
}

using Records = std::vector<std::string>;

constexpr int64_t kNowMs = 1'000'000;

struct Primary {
  Primary() {
    client.set_time_ms(kNowMs);
    node.effect_log().attach(listener);
  }
  // The records of one request; the ones before are forgotten.
  Records of(const Words& words) {
    listener.records.clear();
    listener.events.clear();
    client.run(words);
    return listener.records;
  }

  Node node{node_options(1, 1)};
  Actor client{node, 0, 1};
  Listener listener;
};

}  // namespace

TEST_CASE("a record is one command, after a SELECT where the database changed") {
  Primary primary;
  CHECK(primary.of({"SET", "k", "v"}) == Records{wire("SELECT 0|SET k v")});
  CHECK(primary.of({"SET", "k", "w"}) == Records{wire("SET k w")});
  primary.of({"SELECT", "3"});
  CHECK(primary.listener.records.empty());
  CHECK(primary.of({"APPEND", "k", "v"}) == Records{wire("SELECT 3|APPEND k v")});
  CHECK(primary.of({"GET", "k"}).empty());
  CHECK(primary.of({"DEL", "nothing"}).empty());
  CHECK(primary.of({"SETNX", "k", "v"}).empty());
  CHECK(primary.of({"INCR", "k"}).empty());  // an error changes nothing
}

TEST_CASE("times in effects are absolute") {
  Primary primary;
  CHECK(primary.of({"SET", "k", "v", "PX", "500"}) ==
        Records{wire("SELECT 0|SET k v PXAT 1000500")});
  CHECK(primary.of({"EXPIRE", "k", "2"}) == Records{wire("PEXPIREAT k 1002000")});
  CHECK(primary.of({"GETEX", "k", "EX", "3"}) == Records{wire("PEXPIREAT k 1003000")});
  CHECK(primary.of({"SET", "k", "w", "KEEPTTL"}) == Records{wire("SET k w PXAT 1003000")});
  CHECK(primary.of({"PERSIST", "k"}) == Records{wire("PERSIST k")});
  CHECK(primary.of({"EXPIRE", "k", "-1"}) == Records{wire("DEL k")});
}

TEST_CASE("INCREX is a SET of its result, with what became of the lifetime") {
  Primary primary;
  const auto& events = primary.listener.events;
  using Events = std::vector<std::string>;
  CHECK(primary.of({"INCREX", "k", "BYINT", "5"}) == Records{wire("SELECT 0|SET k 5 KEEPTTL")});
  CHECK(events == Events{"$ incrby 0 k"});
  CHECK(primary.of({"INCREX", "k", "BYFLOAT", "0.5"}) == Records{wire("SET k 5.5 KEEPTTL")});
  CHECK(events == Events{"$ incrbyfloat 0 k"});
  CHECK(primary.of({"INCREX", "k", "BYFLOAT", "9", "UBOUND", "6", "SATURATE", "PX", "500"}) ==
        Records{wire("SET k 6 PXAT 1000500")});
  CHECK(events == Events{"$ incrbyfloat 0 k", "g expire 0 k"});
  CHECK(primary.of({"INCREX", "k", "EX", "9", "ENX"}) == Records{wire("SET k 7 KEEPTTL")});
  CHECK(events == Events{"$ incrby 0 k"});
  CHECK(primary.of({"INCREX", "k", "PERSIST"}) == Records{wire("SET k 8")});
  CHECK(events == Events{"$ incrby 0 k", "g persist 0 k"});
  CHECK(primary.of({"INCREX", "k", "PERSIST"}) == Records{wire("SET k 9")});
  CHECK(events == Events{"$ incrby 0 k"});
  CHECK(primary.of({"INCREX", "k", "EX", "9", "ENX"}) == Records{wire("SET k 10 PXAT 1009000")});
  CHECK(primary.of({"INCREX", "k", "EXAT", "1", "ENX"}) == Records{wire("SET k 11 KEEPTTL")});
  // Declined: nothing happened.
  CHECK(primary.of({"INCREX", "k", "UBOUND", "11", "EX", "1"}).empty());
  CHECK(primary.of({"INCREX", "k", "NX"}).empty());
  CHECK(primary.of({"INCREX", "absent", "XX"}).empty());
  CHECK(primary.of({"INCREX", "absent", "LBOUND", "5"}).empty());
  CHECK(events.empty());
  // A time that has passed.
  CHECK(primary.of({"INCREX", "k", "EXAT", "1"}) == Records{wire("DEL k")});
  CHECK(events == Events{"g del 0 k"});
  CHECK(primary.of({"INCREX", "k", "EXAT", "1"}).empty());
  CHECK(events.empty());
}

TEST_CASE("CL.THROTTLE is a SET of the arrival until it has passed") {
  Primary primary;
  const auto& events = primary.listener.events;
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1"}) ==
        Records{wire("SELECT 0|SET k 1000333333333 PXAT 1000334")});
  CHECK(events == std::vector<std::string>{"$ set 0 k", "g expire 0 k"});
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1", "1"}) ==
        Records{wire("SET k 1000666666666 PXAT 1000667")});
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1"}).empty());  // limited
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1", "0"}).empty());
  CHECK(events.empty());
  primary.client.set_time_ms(kNowMs + 333);
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1"}).empty());
  primary.client.set_time_ms(kNowMs + 334);
  CHECK(primary.of({"CL.THROTTLE", "k", "1", "3", "1"}) ==
        Records{wire("SET k 1000999999999 PXAT 1001000")});
}

TEST_CASE("changes of lists are commands that pop and push as many elements again") {
  Primary primary;
  CHECK(primary.of({"RPUSH", "l", "a", "b", "c", "d"}) ==
        Records{wire("SELECT 0|RPUSH l a b c d")});
  CHECK(primary.of({"LPUSHX", "l", "x"}) == Records{wire("LPUSHX l x")});
  CHECK(primary.of({"LPUSHX", "nothing", "x"}).empty());
  CHECK(primary.of({"LPOP", "l"}) == Records{wire("LPOP l")});
  CHECK(primary.of({"RPOP", "l", "1"}) == Records{wire("RPOP l 1")});
  CHECK(primary.of({"LPOP", "l", "0"}).empty());
  CHECK(primary.of({"LMPOP", "2", "nothing", "l", "RIGHT"}) == Records{wire("RPOP l 1")});
  CHECK(primary.of({"LMPOP", "1", "nothing", "LEFT"}).empty());
  CHECK(primary.of({"LSET", "l", "0", "e"}) == Records{wire("LSET l 0 e")});
  CHECK(primary.of({"LINSERT", "l", "AFTER", "e", "f"}) == Records{wire("LINSERT l AFTER e f")});
  CHECK(primary.of({"LINSERT", "l", "AFTER", "z", "f"}).empty());
  CHECK(primary.of({"LREM", "l", "0", "f"}) == Records{wire("LREM l 0 f")});
  CHECK(primary.of({"LREM", "l", "0", "f"}).empty());
  CHECK(primary.of({"LTRIM", "l", "0", "5"}) == Records{wire("LTRIM l 0 5")});
  CHECK(primary.of({"LMOVE", "l", "m", "LEFT", "LEFT"}) ==
        Records{wire("LMOVE l m LEFT LEFT")});
  CHECK(primary.of({"RPOPLPUSH", "l", "m"}) == Records{wire("RPOPLPUSH l m")});
  CHECK(primary.of({"LMPOP", "1", "m", "LEFT", "COUNT", "9"}) == Records{wire("LPOP m 2")});
  CHECK(primary.of({"LPUSH", "s"}).empty());
}

TEST_CASE("events of lists tell what was done, and when a list is gone") {
  Primary primary;
  const auto events_of = [&primary](const Words& words) {
    primary.of(words);
    return primary.listener.events;
  };
  using Events = std::vector<std::string>;
  CHECK(events_of({"LPUSH", "l", "a", "b", "c"}) == Events{"l lpush 0 l"});
  CHECK(events_of({"LPOP", "l"}) == Events{"l lpop 0 l"});
  CHECK(events_of({"LMOVE", "l", "m", "RIGHT", "LEFT"}) == Events{"l lpush 0 m", "l rpop 0 l"});
  CHECK(events_of({"RPOPLPUSH", "l", "m"}) ==
        Events{"l lpush 0 m", "l rpop 0 l", "g del 0 l"});
  CHECK(events_of({"LMOVE", "m", "m", "LEFT", "RIGHT"}) == Events{"l rpush 0 m", "l lpop 0 m"});
  CHECK(events_of({"LTRIM", "m", "0", "-1"}) == Events{"l ltrim 0 m"});
  CHECK(events_of({"LTRIM", "m", "5", "9"}) == Events{"l ltrim 0 m", "g del 0 m"});
  CHECK(events_of({"RPUSH", "l", "a"}) == Events{"l rpush 0 l"});
  CHECK(events_of({"LREM", "l", "0", "a"}) == Events{"l lrem 0 l", "g del 0 l"});
}

TEST_CASE("changes of sets say which members came and went") {
  Primary primary;
  CHECK(primary.of({"SADD", "s", "a", "b", "a"}) == Records{wire("SELECT 0|SADD s a b a")});
  CHECK(primary.of({"SADD", "s", "a"}).empty());
  CHECK(primary.of({"SREM", "s", "z"}).empty());
  CHECK(primary.of({"SREM", "s", "a"}) == Records{wire("SREM s a")});
  CHECK(primary.of({"SPOP", "s"}) == Records{wire("SREM s b")});
  primary.of({"SADD", "s", "a", "b", "c"});
  CHECK(primary.of({"SPOP", "s", "3"}) == Records{wire("DEL s")});
  primary.of({"SADD", "s", "a", "b", "c"});
  const std::string member = primary.of({"SPOP", "s", "1"}).at(0);
  CHECK(member.substr(0, member.size() - 3) == wire("SREM s x").substr(0, member.size() - 3));
  CHECK(primary.of({"SPOP", "s", "0"}).empty());
  CHECK(primary.of({"SADD", "t", "m"}) == Records{wire("SADD t m")});
  CHECK(primary.of({"SMOVE", "t", "u", "m"}) == Records{wire("SMOVE t u m")});
  CHECK(primary.of({"SMOVE", "u", "u", "m"}).empty());
  CHECK(primary.of({"SUNIONSTORE", "d", "u", "t"}) == Records{wire("SUNIONSTORE d u t")});
  CHECK(primary.of({"SDIFFSTORE", "d", "u", "u"}) == Records{wire("DEL d")});
  CHECK(primary.of({"SINTERSTORE", "d", "u", "t"}).empty());
}

TEST_CASE("what a stream was trimmed to about so far is told exactly") {
  Primary primary;
  for (int i = 1; i <= 250; ++i) {  // two and a half nodes
    primary.of({"XADD", "s", std::to_string(i) + "-0", "f", "v"});
  }
  CHECK(primary.of({"XTRIM", "s", "MINID", "~", "150"}) == Records{wire("XTRIM s MINID = 101-0")});
  CHECK(primary.of({"XTRIM", "s", "MAXLEN", "~", "40", "LIMIT", "100"}) ==
        Records{wire("XTRIM s MAXLEN = 50")});
  CHECK(primary.of({"XTRIM", "s", "MINID", "~", "1000"}) == Records{wire("XTRIM s MINID = 1000")});
  CHECK(primary.of({"XADD", "s", "MINID", "~", "5000", "300-0", "f", "v"}) ==
        Records{wire("XADD s MINID = 5000 300-0 f v")});
}

TEST_CASE("SPOP of many members is told in effects of 1024 each") {
  Primary primary;
  Words words{"SADD", "s"};
  for (int i = 0; i < 3'000; ++i) words.push_back(std::to_string(i));
  primary.of(words);
  Records records = primary.of({"SPOP", "s", "2500"});
  size_t effects = 0;
  for (const std::string& record : records) {
    size_t at = record.find("SREM");
    for (; at != std::string::npos; at = record.find("SREM", at + 1)) {
      ++effects;
    }
  }
  CHECK(effects == 3);
}

TEST_CASE("events of sets tell what was done, and when a set is gone") {
  Primary primary;
  const auto events_of = [&primary](const Words& words) {
    primary.of(words);
    return primary.listener.events;
  };
  using Events = std::vector<std::string>;
  CHECK(events_of({"SADD", "s", "a", "b"}) == Events{"s sadd 0 s"});
  CHECK(events_of({"SADD", "s", "a"}).empty());
  CHECK(events_of({"SREM", "s", "a"}) == Events{"s srem 0 s"});
  CHECK(events_of({"SMOVE", "s", "t", "b"}) ==
        Events{"s srem 0 s", "g del 0 s", "s sadd 0 t"});
  CHECK(events_of({"SADD", "s", "b"}) == Events{"s sadd 0 s"});
  CHECK(events_of({"SMOVE", "s", "t", "b"}) == Events{"s srem 0 s", "g del 0 s"});
  CHECK(events_of({"SPOP", "t"}) == Events{"s spop 0 t", "g del 0 t"});
  events_of({"SADD", "t", "b", "c"});
  CHECK(events_of({"SPOP", "t", "1"}) == Events{"s spop 0 t"});
  CHECK(events_of({"SPOP", "t", "1"}) == Events{"s spop 0 t", "g del 0 t"});
  events_of({"SADD", "t", "b", "c"});
  CHECK(events_of({"SINTERSTORE", "d", "t"}) == Events{"s sinterstore 0 d"});
  CHECK(events_of({"SUNIONSTORE", "d", "t"}) == Events{"s sunionstore 0 d"});
  CHECK(events_of({"SDIFFSTORE", "d", "t"}) == Events{"s sdiffstore 0 d"});
  CHECK(events_of({"SDIFFSTORE", "d", "t", "t"}) == Events{"g del 0 d"});
  CHECK(events_of({"SDIFFSTORE", "d", "t", "t"}).empty());
}

TEST_CASE("changes of hashes say what the fields are now") {
  Primary primary;
  CHECK(primary.of({"HSET", "h", "a", "1", "b", "2"}) ==
        Records{wire("SELECT 0|HSET h a 1 b 2")});
  CHECK(primary.of({"HSETNX", "h", "a", "9"}).empty());
  CHECK(primary.of({"HSETNX", "h", "c", "3"}) == Records{wire("HSET h c 3")});
  CHECK(primary.of({"HINCRBY", "h", "a", "4"}) == Records{wire("HSET h a 5")});
  CHECK(primary.of({"HINCRBYFLOAT", "h", "a", "0.5"}) == Records{wire("HSET h a 5.5")});
  CHECK(primary.of({"HDEL", "h", "z"}).empty());
  CHECK(primary.of({"HDEL", "h", "b", "z"}) == Records{wire("HDEL h b z")});
  CHECK(primary.of({"HPEXPIRE", "h", "500", "FIELDS", "2", "a", "z"}) ==
        Records{wire("HPEXPIREAT h 1000500 FIELDS 1 a")});
  CHECK(primary.of({"HEXPIRE", "h", "9", "NX", "FIELDS", "1", "a"}).empty());
  CHECK(primary.of({"HPERSIST", "h", "FIELDS", "2", "a", "c"}) ==
        Records{wire("HPERSIST h FIELDS 1 a")});
  CHECK(primary.of({"HGETDEL", "h", "FIELDS", "2", "c", "z"}) == Records{wire("HDEL h c")});
  CHECK(primary.of({"HEXPIRE", "h", "0", "FIELDS", "1", "a"}) == Records{wire("HDEL h a")});
}

TEST_CASE("events of hashes tell what was done, and when a hash is gone") {
  Primary primary;
  const auto events_of = [&primary](const Words& words) {
    primary.of(words);
    return primary.listener.events;
  };
  using Events = std::vector<std::string>;
  CHECK(events_of({"HSET", "h", "a", "1"}) == Events{"h hset 0 h"});
  CHECK(events_of({"HMSET", "h", "b", "2"}) == Events{"h hset 0 h"});
  CHECK(events_of({"HINCRBY", "h", "a", "1"}) == Events{"h hincrby 0 h"});
  CHECK(events_of({"HINCRBYFLOAT", "h", "a", "1"}) == Events{"h hincrbyfloat 0 h"});
  CHECK(events_of({"HEXPIRE", "h", "9", "FIELDS", "1", "a"}) == Events{"h hexpire 0 h"});
  CHECK(events_of({"HPERSIST", "h", "FIELDS", "1", "a"}) == Events{"h hpersist 0 h"});
  CHECK(events_of({"HDEL", "h", "a"}) == Events{"h hdel 0 h"});
  CHECK(events_of({"HGETDEL", "h", "FIELDS", "1", "b"}) == Events{"h hdel 0 h", "g del 0 h"});
}

TEST_CASE("RESTORE is its own effect, with an absolute deadline") {
  Primary primary;
  const std::string payload = storage::rdb::dump_string("v");
  primary.of({"SET", "other", "v"});  // the SELECT has been said
  CHECK(primary.of({"RESTORE", "k", "0", payload}) ==
        Records{wire({"RESTORE", "k", "0", payload})});
  CHECK(primary.listener.events == std::vector<std::string>{"g restore 0 k"});
  CHECK(primary.of({"RESTORE", "k", "0", payload}).empty());  // the key exists
  CHECK(primary.of({"RESTORE", "k", "500", payload, "FREQ", "1", "REPLACE"}) ==
        Records{wire({"RESTORE", "k", "1000500", payload, "FREQ", "1", "REPLACE", "ABSTTL"})});
  CHECK(primary.of({"RESTORE", "k", "1000700", payload, "ABSTTL", "REPLACE"}) ==
        Records{wire({"RESTORE", "k", "1000700", payload, "ABSTTL", "REPLACE"})});
  CHECK(primary.of({"DUMP", "k"}).empty());
}

TEST_CASE("RESTORE with a deadline in the past deletes what it would replace") {
  Primary primary;
  const std::string payload = storage::rdb::dump_string("v");
  primary.of({"SET", "k", "v"});
  CHECK(primary.of({"RESTORE", "k", "1", payload, "ABSTTL", "REPLACE"}) == Records{wire("DEL k")});
  CHECK(primary.listener.events == std::vector<std::string>{"g del 0 k"});
  CHECK(primary.of({"RESTORE", "k", "1", payload, "ABSTTL"}).empty());
  CHECK(primary.listener.events.empty());
}

TEST_CASE("what belongs together is wrapped, with the SELECTs it needs") {
  Primary primary;
  primary.of({"MULTI"});
  primary.of({"SET", "a", "1"});
  primary.of({"SELECT", "2"});
  primary.of({"SET", "b", "2"});
  CHECK(primary.listener.records.empty());
  CHECK(primary.of({"EXEC"}) == Records{wire("SELECT 0|MULTI|SET a 1|SELECT 2|SET b 2|EXEC")});
  CHECK(primary.of({"SET", "b", "3"}) == Records{wire("SET b 3")});  // still in database 2

  primary.of({"MULTI"});
  primary.of({"SET", "a", "1"});
  primary.of({"GET", "a"});
  CHECK(primary.of({"EXEC"}) == Records{wire("SET a 1")});  // one command needs no wrapping
  primary.of({"MULTI"});
  primary.of({"GET", "a"});
  CHECK(primary.of({"EXEC"}).empty());
}

TEST_CASE("a key past its deadline goes by a DEL before whatever found it so") {
  Primary primary;
  primary.of({"SET", "k", "v", "PX", "10"});
  primary.client.set_time_ms(kNowMs + 10);
  CHECK(primary.of({"SET", "k", "w"}) == Records{wire("MULTI|DEL k|SET k w|EXEC")});
  CHECK(primary.listener.events == std::vector<std::string>{"x expired 0 k", "$ set 0 k"});

  primary.of({"PEXPIRE", "k", "10"});
  primary.client.set_time_ms(kNowMs + 20);
  CHECK(primary.of({"GET", "k"}) == Records{wire("DEL k")});
}

TEST_CASE("DELs of what is due are records of their own") {
  Primary primary;
  for (const char* key : {"a", "b", "c"}) primary.of({"SET", key, "v", "PX", "10"});
  primary.listener.records.clear();
  primary.listener.events.clear();
  primary.client.set_time_ms(kNowMs + 1000);
  primary.client.duty().run(primary.client.dispatcher().environment());
  std::sort(primary.listener.records.begin(), primary.listener.records.end());
  CHECK(primary.listener.records == Records{wire("DEL a"), wire("DEL b"), wire("DEL c")});
  CHECK(primary.listener.events.size() == 3);
}

TEST_CASE("an offset counts the bytes up to the record's end") {
  Primary primary;
  primary.client.run({"SET", "a", "1"});
  primary.client.run({"MSET", "a", "1", "b", "2"});
  size_t bytes = 0;
  for (size_t i = 0; i < primary.listener.records.size(); ++i) {
    bytes += primary.listener.records[i].size();
    CHECK(primary.listener.offsets[i] == bytes);
  }
  CHECK(primary.listener.records.size() == 2);
  CHECK(primary.node.effect_log().end_offset() == bytes);
}

TEST_CASE("a listener that comes late begins with a SELECT, and one that left hears nothing") {
  Primary primary;
  primary.client.run({"SET", "a", "1"});
  Listener late;
  primary.node.effect_log().attach(late);
  primary.client.run({"SET", "a", "2"});
  CHECK(late.records == Records{wire("SELECT 0|SET a 2")});
  CHECK(primary.listener.records.back() == late.records.back());
  primary.node.effect_log().detach(primary.listener);
  CHECK(primary.node.effect_log().listening());
  primary.client.run({"SET", "a", "3"});
  CHECK(primary.listener.records.size() == 2);
  CHECK(late.records.size() == 2);
  primary.node.effect_log().detach(late);
  CHECK_FALSE(primary.node.effect_log().listening());

  const uint64_t end = primary.node.effect_log().end_offset();
  primary.client.run({"SET", "a", "4"});
  CHECK(primary.node.effect_log().end_offset() == end);
}

TEST_CASE("events come with their record, under the names clients know") {
  Primary primary;
  primary.of({"MSET", "a", "1", "b", "2"});
  CHECK(primary.listener.events == std::vector<std::string>{"$ set 0 a", "$ set 0 b"});
  primary.of({"DEL", "a", "b", "c"});
  CHECK(primary.listener.events == std::vector<std::string>{"g del 0 a", "g del 0 b"});
}

}  // namespace larder::server
