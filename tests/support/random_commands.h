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
#include "tests/support/actor.h"

namespace larder::support {

class RandomCommands {
 public:
  RandomCommands(uint64_t seed, unsigned keys) : random_(seed), keys_(keys) {}

  uint64_t pick(uint64_t count) { return random_() % count; }
  std::string key() { return "key:" + std::to_string(pick(keys_)); }

  // A command for any place, in a transaction or outside. Deadlines count from `now_ms`.
  Words data(int64_t now_ms) {
    switch (pick(39)) {
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
        return {"SETRANGE", key(), std::to_string(pick(200)), value()};
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
        return fields();
      case 35:
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
                {"FLUSHDB"}, {"FLUSHDB", "ASYNC"}, {"FLUSHDB", "SYNC"}, {"FLUSHALL"}});
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
                {"BRPOPLPUSH", list_key(), list_key(), "0.01"}});
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
    return one({{"HPEXPIRE", hash_key(), ms, "FIELDS", "3", field(), field(), field()},
                {"HEXPIRE", hash_key(), std::to_string(pick(3)), "FIELDS", "1", field()},
                {"HPEXPIREAT", hash_key(), instant, pick(2) == 0 ? "XX" : "LT", "FIELDS", "2", field(),
                 field()},
                {"HPERSIST", hash_key(), "FIELDS", "2", field(), field()},
                {"HGETDEL", hash_key(), "FIELDS", "2", field(), field()},
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
      payload = set_payload();
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
