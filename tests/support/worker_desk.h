// WorkerDesk: workers without a driver. The test hands them events and looks at their ops, turn by
// turn; clients are plain structures that say and hear bytes.
//
// Keeps the contract of server/driver/event.h from the kernel's side, and checks the worker's:
// bytes of an event are gone after the turn, those of a send are read only when it ends, a second
// send in flight or an op for an unknown connection throws.
//
// Thread: the test's.
#pragma once

#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "server/node.h"
#include "server/worker.h"
#include "tests/support/actor.h"

namespace larder::support {

struct Peer {
  server::SocketHandle handle = -1;
  server::Addresses addresses;
  unsigned worker = 0;
  server::ConnectionId id;
  bool is_adopted = false;
  bool is_closing = false;  // the worker asked for it
  bool is_closed = false;
  std::string refused_with;  // refused before it was a connection
  bool is_refused = false;

  bool reads = true;                  // false: what is sent to it stays in flight
  size_t reads_at_most = ~size_t{0};  // per turn
  std::string heard;                  // everything it has read
  size_t sends = 0;                   // how many sends that took
  size_t pauses = 0;                  // how often the worker stopped receiving from it
  bool is_receive_paused = false;

  // What is on its way. An error as the size ends the stream.
  std::deque<std::string> unsaid;
  int end = 1;  // 0: it finishes after that; < 0: -errno; 1: it stays
  bool end_was_told = false;
  bool send_in_flight = false;
  std::vector<server::SendPiece> sending;

  // What it has heard since the last time.
  std::string take() { return std::exchange(heard, {}); }
};

class WorkerDesk {
 public:
  explicit WorkerDesk(unsigned workers = 1, config::Config config = {})
      : WorkerDesk(workers, std::move(config), {}) {}
  WorkerDesk(unsigned workers, config::Config config, server::NodeServices services)
      : node_(options(workers, std::move(config), std::move(services))), wants_turn_(workers) {
    for (unsigned i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<server::Worker>(node_, i, i + 1));
      results_.push_back({.wait_ns = -1, .finished = false});
    }
  }

  // A client that wants in; it is in after the next turn of worker 0, unless it is refused.
  Peer& arrive(const std::string& address = "127.0.0.1:5000") {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.handle = static_cast<server::SocketHandle>(peers_.size()) + 100;
    peer.addresses = {address, "127.0.0.1:6379"};
    arriving_.push_back(&peer);
    return peer;
  }
  Peer& connect() {
    Peer& peer = arrive();
    settle();
    if (!peer.is_adopted) throw std::runtime_error("not connected");
    return peer;
  }
  // Bytes that the next turn of its worker brings, in one event for each call.
  void say(Peer& peer, std::string_view bytes) { peer.unsaid.emplace_back(bytes); }
  void request(Peer& peer, const Words& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
      out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    say(peer, out);
  }
  // Says it, lets everybody work until nothing is left to do, and returns what came back.
  std::string ask(Peer& peer, const Words& words) {
    request(peer, words);
    settle();
    return peer.take();
  }

  // One turn of one worker.
  void turn(unsigned worker) {
    std::vector<server::Event> events;
    std::vector<std::unique_ptr<char[]>> buffers;
    if (worker == 0) accept(events);
    for (auto& peer : peers_) {
      if (peer->is_adopted && peer->worker == worker) collect(*peer, events, buffers);
    }
    wants_turn_[worker] = false;
    server::Ops ops;
    results_[worker] = workers_[worker]->step(now_, events, ops);
    buffers.clear();
    last_ops_ = std::move(ops);
    for (const server::Op& op : last_ops_.list) carry_out(worker, op);
  }

  // Turns until nobody has anything left to do but wait.
  void settle() {
    for (int turns = 0; turns < 10'000; ++turns) {
      bool is_idle = true;
      for (unsigned worker = 0; worker < workers_.size(); ++worker) {
        if (!has_work(worker)) continue;
        is_idle = false;
        turn(worker);
      }
      if (is_idle) return;
    }
    throw std::runtime_error("it never comes to rest");
  }

  void advance_ms(int64_t ms) {
    now_.monotonic_ns += ms * 1'000'000;
    now_.unix_us += ms * 1000;
    for (unsigned worker = 0; worker < workers_.size(); ++worker) wants_turn_[worker] = true;
  }

  // Asks every worker to stop, as Server::stop() does.
  void stop(bool at_once) {
    for (unsigned worker = 0; worker < workers_.size(); ++worker) {
      node_.mailbox(worker).post(server::StopMail{at_once});
      wants_turn_[worker] = true;
    }
  }

  server::Node& node() { return node_; }
  server::Worker& worker(unsigned index) { return *workers_[index]; }
  const server::WorkerStats& stats(unsigned index) { return workers_[index]->dispatcher().stats(); }
  int64_t now_ms() const { return now_.unix_us / 1000; }
  // What the last turn of a worker returned.
  const server::StepResult& result(unsigned index) const { return results_[index]; }
  // The ops of the last turn().
  size_t count(server::OpKind kind) const {
    size_t found = 0;
    for (const server::Op& op : last_ops_.list) found += op.kind == kind;
    return found;
  }

 private:
  static server::NodeOptions options(unsigned workers, config::Config config,
                                     server::NodeServices services) {
    server::NodeOptions options = node_options(workers, 1);
    options.config = std::move(config);
    if (services.stop) options.services.stop = std::move(services.stop);
    if (services.precise_ns) options.services.precise_ns = std::move(services.precise_ns);
    if (services.sleep_ns) options.services.sleep_ns = std::move(services.sleep_ns);
    return options;
  }

