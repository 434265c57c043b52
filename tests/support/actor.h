// Actor: a client and its worker in one, without sockets: runs commands straight through a
// dispatcher of a node, and does what a worker does between its turns.
//
// Time is what the test sets it to. Thread: one at a time; several actors of one node may run in as
// many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/dispatcher.h"
#include "server/expiry_duty.h"
#include "server/node.h"
#include "server/waiter.h"
#include "tests/support/reply_bytes.h"

namespace larder::support {

using Words = std::vector<std::string>;

class Actor {
 public:
  Actor(server::Node& node, unsigned worker, uint64_t seed)
      : node_(node), dispatcher_(node, worker, seed) {
    dispatcher_.environment().expiry_duty = &duty_;
    session_.id = node.next_session_id();
    session_.authenticated = true;
  }

  void set_time_ms(int64_t now_ms) {
    dispatcher_.environment().now_ms = now_ms;
    dispatcher_.environment().now_us = now_ms * 1000;
  }

  // One try. What was answered is in reply() if the outcome says that it was.
  server::Outcome try_run(const Words& words) {
    arguments_.assign(words.begin(), words.end());
    server::Request request;
    request.arguments = arguments_;
    dispatcher_.prepare(request, session_.database);
    dispatcher_.prefetch_region(request, session_.database);
    dispatcher_.prefetch_entry(request, session_.database);
    buffer_.clear();
    protocol::Reply reply(buffer_, session_.dialect);
    const server::Outcome outcome = dispatcher_.run(session_, request, reply);
    dispatcher_.served().clear();  // those it served look themselves
    return outcome;
  }

  // Tries until it is answered; returns the reply's bytes. Who waits for a key leaves soon, and the
  // reply is empty. Throws if it must wait for anything else but shards that others hold, or for
  // too long.
  std::string run(const Words& words) {
    for (parks_ = 0;; ++parks_) {
      switch (try_run(words)) {
        case server::Outcome::done:
          return reply();
        case server::Outcome::suspended:
          for (; !dispatcher_.resume_script(0); ++parks_) {
            if (parks_ == kMaxParks) throw std::runtime_error(words[0] + " starves");
            std::this_thread::yield();
          }
          return take_script_reply();
        case server::Outcome::parked:
          if (parks_ == kMaxParks) throw std::runtime_error(words[0] + " starves");
          std::this_thread::yield();
          break;
        case server::Outcome::waiting:
          leave_wait();
          return reply();
        default:
          throw std::runtime_error(words[0] + " must wait for other workers");
      }
    }
  }

  // What a worker does once per turn beside running commands.
  void turn() {
    server::CommandEnvironment& environment = dispatcher_.environment();
    duty_.run(environment);
    if (!environment.garbage) return;
    environment.garbage = false;
    for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
      if (!node_.keyspace().try_lock(shard)) {
        environment.garbage = true;  // the next turn's
        continue;
      }
      if (node_.keyspace().shard(shard).release_slice(kReleasedPerTurn)) environment.garbage = true;
      node_.keyspace().unlock(shard);
    }
  }

  std::string reply() const { return reply_bytes(buffer_); }
  // How often the last run() was parked.
  unsigned parks() const { return parks_; }
  server::Node& node() { return node_; }
  server::Session& session() { return session_; }
  server::Dispatcher& dispatcher() { return dispatcher_; }
  server::ExpiryDuty& duty() { return duty_; }

 private:
  // Whether somebody has served it meanwhile is only seen in the keys.
  void leave_wait() {
    for (int turns = 0; turns < 20; ++turns) std::this_thread::yield();
    const std::shared_ptr<server::Waiter> waiter = std::move(session_.waiter);
    waiter->claim(server::Waiter::State::over);
    while (!dispatcher_.forget_waiter(*waiter)) std::this_thread::yield();
  }

  std::string take_script_reply() {
    protocol::Reply answer(buffer_, session_.dialect);
    static_cast<void>(dispatcher_.take_script_reply(answer));
    dispatcher_.served().clear();
    return reply();
  }

  static constexpr unsigned kMaxParks = 2'000'000;
  static constexpr size_t kReleasedPerTurn = 64;

  server::Node& node_;
  server::ExpiryDuty duty_;
  server::Dispatcher dispatcher_;
  server::Session session_;
  protocol::ReplyBuffer buffer_;
  std::vector<std::string_view> arguments_;
  unsigned parks_ = 0;
};

inline server::NodeOptions node_options(unsigned threads, uint64_t seed) {
  server::NodeOptions options;
  options.threads = threads;
  options.seed = seed;
  options.services.process_facts = [] { return server::ProcessFacts{}; };
  return options;
}

}  // namespace larder::support
