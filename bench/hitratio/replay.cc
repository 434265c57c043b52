#include "bench/hitratio/replay.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bench/hitratio/replay_connection.h"
#include "bench/load/keys.h"

namespace larder::bench {
namespace {

using Clock = std::chrono::steady_clock;

// How far ahead of the trace's pace a batch may be sent.
constexpr double kEarlyUs = 200.0;

class Player {
 public:
  Player(const Trace& trace, const ReplayOptions& options, ReplayResult& result)
      : trace_(trace), options_(options), result_(result) {}

  bool run(std::string& error) {
    if (!connection_.open(options_.port, options_.timeout_ms, error)) return false;
    make_values();
    read_in_.assign(trace_.unique, 0);
    const Clock::time_point began = Clock::now();
    size_t next = 0;
    while (next < trace_.keys.size() || !missed_.empty()) {
      begin_batch();
      const size_t end = std::min(trace_.keys.size(), next + options_.window);
      if (next < end) wait_until_due(end - 1, began);
      while (next < end && !must_wait(next)) send_request(next++);
      if (!take_replies(error)) return false;
    }
    result_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return ask_end_state(error);
  }

 private:
  struct Sent {
    enum class What : uint8_t { get, asked_again, set, other };
    What what;
    uint32_t key;
  };
  struct Missed {
    uint32_t key;
    uint32_t asked_again;  // how many later gets of the same batch missed for the same reason
  };

  void make_values() {
    uint32_t largest = trace_.fixed_value_bytes;
    for (const uint32_t size : trace_.value_bytes) largest = std::max(largest, size);
    Random random(1);
    values_.resize(largest);
    for (char& byte : values_) byte = static_cast<char>(random.next() & 0xff);
  }

  // Names are scattered numbers, so that neighbours in a trace are none in the server.
  std::string_view name_of(uint32_t key) {
    char digits[24];
    const int length = std::snprintf(digits, sizeof(digits), "%x:%x", key * 2654435761u, key);
    name_.assign(digits, static_cast<size_t>(length));
    if (name_.size() < trace_.key_bytes) name_.append(trace_.key_bytes - name_.size(), '.');
    return name_;
  }

  void send_set(uint32_t key) {
    const uint32_t size =
        trace_.value_bytes.empty() ? trace_.fixed_value_bytes : trace_.value_bytes[key];
    // STRLEN says nothing about an empty value, and a server may keep it for nothing.
    const std::string_view value = std::string_view(values_).substr(0, std::max<uint32_t>(size, 1));
    const uint64_t ttl_us = trace_.ttl_us.empty() ? 0 : trace_.ttl_us[key];
    if (ttl_us == 0) {
      connection_.add({"SET", name_of(key), value});
    } else {
      const double ttl_ms =
          static_cast<double>(ttl_us) / 1000.0 / options_.speed * options_.clock_speed;
      const std::string text = std::to_string(std::max<int64_t>(1, static_cast<int64_t>(ttl_ms)));
      connection_.add({"SET", name_of(key), value, "PX", text});
    }
    sent_.push_back({Sent::What::set, key});
    ++result_.sets;
  }
  void send_get(uint32_t key, Sent::What what) {
    connection_.add({options_.read_values ? "GET" : "STRLEN", name_of(key)});
    sent_.push_back({what, key});
  }
  void send_request(size_t request) {
    const uint32_t key = trace_.keys[request];
    switch (trace_.verb(request)) {
      case Trace::Verb::get:
        ++result_.gets;
        read_in_[key] = batch_;
        send_get(key, Sent::What::get);
        break;
      case Trace::Verb::set:
        send_set(key);
        break;
      case Trace::Verb::del:
        connection_.add({"DEL", name_of(key)});
        sent_.push_back({Sent::What::other, key});
        break;
    }
  }

  // Whether a get of the same key is under way, whose SET would come after this write.
  bool must_wait(size_t request) const {
    return trace_.verb(request) != Trace::Verb::get && read_in_[trace_.keys[request]] == batch_;
  }

  void begin_batch() {
    ++batch_;
    for (const Missed& missed : missed_) {
      send_set(missed.key);
      for (uint32_t i = 0; i < missed.asked_again; ++i) {
        send_get(missed.key, Sent::What::asked_again);
      }
    }
    missed_.clear();
    missed_at_.clear();
  }

  void wait_until_due(size_t request, Clock::time_point began) {
    if (trace_.time_us.empty()) return;
    const double due_us = static_cast<double>(trace_.time_us[request]) / options_.speed;
    const double now_us = std::chrono::duration<double, std::micro>(Clock::now() - began).count();
    if (due_us - now_us > kEarlyUs) {
      std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(due_us - now_us));
    }
  }

  bool take_replies(std::string& error) {
    for (const Sent& sent : sent_) {
      WireReply reply;
      if (!connection_.next_reply(reply, error)) return false;
      const bool is_error = reply.kind == WireReply::Kind::error;
      if (is_error && result_.first_error.empty()) result_.first_error = reply.text;
      if (is_error && sent.what != Sent::What::set) {
        error = "the server answers " + std::string(reply.text);
        return false;
      }
      if (is_error) ++result_.refused_sets;
      if (sent.what != Sent::What::get && sent.what != Sent::What::asked_again) continue;
      const bool hit =
          options_.read_values ? reply.kind == WireReply::Kind::bulk : reply.integer > 0;
      if (!hit) note_miss(sent);
    }
    sent_.clear();
    return true;
  }
  void note_miss(const Sent& sent) {
    const auto [place, first] = missed_at_.try_emplace(sent.key, missed_.size());
    if (first) {
      missed_.push_back({sent.key, 0});
      ++result_.misses;
    } else if (sent.what == Sent::What::get) {
      ++missed_[place->second].asked_again;
    } else {
      ++result_.misses;  // gone between its SET and this: not even the SET helped
    }
  }

  bool ask_end_state(std::string& error) {
    connection_.add({"DBSIZE"});
    connection_.add({"INFO", "memory"});
    WireReply reply;
    if (!connection_.next_reply(reply, error)) return false;
    result_.kept = reply.integer;
    if (!connection_.next_reply(reply, error)) return false;
    result_.memory_info = reply.text;
    if (!options_.flush_at_end) return true;
    connection_.add({"FLUSHALL"});
    connection_.add({"INFO", "memory"});
    if (!connection_.next_reply(reply, error) || !connection_.next_reply(reply, error))
      return false;
    result_.emptied_info = reply.text;
    return true;
  }

  const Trace& trace_;
  const ReplayOptions& options_;
  ReplayResult& result_;
  ReplayConnection connection_;
  std::string values_;
  std::string name_;
  uint64_t batch_ = 0;
  std::vector<uint64_t> read_in_;                   // by key: the last batch with a get of it
  std::vector<Sent> sent_;                          // in the batch under way
  std::vector<Missed> missed_;                      // in it, by the first miss of each key
  std::unordered_map<uint32_t, size_t> missed_at_;  // where in missed_
};

}  // namespace

bool replay(const Trace& trace, const ReplayOptions& options, ReplayResult& result,
            std::string& error) {
  return Player(trace, options, result).run(error);
}

}  // namespace larder::bench
