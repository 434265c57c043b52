// Client: one simulated client. It speaks, reads and misbehaves when it is told to act; what it
// says is its workload's business, what the replies must be is said with each request.
//
// Checks by itself: every reply is whole RESP, there is exactly one for each request, in order, and
// the server closes a connection only where it may. A connection may be refused instead.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/simulation/clock.h"
#include "tests/simulation/model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/random.h"

namespace larder::simulation {

class Client;

// Says what is wrong with a reply; empty if nothing is.
using ReplyCheck = std::function<std::string(const Value& reply, UnixRange range)>;

// What a client says.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string name() const = 0;
  // Makes at least one request.
  virtual void speak(Client& client) = 0;
  // The connection ended; `unanswered` requests may or may not have run. The next one is new.
  virtual void lost(size_t unanswered) = 0;
  // A push that may be no reply. False: it is one, the next that is expected.
  virtual bool on_push(const Value&) { return false; }
  // A request of it waits for something to happen: half a close is its end then.
  virtual bool is_waiting() const { return false; }
  // All is quiet and answered: what must hold now? Fails if it does not.
  virtual void check_end() {}
};

// Chances in thousandths, per act.
struct ClientManners {
  unsigned reset = 0;
  unsigned close = 0;
  unsigned finish = 0;  // half close: everything asked must still be answered
  unsigned read = 700;  // reads at all
  unsigned small_read = 100;
  unsigned split_write = 200;
  size_t max_unanswered = 50;
  size_t to_server_bytes = 64 << 10;  // what the network holds
  size_t to_client_bytes = 64 << 10;
};

class Client {
 public:
  // References must outlive it. `may_be_closed`: the server may close connections at any moment
  // (CLIENT KILL, timeouts, limits).
  Client(std::string name, Network& network, const SimClock& clock, Random random,
         std::unique_ptr<Workload> workload, const bool& may_be_closed);

  // Does one thing, or nothing.
  void act(const ClientManners& manners);
  // Only writes and reads what is to be written and read. True if anything moved.
  bool drain();

  // ---- For workloads ----
  void request(const Words& words, ReplyCheck check);
  void request_raw(std::string_view bytes, ReplyCheck check);
  void send_unanswered(const Words& words);
  // The server closes after the reply (QUIT); nothing more will be said.
  void expect_close() { may_end_ = true; }
  bool is_quiet() const { return expected_.empty() && outbox_.empty(); }
  Random& random() { return random_; }
  const std::string& name() const { return name_; }

  // ---- For the simulation ----
  bool is_connected() const { return end_ != nullptr; }
  Workload& workload() { return *workload_; }
  // The Unix clock shows something else now.
  void note_time();
  // Leaves; what was asked is lost.
  void leave();
  void connect(const ClientManners& manners);
  size_t unanswered() const { return expected_.size(); }
  uint64_t replies() const { return replies_; }
  // Of all bytes that ever came, in order.
  uint64_t digest() const { return digest_; }
  std::string describe() const;

 private:
  struct Expected {
    std::string request;  // its beginning, for messages
    ReplyCheck check;
    UnixRange range;
  };

  void write_some(size_t most);
  void read_some(size_t most);
  void take_replies();
  void on_server_closed();
  void end();

  std::string name_;
  Network& network_;
  const SimClock& clock_;
  Random random_;
  std::unique_ptr<Workload> workload_;
  const bool& may_be_closed_;
  std::unique_ptr<ClientEnd> end_;
  std::string outbox_;
  size_t written_ = 0;  // of outbox_
  std::string inbox_;
  std::deque<Expected> expected_;
  bool is_finishing_ = false;  // nothing more is asked; the half close follows the outbox
  bool has_finished_ = false;
  bool may_end_ = false;
  bool has_heard_ = false;  // anything on this connection
  uint64_t replies_ = 0;
  uint64_t digest_ = 0;
};

}  // namespace larder::simulation
