// Whole commands, one after the other, through the dispatcher: each reply is what a map says, at
// the end the shards are in order and hold what the map holds, and a follower that heard the
// effects holds the same.
//
// Input: one byte (odd: a follower listens), then requests of a byte that chooses the command and
// as many more as it asks for; missing bytes are 0. Eight keys, two databases, one client; a
// transaction may stand around any of them, and time passes between them.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/list/list.h"
#include "storage/rdb/dump.h"
#include "tests/support/actor.h"
#include "tests/support/follower.h"

namespace {

using larder::storage::kNoDeadline;
using larder::support::Actor;
using larder::support::Follower;
using larder::support::Words;

constexpr unsigned kDatabases = 2;
constexpr int64_t kBeginMs = 1'700'000'000'000;

const std::string kOk = "+OK\r\n";
const std::string kNull = "$-1\r\n";
const std::string kNullArray = "*-1\r\n";
const std::string kWrongType =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

std::string integer(int64_t value) {
  return ":" + std::to_string(value) + "\r\n";
}
std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
std::string error(const std::string& text) {
  return "-" + text + "\r\n";
}
std::string array(const std::vector<std::string>& elements) {
  std::string out = "*" + std::to_string(elements.size()) + "\r\n";
  for (const std::string& element : elements) out += element;
  return out;
}

void require(bool holds, const std::string& message) {
  if (holds) return;
  std::fwrite(message.data(), 1, message.size(), stderr);
  std::abort();
}

struct Value {
  std::string text;  // of a string
  int64_t deadline_ms = kNoDeadline;
  std::vector<std::string> elements = {};  // of a list, which has at least one

  bool is_list() const { return !elements.empty(); }

