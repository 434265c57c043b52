// Commands on fields of hashes and their deadlines, one after the other through a dispatcher, and a
// slow model of what they do: each reply must be the model's; fields that are due must go by
// themselves; and a follower that heard the effects must hold the same in the end.
//
// `draw(n)` chooses what comes next, a number below n; differences are reported to
// `require(holds, message)`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/actor.h"
#include "tests/support/follower.h"

namespace larder::support {

template <typename Draw, typename Require>
class FieldPair {
 public:
  FieldPair(Draw draw, Require require) : draw_(draw), require_(require) {
    client_.set_time_ms(now_ms_);
    follower_.attach(node_);
  }

  void step() {
    forget_due();
    switch (draw_(18)) {
      case 0:
      case 1:
      case 2:
        return hset();
      case 3:
        return hdel();
      case 4:
        return count();
      case 5:
        return look();
      case 6:
      case 7:
      case 8:
        return hexpire();
      case 9:
        return ask_deadlines();
      case 10:
        return hpersist();
      case 11:
      case 12:
        return hgetex();
      case 13:
      case 14:
        return hsetex();
      case 15:
        return hgetdel();
      case 16:
        return move();
      default:
        return pass();
    }
  }

  // Waits until what is due has gone, without any command that asks, and compares all there is.
  void finish() {
    constexpr int64_t kTickMs = 64;  // what is due within one goes when it is over
    now_ms_ += 2 * kTickMs;
    client_.set_time_ms(now_ms_);
    for (int turn = 0; turn < 100; ++turn) client_.turn();
    for (const auto& [place, stored] : contents_of(node_)) {
      for (size_t i = 0; i < stored.elements.size(); i += 3) {
        const int64_t deadline_ms = std::stoll(stored.elements[i + 2]);
        require_(!is_due(deadline_ms, kTickMs), place.second + ": a field stays when it is due");
      }
    }
    forget_due();
    require_(stored_hashes() == hashes_, "the hashes are others than the model's");
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      node_.keyspace().shard(shard).verify();
    }
    follower_.apply();
    require_(contents_of(follower_.node()) == contents_of(node_), "the follower holds another");
  }

  uint64_t expired_fields() { return client_.dispatcher().stats().expired_fields; }

 private:
  struct Field {
    std::string value;
    int64_t deadline_ms = storage::kNoDeadline;

    bool operator==(const Field&) const = default;
  };
  using Hash = std::map<std::string, Field>;

