// RandomCommands: an endless line of commands that change data, from a seed: every write command in
// its variants, on few keys, so that they meet; with short deadlines, so that they pass.
//
// What it says is mostly sensible; about one in ten answers an error or changes nothing, which is
// as much a part of the test. Whoever adds a write command adds it here: tests count which ran.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "storage/hash/hash_object.h"
#include "storage/list/list.h"
#include "storage/rdb/dump.h"
#include "storage/set/set.h"
#include "storage/sorted_set/sorted_set.h"
#include "tests/support/actor.h"

namespace larder::support {

class RandomCommands {
 public:
  RandomCommands(uint64_t seed, unsigned keys) : random_(seed), keys_(keys) {}

  uint64_t pick(uint64_t count) { return random_() % count; }
  std::string key() { return "key:" + std::to_string(pick(keys_)); }

  // A command for any place, in a transaction or outside. Deadlines count from `now_ms`.
  Words data(int64_t now_ms) {
    switch (pick(47)) {
      case 0:
      case 1:
      case 2:
        return set(now_ms);
      case 3:
        return one({{"SETNX", key(), value()},
                    {"GETSET", key(), value()},
                    {"GETDEL", key()},
                    {"SETEX", key(), std::to_string(1 + pick(3)), value()},
                    {"PSETEX", key(), std::to_string(1 + pick(300)), value()}});
      case 4:
        return lifetime("GETEX", now_ms, {"PERSIST"}, {});
      case 5:
        return pairs("MSET", 1 + pick(6));
      case 6:
        return pairs("MSETNX", 1 + pick(3));
      case 7:
        return {"APPEND", key(), value()};
      case 8:
        return one({{"SETRANGE", key(), std::to_string(pick(200)), value()},
                    {"PFADD", cardinality_key(), value(), value()},
                    {"PFMERGE", cardinality_key(), cardinality_key()},
                    {"PFCOUNT", cardinality_key()}});
      case 9:
      case 10:
        return one({{"INCR", key()},
                    {"DECR", key()},
                    {"INCRBY", key(), std::to_string(pick(1000))},
                    {"DECRBY", key(), std::to_string(pick(1000))},
                    {"INCRBYFLOAT", key(), "0.25"},
                    {"SET", key(), std::to_string(pick(100))}});
      case 11:
        return deletion();
      case 12:
      case 13:
      case 14:
        return expiry(now_ms);
      case 15:
        return one({{"PERSIST", key()}, restore(now_ms)});
      case 16:
      case 17:
        return journey();
      case 18:
      case 19:
        return bits();
      case 20:
        return pick(2) == 0 ? many(now_ms) : conditional_deletion();
      case 21:
        return bounded(now_ms);
      case 22:
        return throttle();
      case 23:
      case 24:
        return list_ends();
      case 25:
        return list_middle();
      case 26:
        return waiting();
      case 27:
        return by_script(now_ms);
      case 28:
      case 29:
      case 30:
        return members();
      case 31:
        return set_algebra();
      case 32:
      case 33:
      case 34:
        return scored_members();
      case 35:
        return pick(2) == 0 ? scored_ranges() : scored_algebra();
      case 36:
        return places();
      case 37:
      case 38:
      case 39:
        return fields();
      case 40:
      case 41:
        return stream_entries();
      case 42:
        return stream_reads();
      case 43:
        return pick(4) == 0 ? sorting() : stream_groups();
      case 44:
        return field_lifetimes(now_ms);
      default:
        return one({{"GET", key()}, {"MGET", key(), key(), key()}, {"TTL", key()}});
    }
  }

