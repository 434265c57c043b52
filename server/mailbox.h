// Mailbox: what other threads want a worker to do. Rare by design: data commands never send mail.
//
// Any thread posts; the owner takes everything at once, each turn. Looking into an empty box costs
// one relaxed load. Whoever posts must then wake the owner (an Op, or Driver::wake from outside).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "server/driver/event.h"
#include "server/node_task.h"

namespace larder::server {

class Waiter;

// A connection that another worker accepted for this one.
struct NewConnection {
  SocketHandle handle;
  Transport transport;
  Addresses addresses;
  uint64_t session_id;  // given when it was accepted, so that ids grow in that order
};

// Do your part of these tasks, then tell `origin`.
struct TaskRound {
  std::vector<std::shared_ptr<NodeTask>> tasks;
  bool apply;  // else visit
  unsigned origin;
  ConnectionId connection;  // at the origin, waiting
};

// A worker did its part of a round.
struct RoundDone {
  ConnectionId connection;
};

// What another worker's clients ran, for this one's monitors. Null: some of it was lost, because
// this worker did not take its mail for too long.
struct MonitorLines {
  std::shared_ptr<const std::string> lines;
};

// Your client has been served; the reply lies in it.
struct Served {
  std::shared_ptr<Waiter> waiter;
};

struct StopMail {
  bool at_once;
};

using Mail = std::variant<NewConnection, TaskRound, RoundDone, MonitorLines, Served, StopMail>;

class Mailbox {
 public:
  void post(Mail mail) {
    std::lock_guard guard(mutex_);
    mail_.push_back(std::move(mail));
    has_mail_.store(true, std::memory_order_release);
  }

  // Moves everything into `out` (cleared first).
  void take_all(std::vector<Mail>& out) {
    out.clear();
    if (!has_mail_.load(std::memory_order_acquire)) return;
    std::lock_guard guard(mutex_);
    out.swap(mail_);
    has_mail_.store(false, std::memory_order_relaxed);
  }

 private:
  std::mutex mutex_;
  std::vector<Mail> mail_;
  std::atomic<bool> has_mail_{false};
};

}  // namespace larder::server
