// Recorder: a worker in miniature. It drives a driver, writes down what happens to each connection,
// and in doing so checks the rules that hold in every turn (event.h, C1-C5, C7).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/driver/driver.h"

namespace larder::contract {

// What is known of one connection.
struct Record {
  server::ConnectionId id;
  std::string peer_address;
  std::string received;
  bool ended = false;  // `received` with result <= 0 came
  int end_result = 0;
  bool sending = false;
  uint64_t sent_bytes = 0;
  int sent_events = 0;
  int sent_error = 0;  // of the last failed send
  bool close_asked = false;
  bool closed = false;
  std::string output;  // what stream() still has to send: from sent_of_output on
  size_t sent_of_output = 0;
  size_t in_flight = 0;
};

class Recorder {
 public:
  explicit Recorder(server::Driver& driver) : driver_(driver) {}

  // One turn with the ops asked for so far.
  void turn(int64_t wait_ns);

  // Turns until `condition` holds; fails the test if it does not within a generous time.
  void turn_until(const std::function<bool()>& condition);

  // Turns until a new connection has been accepted and adopted; returns its record, which stays
  // where it is.
  Record& accept_one();

  void send(Record& record, const std::vector<std::string_view>& pieces);
  // Sends all of `bytes`, in as many sends as it takes, one after the other.
  void stream(Record& record, std::string bytes);
  void pause(Record& record) { push(server::OpKind::pause_receive, record.id); }
  void resume(Record& record) { push(server::OpKind::resume_receive, record.id); }
  void close(Record& record);

  // All records ever made, in order of acceptance.
  std::deque<Record>& records() { return records_; }
  server::Ops& ops() { return ops_; }
  const std::vector<server::Event>& events() const { return events_; }

  // What to do with accepted sockets instead of adopting them; -1s are not kept.
  bool adopt_accepted = true;
  std::vector<server::SocketHandle> accepted;  // while adopt_accepted is false
  std::vector<int> accept_errors;

 private:
  server::Op& push(server::OpKind kind, server::ConnectionId id);
  void adopt(const server::Event& event);
  void on_event(const server::Event& event);
  void on_received(Record& record, const server::Event& event);
  void on_sent(Record& record, const server::Event& event);
  Record& record_of(server::ConnectionId id);
  void send_more(Record& record);

  server::Driver& driver_;
  server::Ops ops_;
  std::vector<server::Event> events_;
  std::deque<Record> records_;
  std::vector<Record*> slots_;         // by slot: who is there now
  std::vector<uint32_t> generations_;  // by slot
  std::vector<uint32_t> free_slots_;
};

// Bytes of which every stretch is different, so that lost, doubled or swapped ones are noticed.
std::string distinct_bytes(size_t size, uint64_t seed = 1);

}  // namespace larder::contract
