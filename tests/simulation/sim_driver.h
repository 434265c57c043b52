// SimDriver: the third driver. It keeps the contract of server/driver/event.h over a simulated
// network and a simulated clock, and uses all the freedom the contract leaves: pieces of any size
// in both directions, events late and in any order between connections, short sends, failing
// accepts, turns without events.
//
// It also watches the worker: bytes of a send that change before `sent`, two sends in flight, and a
// socket named twice end the run.
//
// Thread: the simulation's one.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/driver/driver.h"
#include "tests/simulation/clock.h"
#include "tests/simulation/network.h"
#include "tests/simulation/random.h"

namespace larder::simulation {

// Chances in thousandths.
struct NetworkFaults {
  unsigned split_receive = 0;  // a received event brings only part of what is there
  unsigned starve = 0;         // a connection's bytes wait, as when buffers have run out
  unsigned short_send = 0;
  unsigned delay_send = 0;
  unsigned delay_close = 0;
  unsigned fail_accept = 0;
  unsigned delay_mail = 0;  // between workers, past the receiver's next step
  size_t receive_buffer_bytes = 64 * 1024;
  size_t receive_buffer_count = 64;  // per turn
};

class SimDriver final : public server::Driver {
 public:
  // `peers`: the drivers of all workers by index, for op `wake`; all references must outlive this.
  SimDriver(Network& network, SimClock& clock, const NetworkFaults& faults, Random random,
            bool listens, const std::vector<std::unique_ptr<SimDriver>>* peers);

  // Moves the clock while it waits; a wait without limit that nothing would ever end fails.
  void turn(server::Ops& ops, int64_t wait_ns, std::vector<server::Event>& events) override;
  void wake() override { is_woken_ = true; }
  server::Now now() const override { return clock_.now(); }

  // Would a turn without faults bring an event (or return early)?
  bool has_work() const;
  size_t connections() const { return connections_.size(); }

 private:
  struct Connection {
    server::ConnectionId id;
    std::shared_ptr<Socket> socket;
    bool is_receiving = true;
    bool end_reported = false;
    bool is_closing = false;
    bool is_sending = false;
    unsigned late_receives = 0;  // that may still come after a pause
    std::vector<server::SendPiece> pieces;
    std::string snapshot;  // what the pieces held when the send began
  };

  void carry_out(const server::Ops& ops, const server::Op& op);
  void begin_send(Connection& connection, const server::Ops& ops, const server::Op& op);
  Connection* find(server::ConnectionId id);
  void collect(std::vector<server::Event>& events);
  void collect_accepted(std::vector<server::Event>& events);
  void collect_sent(Connection& connection, std::vector<server::Event>& events);
  void collect_received(Connection& connection, std::vector<server::Event>& events);
  void receive_piece(Connection& connection, std::vector<server::Event>& events);
  bool collect_closed(const Connection& connection, std::vector<server::Event>& events);
  bool may_receive(const Connection& connection) const;

  Network& network_;
  SimClock& clock_;
  const NetworkFaults& faults_;
  Random random_;
  bool listens_;
  const std::vector<std::unique_ptr<SimDriver>>* peers_;
  bool is_woken_ = false;
  std::map<uint32_t, Connection> connections_;  // by slot
  size_t buffers_left_ = 0;
  std::vector<std::unique_ptr<char[]>> buffers_;  // of the events last handed out
  std::deque<server::Addresses> addresses_;       // likewise
};

}  // namespace larder::simulation