  static std::string integer(int64_t value) { return ":" + std::to_string(value) + "\r\n"; }
  static std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }
  static std::string array(const std::vector<std::string>& elements) {
    std::string out = "*" + std::to_string(elements.size()) + "\r\n";
    for (const std::string& element : elements) out += element;
    return out;
  }

  bool is_due(int64_t deadline_ms, int64_t late_ms = 0) const {
    return deadline_ms != storage::kNoDeadline && deadline_ms + late_ms <= now_ms_;
  }
  // Absent to every command from its very millisecond on.
  void forget_due() {
    for (auto hash = hashes_.begin(); hash != hashes_.end();) {
      std::erase_if(hash->second,
                    [this](const auto& field) { return is_due(field.second.deadline_ms); });
      hash = hash->second.empty() ? hashes_.erase(hash) : std::next(hash);
    }
  }
  // But for fields that are due.
  std::map<std::string, Hash> stored_hashes() {
    std::map<std::string, Hash> hashes;
    for (const auto& [place, stored] : contents_of(node_)) {
      for (size_t i = 0; i < stored.elements.size(); i += 3) {
        const int64_t deadline_ms = std::stoll(stored.elements[i + 2]);
        if (is_due(deadline_ms)) continue;
        hashes[place.second][stored.elements[i]] = {stored.elements[i + 1], deadline_ms};
      }
    }
    return hashes;
  }

  std::string key() { return "h" + std::to_string(draw_(3)); }
  // One of them holds integers only.
  std::string name() {
    const size_t choice = draw_(9);
    return choice == 0 ? "n" : "f" + std::to_string(choice);
  }
  // One that is long makes a table of the hash.
  std::string value_of(const std::string& name) {
    if (name == "n") return std::to_string(draw_(100));
    const size_t choice = draw_(40);
    return std::string(choice == 0 ? 200 : choice, static_cast<char>('a' + choice % 26));
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (size_t left = 1 + draw_(3); left > 0; --left) names.push_back(name());
    return names;
  }
  const Field* find(const std::string& key, const std::string& name) const {
    const auto hash = hashes_.find(key);
    if (hash == hashes_.end()) return nullptr;
    const auto field = hash->second.find(name);
    return field == hash->second.end() ? nullptr : &field->second;
  }
  void remove(const std::string& key, const std::string& name) {
    hashes_[key].erase(name);
    if (hashes_[key].empty()) hashes_.erase(key);
  }
  std::string value_or_null(const std::string& key, const std::string& name) const {
    const Field* field = find(key, name);
    return field == nullptr ? "$-1\r\n" : bulk(field->value);
  }

  static void add_fields(Words& words, const std::vector<std::string>& names) {
    words.insert(words.end(), {"FIELDS", std::to_string(names.size())});
    words.insert(words.end(), names.begin(), names.end());
  }

  void ask(const Words& words, const std::string& reply) {
    const std::string got = client_.run(words);
    std::string said;
    for (const std::string& word : words) said += word.substr(0, 40) + " ";
    require_(got == reply, said + "gave " + got.substr(0, 200) + " not " + reply.substr(0, 200));
  }

  // ---- as before there were deadlines ----

  void hset() {
    const std::string key = this->key();
    const std::string first = name();
    if (draw_(4) == 0) {
      const std::string value = value_of(first);
      const bool is_new = find(key, first) == nullptr;
      if (is_new) hashes_[key][first] = {value};
      return ask({"HSETNX", key, first, value}, integer(is_new ? 1 : 0));
    }
    Words words{"HSET", key};
    int64_t created = 0;
    for (const std::string& name : names()) {
      const std::string value = value_of(name);
      created += find(key, name) == nullptr ? 1 : 0;
      hashes_[key][name] = {value};
      words.insert(words.end(), {name, value});
    }
    ask(words, integer(created));
  }

  void hdel() {
    Words words{"HDEL", key()};
    int64_t removed = 0;
    for (const std::string& name : names()) {
      words.push_back(name);
      if (find(words[1], name) == nullptr) continue;
      remove(words[1], name);
      ++removed;
    }
    ask(words, integer(removed));
  }

  void count() {
    const std::string key = this->key();
    const int64_t amount = static_cast<int64_t>(draw_(9)) - 4;
    const Field* known = find(key, "n");
    const int64_t sum = (known == nullptr ? 0 : std::stoll(known->value)) + amount;
    hashes_[key]["n"].value = std::to_string(sum);
    ask({"HINCRBY", key, "n", std::to_string(amount)}, integer(sum));
  }

  void look() {
    const std::string key = this->key();
    const auto hash = hashes_.find(key);
    const size_t size = hash == hashes_.end() ? 0 : hash->second.size();
    ask({"HLEN", key}, integer(static_cast<int64_t>(size)));
    Words words{"HMGET", key};
    std::vector<std::string> values;
    for (const std::string& name : names()) {
      words.push_back(name);
      values.push_back(value_or_null(key, name));
    }
    ask(words, array(values));
  }

  // ---- deadlines ----

  // A word and its number, and the deadline that they mean: mostly soon, now and then over.
  int64_t draw_deadline(std::string& word, std::string& number) {
    const size_t unit = draw_(4);
    const auto soon = static_cast<int64_t>(draw_(400));
    const int64_t seconds = now_ms_ / 1000 + static_cast<int64_t>(draw_(3));
    constexpr const char* kWords[] = {"EX", "PX", "EXAT", "PXAT"};
    word = kWords[unit];
    const int64_t numbers[] = {soon % 3, soon, seconds, now_ms_ + soon - 100};
    const int64_t deadlines[] = {now_ms_ + soon % 3 * 1000, now_ms_ + soon, seconds * 1000,
                                 now_ms_ + soon - 100};
    number = std::to_string(numbers[unit]);
    return deadlines[unit];
  }

  // What becomes of a field that is there.
  void give(const std::string& key, const std::string& name, int64_t deadline_ms) {
    if (deadline_ms <= now_ms_) return remove(key, name);
    hashes_[key][name].deadline_ms = deadline_ms;
  }

  void hexpire() {
    std::string word;
    std::string number;
    const std::string key = this->key();
    const int64_t deadline_ms = draw_deadline(word, number);
    const Words commands{"HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT"};
    const size_t which = word == "EX" ? 0 : word == "PX" ? 1 : word == "EXAT" ? 2 : 3;
    Words words{commands[which], key, number};
    const Words conditions{"NX", "XX", "GT", "LT", ""};
    const std::string condition = conditions[draw_(conditions.size())];
    if (!condition.empty()) words.push_back(condition);
    const std::vector<std::string> names = this->names();
    add_fields(words, names);
    std::vector<std::string> replies;
    for (const std::string& name : names) {
      const Field* field = find(key, name);
      if (field == nullptr) {
        replies.push_back(integer(-2));
        continue;
      }
      const bool has_one = field->deadline_ms != storage::kNoDeadline;
      const bool holds = condition == "NX"   ? !has_one
                         : condition == "XX" ? has_one
                         : condition == "GT" ? has_one && deadline_ms > field->deadline_ms
                         : condition == "LT" ? !has_one || deadline_ms < field->deadline_ms
                                             : true;
      replies.push_back(integer(!holds ? 0 : deadline_ms <= now_ms_ ? 2 : 1));
      if (holds) give(key, name, deadline_ms);
    }
    ask(words, array(replies));
  }

  void ask_deadlines() {
    const Words commands{"HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"};
    const size_t which = draw_(commands.size());
    Words words{commands[which], key()};
    const std::vector<std::string> names = this->names();
    add_fields(words, names);
    std::vector<std::string> replies;
    for (const std::string& name : names) {
      const Field* field = find(words[1], name);
      if (field == nullptr || field->deadline_ms == storage::kNoDeadline) {
        replies.push_back(integer(field == nullptr ? -2 : -1));
        continue;
      }
      const int64_t ms = field->deadline_ms - (which < 2 ? now_ms_ : 0);
      replies.push_back(integer(which % 2 == 0 ? (ms + 999) / 1000 : ms));
    }
    ask(words, array(replies));
  }

  void hpersist() {
    Words words{"HPERSIST", key()};
    const std::vector<std::string> names = this->names();
    add_fields(words, names);
    std::vector<std::string> replies;
    for (const std::string& name : names) {
      const Field* field = find(words[1], name);
      const bool has_one = field != nullptr && field->deadline_ms != storage::kNoDeadline;
      replies.push_back(integer(field == nullptr ? -2 : has_one ? 1 : -1));
      if (has_one) hashes_[words[1]][name].deadline_ms = storage::kNoDeadline;
    }
    ask(words, array(replies));
  }

  // ---- values and deadlines ----

  void hgetex() {
    Words words{"HGETEX", key()};
    std::string word;
    std::string number;
    std::optional<int64_t> deadline_ms;
    const size_t choice = draw_(4);
    if (choice == 0) {
      words.push_back("PERSIST");
      deadline_ms = storage::kNoDeadline;
    } else if (choice != 1) {
      deadline_ms = draw_deadline(word, number);
      words.insert(words.end(), {word, number});
    }
    const std::vector<std::string> names = this->names();
    add_fields(words, names);
    std::vector<std::string> values;
    for (const std::string& name : names) {
      values.push_back(value_or_null(words[1], name));
      if (find(words[1], name) == nullptr || !deadline_ms) continue;
      if (choice == 0) {
        hashes_[words[1]][name].deadline_ms = storage::kNoDeadline;
      } else {
        give(words[1], name, *deadline_ms);
      }
    }
    ask(words, array(values));
  }

  void hsetex() {
    const std::string key = this->key();
    Words words{"HSETEX", key};
    const Words conditions{"", "FNX", "FXX"};
    const std::string condition = conditions[draw_(conditions.size())];
    if (!condition.empty()) words.push_back(condition);
    std::string word;
    std::string number;
    std::optional<int64_t> deadline_ms;
    const size_t choice = draw_(4);
    if (choice == 0) {
      words.push_back("KEEPTTL");
    } else if (choice != 1) {
      deadline_ms = draw_deadline(word, number);
      words.insert(words.end(), {word, number});
    }
    const std::vector<std::string> names = this->names();
    words.insert(words.end(), {"FIELDS", std::to_string(names.size())});
    std::vector<std::pair<std::string, std::string>> pairs;
    size_t found = 0;
    for (const std::string& name : names) {
      pairs.emplace_back(name, value_of(name));
      words.insert(words.end(), {name, pairs.back().second});
      found += find(key, name) == nullptr ? 0 : 1;
    }
    const bool holds =
        condition.empty() || (condition == "FNX" ? found == 0 : found == names.size());
    if (holds) {
      for (const auto& [name, value] : pairs) {
        Field& field = hashes_[key][name];
        field.value = value;
        if (choice != 0) field.deadline_ms = storage::kNoDeadline;
        if (deadline_ms) give(key, name, *deadline_ms);
      }
    }
    ask(words, integer(holds ? 1 : 0));
  }

  void hgetdel() {
    Words words{"HGETDEL", key()};
    const std::vector<std::string> names = this->names();
    add_fields(words, names);
    std::vector<std::string> values;
    for (const std::string& name : names) {
      values.push_back(value_or_null(words[1], name));
      if (find(words[1], name) != nullptr) remove(words[1], name);
    }
    ask(words, array(values));
  }

  // ---- the whole of it ----

  // A hash whose fields are all due may be there still or not.
  void move() {
    const std::string from = key();
    const std::string to = key();
    if (!hashes_.contains(from)) return;
    const Hash hash = hashes_[from];
    switch (draw_(3)) {
      case 0:
        if (from == to) return;
        hashes_[to] = hash;
        return ask({"COPY", from, to, "REPLACE"}, integer(1));
      case 1:
        hashes_.erase(from);
        hashes_[to] = hash;
        return ask({"RENAME", from, to}, "+OK\r\n");
      default: {
        const std::string dumped = client_.run({"DUMP", from});
        const size_t begin = dumped.find("\r\n") + 2;
        hashes_[to] = hash;
        return ask({"RESTORE", to, "0", dumped.substr(begin, dumped.size() - begin - 2), "REPLACE"},
                   "+OK\r\n");
      }
    }
  }

  void pass() {
    now_ms_ += static_cast<int64_t>(draw_(draw_(8) == 0 ? 2000 : 60));
    client_.set_time_ms(now_ms_);
    if (draw_(2) == 0) client_.turn();
  }

  static constexpr int64_t kBeginMs = 1'700'000'000'000;

  Draw draw_;
  Require require_;
  int64_t now_ms_ = kBeginMs;
  server::Node node_{node_options(1, 7)};
  Actor client_{node_, 0, 1};
  Follower follower_{2, kBeginMs};
  std::map<std::string, Hash> hashes_;
};

}  // namespace larder::support