  // The same from within a script: two commands, of whose keys none, one or a wrong one is
  // declared.
  Words by_script(int64_t now_ms) {
    Words words{"EVAL",
                "local n = tonumber(ARGV[1]) redis.pcall(unpack(ARGV, 2, n + 1)) "
                "return redis.pcall(unpack(ARGV, n + 2))",
                std::to_string(pick(2))};
    if (words[2] == "1") words.push_back(key());
    const Words first = data_for_script(now_ms);
    words.push_back(std::to_string(first.size()));
    words.insert(words.end(), first.begin(), first.end());
    const Words second = data_for_script(now_ms);
    words.insert(words.end(), second.begin(), second.end());
    return words;
  }
  // A script runs no script.
  Words data_for_script(int64_t now_ms) {
    for (;;) {
      Words words = data(now_ms);
      if (words[0] != "EVAL") return words;
    }
  }

  // Rare: empties a database, or all of them, or lets two change places.
  Words flush() {
    return one({{"SWAPDB", std::to_string(pick(3)), std::to_string(pick(3))},
                {"FLUSHDB"},
                {"FLUSHDB", "ASYNC"},
                {"FLUSHDB", "SYNC"},
                {"FLUSHALL"}});
  }
  Words select(unsigned databases) { return {"SELECT", std::to_string(pick(databases))}; }

 private:
  Words one(std::vector<Words> choices) { return std::move(choices[pick(choices.size())]); }