  bool is_due(int64_t now_ms) const { return deadline_ms != kNoDeadline && deadline_ms <= now_ms; }
};

std::optional<int64_t> canonical_integer(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

std::string dump_of(const Value& value) {
  if (!value.is_list()) return larder::storage::rdb::dump_string(value.text);
  auto* list = larder::storage::List::create();
  for (const std::string& element : value.elements) {
    list->push(larder::storage::End::back, element);
  }
  std::string payload = larder::storage::rdb::dump_object(*list);
  larder::storage::Object::release(list);
  return payload;
}

class Run {
 public:
  Run(const uint8_t* data, size_t size) : data_(data), end_(data + size) {
    if ((byte() & 1) != 0) follower_.emplace(2, kBeginMs).attach(node_);
    actor_.set_time_ms(now_ms_);
  }

  void play() {
    while (data_ != end_) one_request();
    if (queued_) exec();
    while (actor_.dispatcher().environment().garbage) actor_.turn();
    check_contents();
  }

 private:
  uint8_t byte() { return data_ == end_ ? uint8_t{0} : *data_++; }
  std::string key() { return "key:" + std::to_string(byte() % 8); }
  std::string text() {
    const uint8_t choice = byte();
    if (choice < 40) return std::to_string(int{choice} - 20);
    if (choice == 253) return std::string("\r\n$-1\0", 6);
    if (choice == 254) return "9223372036854775807";
    return std::string(choice == 255 ? 20'000 : choice - 40, 'x');
  }
  int64_t small_number() { return int64_t{byte()} - 100; }

  std::map<std::string, Value>& keys() { return databases_[database_]; }
  Value* find(const std::string& name) {
    const auto found = keys().find(name);
    if (found == keys().end()) return nullptr;
    if (!found->second.is_due(now_ms_)) return &found->second;
    keys().erase(found);
    return nullptr;
  }

  // Sends a request and compares its reply, or keeps that for EXEC's.
  void ask(const Words& words, const std::string& reply) {
    const std::string got = actor_.run(words);
    if (queued_) queued_->push_back(reply);
    const std::string want = queued_ ? "+QUEUED\r\n" : reply;
    std::string said;
    for (const std::string& word : words) said += word.substr(0, 100) + " ";
    require(got == want, said + "gave " + got.substr(0, 200) + " not " + want.substr(0, 200));
  }

  void one_request() {
    switch (byte() % 34) {
      case 0:
      case 1:
        return set();
      case 2:
        return ask_about(
            {"GET", key()},
            [](const Value& value) { return value.is_list() ? kWrongType : bulk(value.text); },
            kNull);
      case 3:
        return ask_about(
            {"STRLEN", key()},
            [](const Value& value) {
              if (value.is_list()) return kWrongType;
              return integer(static_cast<int64_t>(value.text.size()));
            },
            integer(0));
      case 4:
        return ask_about(
            {"TYPE", key()},
            [](const Value& value) { return value.is_list() ? "+list\r\n" : "+string\r\n"; },
            "+none\r\n");
      case 5:
        return ask_about(
            {"PTTL", key()},
            [this](const Value& value) {
              return integer(value.deadline_ms == kNoDeadline ? -1 : value.deadline_ms - now_ms_);
            },
            integer(-2));
      case 6:
        return dump();
      case 7:
        return getrange();
      case 8:
        return several("MGET");
      case 9:
        return several("EXISTS");
      case 10:
        return several((byte() & 1) != 0 ? "DEL" : "UNLINK");
      case 11:
        return mset();
      case 12:
        return append();
      case 13:
        return setrange();
      case 14:
        return incrby();
      case 15:
        return setnx();
      case 16:
        return get_and((byte() & 1) != 0);
      case 17:
        return pexpireat();
      case 18:
        return persist();
      case 19:
      case 20:
        return restore();
      case 21:
        return flush_or_select();
      case 22:
        return queued_ ? exec() : multi();
      case 23:
      case 24:
        return push();
      case 25:
        return pop();
      case 26:
        return lrange();
      case 27:
        return change_element();
      case 28:
        return lrem();
      case 29:
        return ltrim();
      case 30:
        return lmove();
      case 31:
        return increx();
      case 32:
        return throttle();
      default:
        return pass();
    }
  }

  // ---- reads ----

  template <typename Answer>
  void ask_about(const Words& words, Answer answer, const std::string& absent) {
    const Value* value = find(words[1]);
    ask(words, value == nullptr ? absent : answer(*value));
  }

  void getrange() {
    const std::string name = key();
    const int64_t first = small_number();
    const int64_t last = small_number();
    std::string part;
    const Words words{"GETRANGE", name, std::to_string(first), std::to_string(last)};
    const Value* value = find(name);
    if (value != nullptr && value->is_list()) return ask(words, kWrongType);
    if (value != nullptr && !value->text.empty()) {
      const auto size = static_cast<int64_t>(value->text.size());
      const int64_t from = std::max<int64_t>(first < 0 ? first + size : first, 0);
      const int64_t to = std::min(std::max<int64_t>(last < 0 ? last + size : last, 0), size - 1);
      const bool is_backwards = first < 0 && last < 0 && first > last;
      for (int64_t at = from; at <= to && !is_backwards; ++at) {
        part += value->text[static_cast<size_t>(at)];
      }
    }
    ask(words, bulk(part));
  }

  // MGET, EXISTS, DEL and UNLINK of up to three keys, which may be the same.
  void several(const std::string& name) {
    Words words{name};
    for (size_t left = 1 + byte() % 3; left > 0; --left) words.push_back(key());
    std::vector<std::string> values;
    int64_t count = 0;
    for (size_t i = 1; i < words.size(); ++i) {
      const Value* value = find(words[i]);
      values.push_back(value == nullptr || value->is_list() ? kNull : bulk(value->text));
      if (value == nullptr) continue;
      ++count;
      if (name != "MGET" && name != "EXISTS") keys().erase(words[i]);
    }
    ask(words, name == "MGET" ? array(values) : integer(count));
  }

  // How a list is divided in its payload depends on its past.
  void dump() {
    const std::string name = key();
    const Value* value = find(name);
    if (value != nullptr && value->is_list()) {
      return ask({"LLEN", name}, integer(static_cast<int64_t>(value->elements.size())));
    }
    ask({"DUMP", name}, value == nullptr ? kNull : bulk(dump_of(*value)));
  }

  // ---- writes ----

  void set() {
    const std::string name = key();
    const std::string value = text();
    const uint8_t options = byte();
    const bool if_absent = (options & 3) == 1;
    const bool if_present = (options & 3) == 2;
    const bool get = (options & 4) != 0;
    Words words{"SET", name, value};
    if (if_absent) words.push_back("NX");
    if (if_present) words.push_back("XX");
    if (get) words.push_back("GET");
    constexpr const char* kWords[] = {"EX", "PX", "EXAT", "PXAT"};
    const unsigned lifetime = options >> 3 & 7;  // one of those, KEEPTTL, or nothing
    int64_t deadline_ms = kNoDeadline;
    if (lifetime < 4) {
      const int64_t number = small_number() + (lifetime == 2   ? now_ms_ / 1000
                                               : lifetime == 3 ? now_ms_
                                                               : 0);
      words.insert(words.end(), {kWords[lifetime], std::to_string(number)});
      if (number <= 0) return ask(words, error("ERR invalid expire time in 'set' command"));
      deadline_ms = number * (lifetime % 2 == 0 ? 1000 : 1) + (lifetime < 2 ? now_ms_ : 0);
    }
    const Value* known = find(name);
    if (lifetime == 4) {
      words.push_back("KEEPTTL");
      if (known != nullptr) deadline_ms = known->deadline_ms;
    }
    if (get && known != nullptr && known->is_list()) return ask(words, kWrongType);
    const bool holds = !(if_absent && known != nullptr) && !(if_present && known == nullptr);
    std::string reply = holds ? kOk : kNull;
    if (get) reply = known == nullptr ? kNull : bulk(known->text);
    if (holds) keys()[name] = {value, deadline_ms};
    ask(words, reply);
  }

  void mset() {
    Words words{"MSET"};
    for (size_t left = 1 + byte() % 3; left > 0; --left) {
      const std::string name = key();
      const std::string value = text();
      words.insert(words.end(), {name, value});
      keys()[name] = {value, kNoDeadline};
    }
    ask(words, kOk);
  }

  void setnx() {
    const std::string name = key();
    const std::string value = text();
    const bool is_new = find(name) == nullptr;
    if (is_new) keys()[name] = {value, kNoDeadline};
    ask({"SETNX", name, value}, integer(is_new ? 1 : 0));
  }

  void get_and(bool erases) {
    const std::string name = key();
    const Value* known = find(name);
    const bool refuses = known != nullptr && known->is_list();
    const std::string reply = known == nullptr ? kNull : refuses ? kWrongType : bulk(known->text);
    if (erases) {
      if (!refuses) keys().erase(name);
      return ask({"GETDEL", name}, reply);
    }
    const std::string value = text();
    if (refuses) return ask({"GETSET", name, value}, reply);
    keys()[name] = {value, kNoDeadline};
    ask({"GETSET", name, value}, reply);
  }

  Value& found_or_made(const std::string& name) {
    Value* value = find(name);
    return value == nullptr ? keys()[name] : *value;
  }

  void append() {
    const std::string name = key();
    const std::string tail = text();
    const Value* known = find(name);
    if (known != nullptr && known->is_list()) return ask({"APPEND", name, tail}, kWrongType);
    Value& value = found_or_made(name);
    value.text += tail;
    ask({"APPEND", name, tail}, integer(static_cast<int64_t>(value.text.size())));
  }

  void setrange() {
    const std::string name = key();
    const uint8_t choice = byte();
    const std::string patch = text();
    if (choice == 255) {
      return ask({"SETRANGE", name, "-1", patch}, error("ERR offset is out of range"));
    }
    const size_t offset = choice < 100 ? choice : size_t{choice} * choice;
    const Words words{"SETRANGE", name, std::to_string(offset), patch};
    const Value* known = find(name);
    if (known != nullptr && known->is_list()) return ask(words, kWrongType);
    if (patch.empty()) {
      return ask(words, integer(known == nullptr ? 0 : static_cast<int64_t>(known->text.size())));
    }
    std::string& changed = found_or_made(name).text;
    changed.resize(std::max(changed.size(), offset + patch.size()), '\0');
    std::copy(patch.begin(), patch.end(), changed.begin() + static_cast<std::ptrdiff_t>(offset));
    ask(words, integer(static_cast<int64_t>(changed.size())));
  }

  void incrby() {
    const std::string name = key();
    const std::string number = text();
    const Words words{"INCRBY", name, number};
    const std::string not_an_integer = error("ERR value is not an integer or out of range");
    const std::optional<int64_t> increment = canonical_integer(number);
    if (!increment) return ask(words, not_an_integer);
    const Value* known = find(name);
    if (known != nullptr && known->is_list()) return ask(words, kWrongType);
    const std::optional<int64_t> before = canonical_integer(known == nullptr ? "0" : known->text);
    if (!before) return ask(words, not_an_integer);
    int64_t sum = 0;
    if (__builtin_add_overflow(*before, *increment, &sum)) {
      return ask(words, error("ERR increment or decrement would overflow"));
    }
    found_or_made(name).text = std::to_string(sum);
    ask(words, integer(sum));
  }

  // With integers; two bytes of options.
  void increx() {
    const std::string name = key();
    const std::string number = text();
    const uint8_t options = byte();
    const uint8_t lifetime = byte() % 8;  // PX, PXAT, with or without ENX; PERSIST; nothing
    const bool saturates = (options & 1) != 0;
    Words words{"INCREX", name, "BYINT", number};
    int64_t lower = INT64_MIN;
    int64_t upper = INT64_MAX;
    if ((options & 2) != 0) {
      lower = small_number();
      words.insert(words.end(), {"LBOUND", std::to_string(lower)});
    }
    if ((options & 4) != 0) {
      upper = small_number();
      words.insert(words.end(), {"UBOUND", std::to_string(upper)});
    }
    if (saturates) words.push_back("SATURATE");
    if ((options & 8) != 0) words.push_back("NX");
    if ((options & 16) != 0) words.push_back("XX");
    int64_t deadline_ms = kNoDeadline;
    const bool expires = lifetime < 4;
    const bool only_without = expires && (lifetime & 1) != 0;  // ENX
    int64_t ms = 0;
    if (expires) {
      const bool absolute = (lifetime & 2) != 0;
      ms = small_number() * 20 + (absolute ? now_ms_ : 0);
      words.insert(words.end(), {absolute ? "PXAT" : "PX", std::to_string(ms)});
      if (only_without) words.push_back("ENX");
      deadline_ms = absolute ? ms : ms + now_ms_;
    }
    if (lifetime == 4) words.push_back("PERSIST");

    if ((options & 24) == 24) return ask(words, error("ERR syntax error"));
    const std::optional<int64_t> amount = canonical_integer(number);
    if (!amount) return ask(words, error("ERR Increment is not an integer or out of range"));
    if (lower > upper) return ask(words, error("ERR LBOUND can't be greater than UBOUND"));
    if (expires && ms <= 0) return ask(words, error("ERR invalid expire time in 'increx' command"));
    Value* known = find(name);
    if (known != nullptr && known->is_list()) return ask(words, kWrongType);
    const std::optional<int64_t> before = canonical_integer(known == nullptr ? "0" : known->text);
    if (!before) return ask(words, error("ERR value is not an integer or out of range"));
    const bool holds = (options & 8) != 0    ? known == nullptr
                       : (options & 16) != 0 ? known != nullptr
                                             : true;
    __extension__ using Wide = __int128;
    const Wide sum = Wide{*before} + *amount;
    const Wide held = std::clamp(sum, Wide{lower}, Wide{upper});
    if (!holds || (held != sum && !saturates)) {
      return ask(words, array({integer(*before), integer(0)}));
    }
    if (held - *before > INT64_MAX || held - *before < INT64_MIN) {
      return ask(words, error("ERR applied increment would overflow"));
    }
    Value& value = found_or_made(name);
    value.text = std::to_string(static_cast<int64_t>(held));
    if (expires && !(only_without && value.deadline_ms != kNoDeadline)) {
      value.deadline_ms = deadline_ms;
      if (deadline_ms <= now_ms_) keys().erase(name);
    }
    if (lifetime == 4) value.deadline_ms = kNoDeadline;
    ask(words, array({integer(static_cast<int64_t>(held)),
                      integer(static_cast<int64_t>(held - *before))}));
  }

  // At one action per so many seconds; all arrivals are whole milliseconds then.
  void throttle() {
    const std::string name = key();
    const int64_t burst = byte() % 16;
    const int64_t quantity = byte() % 20;
    const int64_t interval_ms = (1 + int64_t{byte()} % 4) * 1000;  // count 1, period 1 .. 4
    const Words words{"CL.THROTTLE",
                      name,
                      std::to_string(burst),
                      "1",
                      std::to_string(interval_ms / 1000),
                      std::to_string(quantity)};
    const Value* known = find(name);
    if (known != nullptr && known->is_list()) return ask(words, kWrongType);
    int64_t arrival_ms = now_ms_;
    bool has_rest = false;
    if (known != nullptr) {
      const std::optional<int64_t> stored = canonical_integer(known->text);
      if (!stored || *stored < 0) {
        return ask(words, error("ERR value is not an integer or out of range"));
      }
      arrival_ms = std::max(now_ms_, *stored / 1'000'000);
      has_rest = *stored % 1'000'000 != 0;
    }
    if (has_rest && arrival_ms > now_ms_) return;  // a counter near the end of time: not worth it
    const int64_t capacity_ms = (burst + 1) * interval_ms;
    const int64_t wait_ms = arrival_ms + quantity * interval_ms - capacity_ms - now_ms_;
    const bool limited = wait_ms > 0;
    const int64_t after_ms = limited ? arrival_ms : arrival_ms + quantity * interval_ms;
    if (!limited && quantity > 0) {
      keys()[name] = {std::to_string(after_ms) + "000000", after_ms};
    }
    const auto seconds = [](int64_t ms) { return (ms + 999) / 1000; };
    const int64_t left = std::max<int64_t>(0, capacity_ms - (after_ms - now_ms_)) / interval_ms;
    const bool may_retry = limited && quantity <= burst + 1;
    ask(words,
        array({integer(limited ? 1 : 0), integer(burst + 1), integer(left),
               integer(may_retry ? seconds(wait_ms) : -1), integer(seconds(after_ms - now_ms_))}));
  }

  void pexpireat() {
    const std::string name = key();
    const int64_t deadline_ms = now_ms_ + small_number() * 20;
    const uint8_t condition = byte() % 5;
    constexpr const char* kConditions[] = {"", "NX", "XX", "GT", "LT"};
    Words words{"PEXPIREAT", name, std::to_string(deadline_ms)};
    if (condition != 0) words.push_back(kConditions[condition]);
    Value* value = find(name);
    if (value == nullptr) return ask(words, integer(0));
    const bool has_deadline = value->deadline_ms != kNoDeadline;
    const bool holds[] = {true, !has_deadline, has_deadline,
                          has_deadline && deadline_ms > value->deadline_ms,
                          !has_deadline || deadline_ms < value->deadline_ms};
    if (holds[condition]) {
      value->deadline_ms = deadline_ms;
      if (deadline_ms <= now_ms_) keys().erase(name);
    }
    ask(words, integer(holds[condition] ? 1 : 0));
  }

  void persist() {
    const std::string name = key();
    Value* value = find(name);
    const bool changes = value != nullptr && value->deadline_ms != kNoDeadline;
    if (changes) value->deadline_ms = kNoDeadline;
    ask({"PERSIST", name}, integer(changes ? 1 : 0));
  }

  void restore() {
    const std::string name = key();
    const std::string value = text();
    const uint8_t options = byte();
    const bool replace = (options & 1) != 0;
    const bool absolute = (options & 2) != 0;
    const bool spoils = (options & 12) == 12;
    int64_t ttl = small_number() * 20;
    if (absolute && ttl != 0) ttl += now_ms_;
    Value restored{value};
    if ((options & 16) != 0) restored = {{}, kNoDeadline, {"first", value, "300"}};
    std::string payload = dump_of(restored);
    if (spoils) payload[options % payload.size()] ^= 1;
    Words words{"RESTORE", name, std::to_string(ttl), payload};
    if (replace) words.push_back("REPLACE");
    if (absolute) words.push_back("ABSTTL");

    if (find(name) != nullptr && !replace) {
      return ask(words, error("BUSYKEY Target key name already exists."));
    }
    if (ttl < 0) return ask(words, error("ERR Invalid TTL value, must be >= 0"));
    if (spoils) return ask(words, error("ERR DUMP payload version or checksum are wrong"));
    keys().erase(name);
    restored.deadline_ms = ttl == 0 ? kNoDeadline : absolute ? ttl : ttl + now_ms_;
    if (!restored.is_due(now_ms_)) keys()[name] = restored;
    ask(words, kOk);
  }

  // ---- lists ----

  // Its list; null after asking, if there is none, with the answer to that, or it is a string.
  std::vector<std::string>* list_or_ask(const Words& words, const std::string& absent) {
    Value* value = find(words[1]);
    if (value == nullptr) {
      ask(words, absent);
    } else if (!value->is_list()) {
      ask(words, kWrongType);
    } else {
      return &value->elements;
    }
    return nullptr;
  }
  // The key goes with the last element.
  void settle(const std::string& name) {
    if (keys()[name].elements.empty()) keys().erase(name);
  }
  std::string element() {
    const uint8_t choice = byte();
    return choice < 200 ? std::to_string(choice % 5) : text();
  }

  void push() {
    const uint8_t options = byte();
    const bool at_front = (options & 1) != 0;
    Words words{std::string(at_front ? "LPUSH" : "RPUSH") + ((options & 6) == 0 ? "X" : ""), key()};
    for (int left = 1 + options / 32; left > 0; --left) words.push_back(element());
    Value* value = find(words[1]);
    if (value != nullptr && !value->is_list()) return ask(words, kWrongType);
    if (value == nullptr && (options & 6) == 0) return ask(words, integer(0));
    std::vector<std::string>& elements = found_or_made(words[1]).elements;
    for (size_t i = 2; i < words.size(); ++i) {
      elements.insert(at_front ? elements.begin() : elements.end(), words[i]);
    }
    ask(words, integer(static_cast<int64_t>(elements.size())));
  }

  void pop() {
    const uint8_t options = byte();
    const bool at_front = (options & 1) != 0;
    const bool has_count = (options & 2) != 0;
    Words words{at_front ? "LPOP" : "RPOP", key()};
    if (has_count) words.push_back(std::to_string(options / 16));
    std::vector<std::string>* elements = list_or_ask(words, has_count ? kNullArray : kNull);
    if (elements == nullptr) return;
    std::vector<std::string> popped;
    for (int left = has_count ? options / 16 : 1; left > 0 && !elements->empty(); --left) {
      const auto at = at_front ? elements->begin() : elements->end() - 1;
      popped.push_back(bulk(*at));
      elements->erase(at);
    }
    settle(words[1]);
    ask(words, has_count ? array(popped) : popped[0]);
  }

  std::pair<size_t, size_t> range(const std::vector<std::string>& elements, int64_t first,
                                  int64_t last) {
    const auto size = static_cast<int64_t>(elements.size());
    if (first < 0) first = std::max<int64_t>(first + size, 0);
    if (last < 0) last += size;
    last = std::min(last, size - 1);
    if (first > last) return {0, 0};
    return {static_cast<size_t>(first), static_cast<size_t>(last - first + 1)};
  }
  int64_t position() { return int64_t{byte()} % 20 - 10; }

  void lrange() {
    const std::string name = key();
    const int64_t first = position();
    const int64_t last = position();
    const Words words{"LRANGE", name, std::to_string(first), std::to_string(last)};
    const std::vector<std::string>* elements = list_or_ask(words, array({}));
    if (elements == nullptr) return;
    const auto [from, count] = range(*elements, first, last);
    std::vector<std::string> part;
    for (size_t i = 0; i < count; ++i) part.push_back(bulk((*elements)[from + i]));
    ask(words, array(part));
  }

  void ltrim() {
    const std::string name = key();
    const int64_t first = position() / 4;
    const int64_t last = position();
    const Words words{"LTRIM", name, std::to_string(first), std::to_string(last)};
    std::vector<std::string>* elements = list_or_ask(words, kOk);
    if (elements == nullptr) return;
    const auto [from, count] = range(*elements, first, last);
    const auto begin = elements->begin() + static_cast<std::ptrdiff_t>(from);
    *elements = std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(count));
    settle(name);
    ask(words, kOk);
  }

  // LSET or LINSERT.
  void change_element() {
    const std::string name = key();
    const int64_t index = position();
    const std::string value = element();
    if (index % 2 == 0) {
      const Words words{"LSET", name, std::to_string(index), value};
      std::vector<std::string>* elements = list_or_ask(words, error("ERR no such key"));
      if (elements == nullptr) return;
      const auto size = static_cast<int64_t>(elements->size());
      const int64_t at = index < 0 ? index + size : index;
      if (at < 0 || at >= size) return ask(words, error("ERR index out of range"));
      (*elements)[static_cast<size_t>(at)] = value;
      return ask(words, kOk);
    }
    const std::string pivot = element();
    const Words words{"LINSERT", name, index > 0 ? "BEFORE" : "AFTER", pivot, value};
    std::vector<std::string>* elements = list_or_ask(words, integer(0));
    if (elements == nullptr) return;
    const auto found = std::find(elements->begin(), elements->end(), pivot);
    if (found == elements->end()) return ask(words, integer(-1));
    elements->insert(index > 0 ? found : found + 1, value);
    ask(words, integer(static_cast<int64_t>(elements->size())));
  }

  void lrem() {
    const std::string name = key();
    const int64_t count = position() / 3;
    const std::string value = element();
    const Words words{"LREM", name, std::to_string(count), value};
    std::vector<std::string>* elements = list_or_ask(words, integer(0));
    if (elements == nullptr) return;
    int64_t removed = 0;
    if (count < 0) std::reverse(elements->begin(), elements->end());
    std::erase_if(*elements, [&](const std::string& each) {
      if (each != value || (count != 0 && removed == std::abs(count))) return false;
      ++removed;
      return true;
    });
    if (count < 0) std::reverse(elements->begin(), elements->end());
    settle(name);
    ask(words, integer(removed));
  }

  void lmove() {
    const std::string from = key();
    const std::string to = key();
    const uint8_t options = byte();
    const bool from_front = (options & 1) != 0;
    const bool to_front = (options & 2) != 0;
    const Words words{"LMOVE", from, to, from_front ? "LEFT" : "RIGHT",
                      to_front ? "LEFT" : "RIGHT"};
    std::vector<std::string>* source = list_or_ask(words, kNull);
    if (source == nullptr) return;
    const Value* known = find(to);
    if (known != nullptr && !known->is_list()) return ask(words, kWrongType);
    const auto at = from_front ? source->begin() : source->end() - 1;
    const std::string moved = *at;
    source->erase(at);
    std::vector<std::string>& target = keys()[to].elements;
    target.insert(to_front ? target.begin() : target.end(), moved);
    settle(from);
    ask(words, bulk(moved));
  }

  // ---- everything else ----

  void flush_or_select() {
    const uint8_t choice = byte();
    if (choice < 16) {
      keys().clear();
      return ask({"FLUSHDB"}, kOk);
    }
    database_ = choice % kDatabases;
    ask({"SELECT", std::to_string(database_)}, kOk);
  }

  void multi() {
    ask({"MULTI"}, kOk);
    queued_.emplace();
  }

  void exec() {
    const std::string reply = array(*queued_);
    queued_.reset();
    ask({"EXEC"}, reply);
  }

  void pass() {
    if (queued_) return;
    now_ms_ += int64_t{1} << (byte() % 14);
    actor_.set_time_ms(now_ms_);
    actor_.turn();
  }

  // Keys whose time has come may be there still or not.
  void check_contents() {
    for (unsigned shard = 0; shard < larder::storage::kShardCount; ++shard) {
      node_.keyspace().shard(shard).verify();
    }
    larder::support::Contents stored = larder::support::contents_of(node_);
    std::erase_if(stored, [this](const auto& one) {
      return Value{{}, one.second.deadline_ms}.is_due(now_ms_);
    });
    larder::support::Contents expected;
    for (unsigned database = 0; database < kDatabases; ++database) {
      for (const auto& [name, value] : databases_[database]) {
        if (value.is_due(now_ms_)) continue;
        const auto type =
            value.is_list() ? larder::storage::Type::list : larder::storage::Type::string;
        expected[{database, name}] = {value.text, value.deadline_ms, type, value.elements};
      }
    }
    require(stored == expected, "the shards hold something else than the map");
    if (!follower_) return;
    follower_->apply();
    const std::string difference = larder::support::difference(node_, follower_->node());
    require(difference.empty(), difference);
  }

  const uint8_t* data_;
  const uint8_t* end_;
  larder::server::Node node_{larder::support::node_options(1, 1)};
  Actor actor_{node_, 0, 1};
  std::optional<Follower> follower_;
  std::map<std::string, Value> databases_[kDatabases];
  unsigned database_ = 0;
  int64_t now_ms_ = kBeginMs;
  std::optional<std::vector<std::string>> queued_;  // replies of the open transaction
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 2048;
  if (size > kLongest) return 0;
  Run(data, size).play();
  return 0;
}