  void accept(std::vector<server::Event>& events) {
    for (Peer* peer : arriving_) {
      events.push_back({.kind = server::EventKind::accepted,
                        .handle = peer->handle,
                        .addresses = &peer->addresses});
    }
    arriving_.clear();
  }

  static bool has_something_to_say(const Peer& peer) {
    if (peer.is_closing || peer.is_receive_paused) return false;
    return !peer.unsaid.empty() || (peer.end <= 0 && !peer.end_was_told);
  }
  static bool has_something_to_hear(const Peer& peer) {
    return peer.send_in_flight && (peer.reads || peer.is_closing);
  }
  bool has_work(unsigned worker) const {
    if (results_[worker].finished) return false;
    if (wants_turn_[worker] || results_[worker].wait_ns == 0) return true;
    if (worker == 0 && !arriving_.empty()) return true;
    for (const auto& peer : peers_) {
      if (!peer->is_adopted || peer->worker != worker || peer->is_closed) continue;
      if (has_something_to_say(*peer) || has_something_to_hear(*peer) || peer->is_closing) {
        return true;
      }
    }
    return false;
  }

  void collect(Peer& peer, std::vector<server::Event>& events,
               std::vector<std::unique_ptr<char[]>>& buffers) {
    if (peer.is_closed) return;
    if (peer.send_in_flight && (peer.reads || peer.is_closing)) end_send(peer, events);
    if (peer.is_closing) {
      peer.is_closed = true;
      events.push_back({.kind = server::EventKind::closed, .connection = peer.id});
      return;
    }
    if (peer.is_receive_paused) return;
    for (; !peer.unsaid.empty(); peer.unsaid.pop_front()) {
      const std::string& bytes = peer.unsaid.front();
      auto buffer = std::make_unique<char[]>(server::kReceiveHeadroom + bytes.size());
      std::memcpy(buffer.get() + server::kReceiveHeadroom, bytes.data(), bytes.size());
      events.push_back({.kind = server::EventKind::received,
                        .result = static_cast<int32_t>(bytes.size()),
                        .connection = peer.id,
                        .bytes = buffer.get() + server::kReceiveHeadroom});
      buffers.push_back(std::move(buffer));
    }
    if (peer.end > 0 || std::exchange(peer.end_was_told, true)) return;
    events.push_back(
        {.kind = server::EventKind::received, .result = peer.end, .connection = peer.id});
  }

  void end_send(Peer& peer, std::vector<server::Event>& events) {
    peer.send_in_flight = false;
    size_t taken = 0;
    for (const server::SendPiece& piece : peer.sending) {
      const size_t part = std::min(piece.size, peer.reads_at_most - taken);
      if (peer.reads) peer.heard.append(piece.data, part);
      taken += part;
    }
    const int32_t result = peer.reads ? static_cast<int32_t>(taken) : -ECANCELED;
    events.push_back({.kind = server::EventKind::sent, .result = result, .connection = peer.id});
  }

  Peer& peer_of(unsigned worker, server::ConnectionId id) {
    for (auto& peer : peers_) {
      if (peer->is_adopted && !peer->is_closed && peer->worker == worker && peer->id == id) {
        return *peer;
      }
    }
    throw std::runtime_error("an op for a connection that does not exist");
  }
  Peer& peer_of(server::SocketHandle handle) {
    for (auto& peer : peers_) {
      if (peer->handle == handle && !peer->is_adopted && !peer->is_refused) return *peer;
    }
    throw std::runtime_error("an op for a socket that is not waiting");
  }

  void carry_out(unsigned worker, const server::Op& op) {
    using server::OpKind;
    switch (op.kind) {
      case OpKind::adopt: {
        Peer& peer = peer_of(op.handle);
        peer.is_adopted = true;
        peer.worker = worker;
        peer.id = op.connection;
        break;
      }
      case OpKind::refuse: {
        Peer& peer = peer_of(op.handle);
        peer.is_refused = true;
        peer.refused_with = last_ops_.texts[op.text];
        break;
      }
      case OpKind::send: {
        Peer& peer = peer_of(worker, op.connection);
        if (peer.send_in_flight) throw std::runtime_error("two sends in flight");
        peer.send_in_flight = true;
        ++peer.sends;
        const auto first = last_ops_.pieces.begin() + op.first_piece;
        peer.sending.assign(first, first + op.piece_count);
        break;
      }
      case OpKind::pause_receive: {
        Peer& peer = peer_of(worker, op.connection);
        peer.is_receive_paused = true;
        ++peer.pauses;
        break;
      }
      case OpKind::resume_receive:
        peer_of(worker, op.connection).is_receive_paused = false;
        break;
      case OpKind::close:
        peer_of(worker, op.connection).is_closing = true;
        break;
      case OpKind::wake:
        wants_turn_.at(op.worker) = true;
        break;
      case OpKind::stop_listening:
        break;
    }
  }

  server::Node node_;
  server::Now now_{.monotonic_ns = 1'000'000'000, .unix_us = 1'700'000'000'000'000};
  std::vector<std::unique_ptr<server::Worker>> workers_;
  std::vector<server::StepResult> results_;
  std::vector<bool> wants_turn_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Peer*> arriving_;
  server::Ops last_ops_;
};

}  // namespace larder::support