  std::string value() {
    switch (pick(8)) {
      case 0:
        return std::to_string(static_cast<int64_t>(pick(1000)) - 500);
      case 1:
        return std::string(1000 + pick(20'000), static_cast<char>('a' + pick(26)));
      case 2:
        return {};
      case 3:
        return std::string("\r\n*1\0$", 6);
      default:
        return std::string(1 + pick(90), static_cast<char>('a' + pick(26)));
    }
  }

  // NAME key [option | EX s | PX ms | EXAT s | PXAT ms] in any of its forms, past times included.
  Words lifetime(const std::string& name, int64_t now_ms, const Words& options,
                 const Words& arguments) {
    Words words{name, key()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const int64_t ms = static_cast<int64_t>(pick(400));
    switch (pick(6)) {
      case 0:
        words.insert(words.end(), {"EX", std::to_string(1 + pick(2))});
        break;
      case 1:
        words.insert(words.end(), {"PX", std::to_string(1 + ms)});
        break;
      case 2:
        words.insert(words.end(), {"EXAT", std::to_string(now_ms / 1000 + 1)});
        break;
      case 3:
        words.insert(words.end(), {"PXAT", std::to_string(now_ms - 100 + ms)});
        break;
      default:
        if (!options.empty()) words.push_back(options[pick(options.size())]);
    }
    return words;
  }

  Words set(int64_t now_ms) {
    Words words = lifetime("SET", now_ms, {"KEEPTTL"}, {value()});
    switch (pick(8)) {
      case 0:
        words.push_back("NX");
        break;
      case 1:
        words.push_back("XX");
        break;
      case 2:
        words.push_back("GET");
        break;
      case 3:
        words.insert(words.end(), {pick(2) == 0 ? "IFEQ" : "IFNE", std::to_string(pick(100))});
        break;
      default:
        break;
    }
    return words;
  }

  Words pairs(const std::string& name, uint64_t count) {
    Words words{name};
    for (uint64_t i = 0; i < count; ++i) {
      words.push_back(key());
      words.push_back(value());
    }
    return words;
  }

  // MSETEX with or without a condition and a lifetime; now and then with a wrong number of keys.
  Words many(int64_t now_ms) {
    const uint64_t count = 1 + pick(4);
    const std::string ms = std::to_string(1 + pick(300));
    Words words = pairs("MSETEX", count);
    words.insert(words.begin() + 1, std::to_string(pick(20) == 0 ? pick(6) : count));
    if (pick(3) == 0) words.push_back(pick(2) == 0 ? "NX" : "XX");
    const Words option =
        one({{},
             {"KEEPTTL"},
             {"PX", ms},
             {"EX", "1"},
             {"PXAT", std::to_string(now_ms - 100 + static_cast<int64_t>(pick(400)))}});
    words.insert(words.end(), option.begin(), option.end());
    return words;
  }

  Words conditional_deletion() {
    const std::string number = std::to_string(pick(100));
    return one({{"DELEX", key()},
                {"DELEX", key(), "IFEQ", number},
                {"DELEX", key(), "IFNE", number},
                {"DELEX", key(), "IFDNE", "0f3ca07a8cc8bf40"},
                {"DELIFEQ", key(), number},
                {"DELIFEQ", key(), {}}});
  }

  // INCREX with bounds that counters often meet, decimals, conditions and every kind of lifetime.
  Words bounded(int64_t now_ms) {
    Words words = lifetime("INCREX", now_ms, {"PERSIST"}, {});
    const Words amount = one({{},
                              {"BYINT", std::to_string(static_cast<int64_t>(pick(200)) - 100)},
                              {"BYFLOAT", "0.1"},
                              {"BYFLOAT", "-2.75"}});
    words.insert(words.end(), amount.begin(), amount.end());
    if (pick(2) == 0) words.insert(words.end(), {"UBOUND", std::to_string(pick(100))});
    if (pick(3) == 0) words.insert(words.end(), {"LBOUND", "-20"});
    for (const char* word : {"SATURATE", "ENX", "NX", "XX"}) {
      if (pick(4) == 0) words.push_back(word);
    }
    return words;
  }

  Words throttle() {
    const std::string count = std::to_string(1 + pick(30));
    return {"CL.THROTTLE", key(), std::to_string(pick(4)), count, "1", std::to_string(pick(3))};
  }

  // Lists have keys of their own more often than not, so that they live a while.
  std::string cardinality_key() { return "cardinality:" + std::to_string(pick(3)); }
  std::string list_key() { return pick(4) == 0 ? key() : "list:" + std::to_string(pick(keys_)); }
  std::string element() {
    return pick(12) == 0 ? value() : std::string(1, static_cast<char>('a' + pick(5)));
  }
  std::string end() { return pick(2) == 0 ? "LEFT" : "right"; }
  std::string position() { return std::to_string(static_cast<int64_t>(pick(12)) - 6); }

  Words list_ends() {
    const std::string count = std::to_string(pick(4));
    switch (pick(8)) {
      case 0:
      case 1:
      case 2: {
        Words words{pick(2) == 0 ? "LPUSH" : "RPUSH", list_key()};
        for (uint64_t left = 1 + pick(5); left > 0; --left) words.push_back(element());
        return words;
      }
      case 3:
        return one({{"LPUSHX", list_key(), element()}, {"RPUSHX", list_key(), element(), "x"}});
      case 4:
        return one({{"LPOP", list_key()}, {"RPOP", list_key()}});
      case 5:
        return one({{"LPOP", list_key(), count}, {"RPOP", list_key(), count}});
      case 6:
        return one({{"RPOPLPUSH", list_key(), list_key()},
                    {"LMOVE", list_key(), list_key(), end(), end()}});
      default:
        return one({{"LMPOP", "2", list_key(), list_key(), end()},
                    {"LMPOP", "1", list_key(), end(), "COUNT", "3"}});
    }
  }

  Words waiting() {
    return one({{"BLPOP", list_key(), list_key(), "0.01"},
                {"BRPOP", list_key(), "0.01"},
                {"BLMPOP", "0.01", "2", list_key(), list_key(), end(), "COUNT", "2"},
                {"BLMOVE", list_key(), list_key(), end(), end(), "0.01"},
                {"BRPOPLPUSH", list_key(), list_key(), "0.01"},
                {"XREAD", "BLOCK", "10", "STREAMS", stream_key(), stream_key(), "$", "0"},
                {"XREADGROUP", "GROUP", group(), consumer(), "BLOCK", "10", "STREAMS", stream_key(),
                 ">"}});
  }

  Words list_middle() {
    return one({{"LSET", list_key(), position(), element()},
                {"LINSERT", list_key(), pick(2) == 0 ? "BEFORE" : "AFTER", element(), element()},
                {"LREM", list_key(), std::to_string(static_cast<int64_t>(pick(5)) - 2), element()},
                {"LTRIM", list_key(), position(), position()},
                {"LRANGE", list_key(), position(), position()},
                {"LPOS", list_key(), element(), "RANK", "-1", "COUNT", "2"}});
  }

  // Sets have keys of their own, as lists do.
  // Keys of all types, whose elements name keys as often as not.
  Words sorting() {
    Words words{"SORT", one({{list_key()}, {set_key()}, {scored_key()}})[0]};
    if (pick(3) == 0) {
      const Words by = one({{"BY", "nosort"}, {"BY", "key:*"}, {"BY", "hash:*->f1"}});
      words.insert(words.end(), by.begin(), by.end());
    }
    if (pick(3) != 0) words.push_back("ALPHA");
    if (pick(3) == 0) words.push_back("DESC");
    // So that no list doubles again and again.
    words.insert(words.end(), {"LIMIT", std::to_string(pick(3)), std::to_string(pick(20))});
    if (pick(2) == 0) {
      const Words get = one({{"GET", "#"}, {"GET", "key:*"}, {"GET", "hash:*->f1", "GET", "#"}});
      words.insert(words.end(), get.begin(), get.end());
    }
    words.insert(words.end(), {"STORE", list_key()});
    return words;
  }

  std::string set_key() { return pick(4) == 0 ? key() : "set:" + std::to_string(pick(keys_)); }
  std::string member() {
    return pick(2) == 0 ? std::to_string(pick(600)) : pick(3) == 0 ? value() : element();
  }

  Words members() {
    switch (pick(8)) {
      case 0:
      case 1:
      case 2: {
        Words words{pick(5) == 0 ? "SREM" : "SADD", set_key()};
        for (uint64_t left = 1 + pick(8); left > 0; --left) words.push_back(member());
        return words;
      }
      case 3: {  // so many that they are integers no more
        Words words{"SADD", set_key()};
        const uint64_t first = pick(400);
        for (uint64_t left = pick(250); left > 0; --left) {
          words.push_back(std::to_string(first + left));
        }
        words.push_back(member());
        return words;
      }
      case 4:
        return one({{"SPOP", set_key()},
                    {"SPOP", set_key(), std::to_string(pick(4))},
                    {"SPOP", set_key(), "300"}});
      case 5:
        return {"SMOVE", set_key(), set_key(), member()};
      case 6:
        return one({{"SMEMBERS", set_key()},
                    {"SRANDMEMBER", set_key(), "-3"},
                    {"SRANDMEMBER", set_key(), "7"},
                    {"SSCAN", set_key(), "0"}});
      default:
        return one({{"SISMEMBER", set_key(), member()},
                    {"SMISMEMBER", set_key(), member(), member()},
                    {"SCARD", set_key()}});
    }
  }

  std::string hash_key() { return pick(4) == 0 ? key() : "hash:" + std::to_string(pick(keys_)); }
  std::string field() { return "f" + std::to_string(pick(pick(10) == 0 ? 900 : 12)); }

  Words fields() {
    switch (pick(8)) {
      case 0:
      case 1: {
        Words words{pick(4) == 0 ? "HMSET" : "HSET", hash_key()};
        for (uint64_t left = 1 + pick(pick(20) == 0 ? 300 : 5); left > 0; --left) {
          words.insert(words.end(), {field(), value()});
        }
        return words;
      }
      case 2:
        return one({{"HSETNX", hash_key(), field(), value()},
                    {"HSET", hash_key(), field(), std::to_string(pick(100))}});
      case 3:
        return {"HDEL", hash_key(), field(), field()};
      case 4:
        return {"HINCRBY", hash_key(), field(), std::to_string(pick(100))};
      case 5:
        return {"HINCRBYFLOAT", hash_key(), field(), "0.3"};
      case 6:
        return one({{"HGETALL", hash_key()},
                    {"HKEYS", hash_key()},
                    {"HVALS", hash_key()},
                    {"HSCAN", hash_key(), "0"},
                    {"HRANDFIELD", hash_key(), "3", "WITHVALUES"},
                    {"HRANDFIELD", hash_key(), "-3"}});
      default:
        return one({{"HGET", hash_key(), field()},
                    {"HMGET", hash_key(), field(), field()},
                    {"HLEN", hash_key()},
                    {"HSTRLEN", hash_key(), field()},
                    {"HEXISTS", hash_key(), field()}});
    }
  }

  Words field_lifetimes(int64_t now_ms) {
    const std::string ms = std::to_string(pick(400));
    const std::string instant = std::to_string(now_ms - 100 + static_cast<int64_t>(pick(400)));
    return one(
        {{"HPEXPIRE", hash_key(), ms, "FIELDS", "3", field(), field(), field()},
         {"HEXPIRE", hash_key(), std::to_string(pick(3)), "FIELDS", "1", field()},
         {"HPEXPIREAT", hash_key(), instant, pick(2) == 0 ? "XX" : "LT", "FIELDS", "2", field(),
          field()},
         {"HEXPIREAT", hash_key(), std::to_string(now_ms / 1000 + 1), "FIELDS", "1", field()},
         {"HPERSIST", hash_key(), "FIELDS", "2", field(), field()},
         {"HGETDEL", hash_key(), "FIELDS", "2", field(), field()},
         {"HGETEX", hash_key(), "FIELDS", "1", field()},
         {"HGETEX", hash_key(), "PERSIST", "FIELDS", "2", field(), field()},
         {"HGETEX", hash_key(), "PXAT", instant, "FIELDS", "2", field(), field()},
         {"HSETEX", hash_key(), "FIELDS", "2", field(), value(), field(), value()},
         {"HSETEX", hash_key(), "PX", ms, "FIELDS", "2", field(), value(), field(), value()},
         {"HSETEX", hash_key(), "FNX", "PXAT", instant, "FIELDS", "1", field(), value()},
         {"HSETEX", hash_key(), "FXX", "KEEPTTL", "FIELDS", "1", field(), value()},
         {"HPTTL", hash_key(), "FIELDS", "1", field()}});
  }

  Words set_algebra() {
    return one({{"SINTERSTORE", set_key(), set_key(), set_key()},
                {"SUNIONSTORE", set_key(), set_key(), set_key(), set_key()},
                {"SDIFFSTORE", set_key(), set_key(), set_key()},
                {"SINTER", set_key(), set_key()},
                {"SUNION", set_key(), set_key()},
                {"SDIFF", set_key(), set_key()},
                {"SINTERCARD", "2", set_key(), set_key(), "LIMIT", "3"}});
  }

  Words bits() {
    const Words operations{"AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"};
    const std::string bit = std::to_string(pick(2));
    return one(
        {{"SETBIT", key(), std::to_string(pick(1000)), bit},
         {"SETBIT", key(), std::to_string(pick(8)), bit},
         {"BITOP", operations[pick(operations.size())], key(), key(), key()},
         {"BITOP", "NOT", key(), key()},
         {"BITFIELD", key(), "SET", "i17", std::to_string(pick(600)), std::to_string(pick(70'000)),
          "OVERFLOW", "SAT", "INCRBY", "u9", "#3", "-100", "GET", "u63", "5"},
         {"BITFIELD", key(), "OVERFLOW", "FAIL", "INCRBY", "u2", std::to_string(pick(400)), "2"},
         {"BITFIELD", key(), "GET", "i5", "11"}});
  }

  // Streams have keys of their own, so that they live for a while.
  std::string stream_key() { return pick(30) == 0 ? key() : "stream:" + std::to_string(pick(3)); }
  std::string some_id() { return std::to_string(1 + pick(60)) + "-" + std::to_string(pick(3)); }

  Words stream_entries() {
    const std::string name = stream_key();
    return one({{"XADD", name, "*", "field", value()},
                {"XADD", name, some_id(), "field", value(), "other", value()},
                {"XADD", name, std::to_string(1 + pick(60)) + "-*", "field", value()},
                {"XADD", name, "NOMKSTREAM", "MAXLEN", "~", "3", "*", value(), value()},
                {"XADD", name, "MAXLEN", "~", "1", "LIMIT", "200", "*", value(), value()},
                {"XADD", name, "MINID", "=", some_id(), "*", "field", value()},
                {"XTRIM", name, "MAXLEN", std::to_string(pick(20))},
                {"XTRIM", name, "MINID", "~", some_id()},
                {"XDEL", name, some_id(), some_id(), some_id()},
                {"XSETID", name, some_id(), "ENTRIESADDED", "1000", "MAXDELETEDID", some_id()}});
  }
  std::string group() { return "group:" + std::to_string(pick(2)); }
  std::string consumer() { return "consumer:" + std::to_string(pick(3)); }

  Words stream_reads() {
    const std::string name = stream_key();
    const std::string some = std::to_string(1 + pick(4));
    return one(
        {{"XREAD", "COUNT", some, "STREAMS", name, stream_key(), some_id(), "0"},
         {"XREADGROUP", "GROUP", group(), consumer(), "COUNT", some, "STREAMS", name, ">"},
         {"XREADGROUP", "GROUP", group(), consumer(), "STREAMS", name, stream_key(), ">", ">"},
         {"XREADGROUP", "GROUP", group(), consumer(), "NOACK", "STREAMS", name, ">"},
         {"XREADGROUP", "GROUP", group(), consumer(), "COUNT", some, "STREAMS", name, "0"},
         {"XCLAIM", name, group(), consumer(), "0", some_id(), some_id(), "FORCE"},
         {"XCLAIM", name, group(), consumer(), "0", some_id(), "IDLE", "500", "RETRYCOUNT", some,
          "JUSTID", "LASTID", some_id()},
         {"XAUTOCLAIM", name, group(), consumer(), "0", "0", "COUNT", some},
         {"XAUTOCLAIM", name, group(), consumer(), "50", some_id(), "JUSTID"},
         {"XACK", name, group(), some_id(), some_id(), some_id()}});
  }
  Words stream_groups() {
    const std::string name = stream_key();
    return one({{"XGROUP", "CREATE", name, group(), "0", "MKSTREAM"},
                {"XGROUP", "CREATE", name, group(), "$", "MKSTREAM", "ENTRIESREAD", "3"},
                {"XGROUP", "CREATE", name, group(), some_id(), "MKSTREAM"},
                {"XGROUP", "SETID", name, group(), some_id()},
                {"XGROUP", "DESTROY", name, group()},
                {"XGROUP", "CREATECONSUMER", name, group(), consumer()},
                {"XGROUP", "DELCONSUMER", name, group(), consumer()}});
  }

  Words deletion() {
    Words words{pick(2) == 0 ? "DEL" : "UNLINK"};
    for (uint64_t left = 1 + pick(4); left > 0; --left) words.push_back(key());
    return words;
  }

  // A value goes to another key or database.
  Words journey() {
    const std::string database = std::to_string(pick(3));
    return one({{"RENAME", key(), key()},
                {"RENAMENX", key(), key()},
                {"COPY", key(), key()},
                {"COPY", key(), key(), "REPLACE"},
                {"COPY", key(), key(), "DB", database, "REPLACE"},
                {"MOVE", key(), database}});
  }

  Words expiry(int64_t now_ms) {
    const auto ms = static_cast<int64_t>(pick(400));
    Words words = one({{"EXPIRE", key(), std::to_string(pick(3))},
                       {"PEXPIRE", key(), std::to_string(ms - 20)},
                       {"EXPIREAT", key(), std::to_string(now_ms / 1000 + 1)},
                       {"PEXPIREAT", key(), std::to_string(now_ms - 20 + ms)}});
    const Words conditions{"NX", "XX", "GT", "LT"};
    if (pick(2) == 0) words.push_back(conditions[pick(conditions.size())]);
    return words;
  }

  // A payload of DUMP, now and then spoiled, in any of the forms that RESTORE takes.
  Words restore(int64_t now_ms) {
    std::string payload = storage::rdb::dump_string(value());
    if (pick(3) == 0) {
      storage::List* list = storage::List::create();
      for (uint64_t left = 1 + pick(6); left > 0; --left) {
        list->push(storage::End::back, element());
      }
      payload = storage::rdb::dump_object(*list);
      storage::Object::release(list);
    } else if (pick(3) == 0) {
      payload = pick(2) == 0 ? set_payload() : sorted_set_payload();
    } else if (pick(3) == 0) {
      payload = hash_payload();
    }
    if (pick(10) == 0) payload[pick(payload.size())] ^= 1;
    const auto ms = static_cast<int64_t>(pick(400));
    Words words = one({{"RESTORE", key(), "0", payload},
                       {"RESTORE", key(), std::to_string(ms), payload},
                       {"RESTORE", key(), std::to_string(now_ms - 20 + ms), payload, "ABSTTL"}});
    if (pick(4) != 0) words.push_back("REPLACE");
    if (pick(4) == 0) words.insert(words.end(), {pick(2) == 0 ? "FREQ" : "IDLETIME", "7"});
    return words;
  }

  // Sorted sets, too.
  std::string scored_key() { return pick(4) == 0 ? key() : "zset:" + std::to_string(pick(keys_)); }
  std::string score() {
    switch (pick(8)) {
      case 0:
        return "0.1";
      case 1:
        return pick(2) == 0 ? "inf" : "-inf";
      case 2:
        return std::to_string(random_() % 1'000'000) + ".25e-3";
      default:
        return std::to_string(static_cast<int64_t>(pick(20)) - 5);
    }
  }

  Words scored_members() {
    switch (pick(7)) {
      case 0:
      case 1:
      case 2: {
        Words words{"ZADD", scored_key()};
        const Words options{"NX", "XX", "GT", "LT", "CH", "CH", "CH", "CH"};
        if (pick(2) == 0) words.push_back(options[pick(options.size())]);
        // Now and then so many that they are kept in another way.
        for (uint64_t left = pick(15) == 0 ? 150 : 1 + pick(6); left > 0; --left) {
          words.insert(words.end(), {score(), member()});
        }
        return words;
      }
      case 3:
        return one({{"ZINCRBY", scored_key(), score(), member()},
                    {"ZADD", scored_key(), "INCR", score(), member()}});
      case 4:
        return {"ZREM", scored_key(), member(), member(), member()};
      case 5:
        return one({{"ZPOPMIN", scored_key()},
                    {"ZPOPMAX", scored_key(), std::to_string(pick(5))},
                    {"ZPOPMIN", scored_key(), "200"},
                    {"ZMPOP", "2", scored_key(), scored_key(), pick(2) == 0 ? "MIN" : "MAX"},
                    {"BZPOPMIN", scored_key(), scored_key(), "0.01"},
                    {"BZPOPMAX", scored_key(), "0.01"},
                    {"BZMPOP", "0.01", "1", scored_key(), "MAX", "COUNT", "2"}});
      default:
        return one({{"ZSCORE", scored_key(), member()},
                    {"ZRANK", scored_key(), member(), "WITHSCORE"},
                    {"ZRANDMEMBER", scored_key(), "3", "WITHSCORES"},
                    {"ZSCAN", scored_key(), "0"}});
    }
  }

  Words scored_ranges() {
    return one({{"ZRANGE", scored_key(), position(), position(), "WITHSCORES"},
                {"ZRANGEBYSCORE", scored_key(), "(" + score(), score(), "LIMIT", "1", "3"},
                {"ZRANGESTORE", scored_key(), scored_key(), position(), position(), "REV"},
                {"ZRANGESTORE", scored_key(), scored_key(), score(), score(), "BYSCORE"},
                {"ZREMRANGEBYRANK", scored_key(), position(), position()},
                {"ZREMRANGEBYSCORE", scored_key(), score(), score()},
                {"ZREMRANGEBYLEX", scored_key(), "[a", "(c"}});
  }

  Words scored_algebra() {
    return one(
        {{"ZUNIONSTORE", scored_key(), "2", scored_key(), set_key(), "WEIGHTS", "2", score()},
         {"ZUNIONSTORE", scored_key(), "3", scored_key(), scored_key(), scored_key()},
         {"ZINTERSTORE", scored_key(), "2", scored_key(), scored_key(), "AGGREGATE", "MAX"},
         {"ZDIFFSTORE", scored_key(), "2", scored_key(), scored_key()},
         {"ZINTERCARD", "2", scored_key(), set_key(), "LIMIT", "3"}});
  }

  Words places() {
    const auto degrees = [this] {
      return std::to_string(static_cast<int64_t>(pick(160)) - 80) + "." +
             std::to_string(pick(1000));
    };
    return one(
        {{"GEOADD", scored_key(), degrees(), degrees(), member(), degrees(), degrees(), "m"},
         {"GEOADD", scored_key(), "CH", degrees(), degrees(), member()},
         {"GEOSEARCHSTORE", scored_key(), scored_key(), "FROMLONLAT", degrees(), degrees(),
          "BYRADIUS", "5000", "km", "STOREDIST"},
         {"GEOSEARCHSTORE", scored_key(), scored_key(), "FROMLONLAT", degrees(), degrees(), "BYBOX",
          "5000", "9000", "km", "COUNT", "3"},
         {"GEORADIUS", scored_key(), degrees(), degrees(), "8000", "km", "STORE", scored_key()},
         {"GEORADIUSBYMEMBER", scored_key(), "m", "9000", "km", "STOREDIST", scored_key()}});
  }

  std::string sorted_set_payload() {
    const storage::KeyHasher hasher(1);
    storage::SortedSet* set = storage::SortedSet::create();
    for (uint64_t left = 1 + pick(200); left > 0; --left) {
      set->add(member(), static_cast<double>(pick(100)) / 8, hasher);
    }
    if (pick(2) == 0) set->set_encoding(storage::SortedSetEncoding::skiplist);
    const std::string payload = storage::rdb::dump_object(*set);
    storage::Object::release(set);
    return payload;
  }

  std::string hash_payload() {
    const storage::KeyHasher hasher(1);
    storage::HashObject* hash = storage::HashObject::create();
    for (uint64_t left = 1 + pick(20); left > 0; --left) {
      hash->set(field(), value(), storage::kNoDeadline, hasher);
    }
    if (pick(2) == 0) hash->set_encoding(storage::HashEncoding::hashtable);
    const std::string payload = storage::rdb::dump_object(*hash);
    storage::Object::release(hash);
    return payload;
  }

  std::string set_payload() {
    const storage::KeyHasher hasher(1);
    storage::Set* set = storage::Set::create();
    const bool integers = pick(2) == 0;
    for (uint64_t left = 1 + pick(200); left > 0; --left) {
      set->add(integers ? std::to_string(pick(1'000)) : member(), hasher);
    }
    if (!integers) set->set_encoding(storage::SetEncoding::hashtable);
    const std::string payload = storage::rdb::dump_object(*set);
    storage::Object::release(set);
    return payload;
  }

  std::mt19937_64 random_;
  unsigned keys_;
};

}  // namespace larder::support
