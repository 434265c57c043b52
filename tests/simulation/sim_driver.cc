#include "tests/simulation/sim_driver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/simulation/failure.h"

namespace larder::simulation {

using server::Event;
using server::EventKind;
using server::kReceiveHeadroom;
using server::Op;
using server::OpKind;
using server::Ops;

namespace {

// While a turn waits, the clock moves in steps of this size.
constexpr int64_t kTickNs = 100'000;
// A wait this long without any event has no end.
constexpr int64_t kForeverNs = 3'600'000'000'000;

}  // namespace

SimDriver::SimDriver(Network& network, SimClock& clock, const NetworkFaults& faults, Random random,
                     bool listens, const std::vector<std::unique_ptr<SimDriver>>* peers)
    : network_(network),
      clock_(clock),
      faults_(faults),
      random_(random),
      listens_(listens),
      peers_(peers) {}

void SimDriver::turn(Ops& ops, int64_t wait_ns, std::vector<Event>& events) {
  events.clear();
  buffers_.clear();
  addresses_.clear();
  for (const Op& op : ops.list) carry_out(ops, op);
  ops.clear();
  buffers_left_ = faults_.receive_buffer_count;
  collect(events);
  const int64_t end_ns = clock_.monotonic_ns() + (wait_ns < 0 ? kForeverNs : wait_ns);
  while (events.empty() && !is_woken_ && clock_.monotonic_ns() < end_ns) {
    clock_.advance(std::min(kTickNs, end_ns - clock_.monotonic_ns()));
    collect(events);
    check(wait_ns >= 0 || clock_.monotonic_ns() < end_ns, "a turn waits for ever");
  }
  is_woken_ = false;
}

SimDriver::Connection* SimDriver::find(server::ConnectionId id) {
  const auto found = connections_.find(id.slot);
  return found != connections_.end() && found->second.id == id ? &found->second : nullptr;
}

void SimDriver::carry_out(const Ops& ops, const Op& op) {
  Connection* connection = find(op.connection);
  switch (op.kind) {
    case OpKind::adopt: {
      Connection adopted;
      adopted.id = op.connection;
      adopted.socket = network_.find(op.handle);
      const bool is_new = connections_.emplace(op.connection.slot, std::move(adopted)).second;
      check(is_new, "a slot was used again before its connection was closed");
      return;
    }
    case OpKind::send:
      if (connection != nullptr) begin_send(*connection, ops, op);
      return;
    case OpKind::pause_receive:
      if (connection == nullptr) return;
      connection->is_receiving = false;
      connection->late_receives = static_cast<unsigned>(random_.below(2));
      return;
    case OpKind::resume_receive:
      if (connection != nullptr) connection->is_receiving = true;
      return;
    case OpKind::close:
      if (connection == nullptr) return;
      connection->is_closing = true;
      connection->socket->to_server.clear();
      return;
    case OpKind::refuse: {
      const std::shared_ptr<Socket> socket = network_.find(op.handle);
      socket->to_client.append(
          std::string_view(ops.texts[op.text]).substr(0, socket->to_client.room()));
      socket->server_closed = true;
      return network_.forget(op.handle);
    }
    case OpKind::wake:
      if (peers_ != nullptr) peers_->at(op.worker)->wake();
      return;
    case OpKind::stop_listening:
      if (listens_) network_.stop_listening();
      return;
    default:  // no worker asks for anything else
      return;
  }
}

void SimDriver::begin_send(Connection& connection, const Ops& ops, const Op& op) {
  check(!connection.is_sending, "two sends of one connection were in flight");
  connection.is_sending = true;
  const auto begin = ops.pieces.begin() + op.first_piece;
  connection.pieces.assign(begin, begin + op.piece_count);
  connection.snapshot.clear();
  for (const server::SendPiece& piece : connection.pieces) {
    connection.snapshot.append(piece.data, piece.size);
  }
  check(!connection.snapshot.empty(), "a send of no bytes");
}

bool SimDriver::may_receive(const Connection& connection) const {
  return !connection.is_closing && !connection.end_reported &&
         (connection.is_receiving || connection.late_receives > 0);
}

bool SimDriver::has_work() const {
  if (is_woken_) return true;
  if (listens_ && network_.has_arrivals()) return true;
  for (const auto& [slot, connection] : connections_) {
    const Socket& socket = *connection.socket;
    if (connection.is_closing) return true;
    if (connection.is_sending &&
        (socket.client_gone || socket.was_reset || socket.to_client.room() > 0)) {
      return true;
    }
    if (connection.is_receiving && may_receive(connection) &&
        (!socket.to_server.empty() || socket.client_finished || socket.was_reset)) {
      return true;
    }
  }
  return false;
}

void SimDriver::collect(std::vector<Event>& events) {
  if (listens_) collect_accepted(events);
  std::vector<uint32_t> slots;
  for (const auto& [slot, connection] : connections_) slots.push_back(slot);
  random_.shuffle(slots);
  // A second round lets events of one connection stand apart.
  const size_t rounds = 1 + random_.below(2);
  for (size_t round = 0; round < rounds; ++round) {
    for (const uint32_t slot : slots) {
      const auto found = connections_.find(slot);
      if (found == connections_.end()) continue;
      collect_sent(found->second, events);
      collect_received(found->second, events);
      if (collect_closed(found->second, events)) connections_.erase(found);
    }
  }
}

void SimDriver::collect_accepted(std::vector<Event>& events) {
  while (network_.has_arrivals()) {
    if (random_.chance(faults_.fail_accept)) {
      events.push_back({.kind = EventKind::accept_failed, .result = -EMFILE});
      return;
    }
    const std::shared_ptr<Socket> socket = network_.accept();
    addresses_.push_back(socket->addresses);
    events.push_back(
        {.kind = EventKind::accepted, .handle = socket->handle, .addresses = &addresses_.back()});
  }
}

void SimDriver::collect_sent(Connection& connection, std::vector<Event>& events) {
  if (!connection.is_sending) return;
  Socket& socket = *connection.socket;
  const bool is_over = socket.client_gone || socket.was_reset;
  size_t size = std::min(connection.snapshot.size(), socket.to_client.room());
  if (!is_over && !connection.is_closing && (size == 0 || random_.chance(faults_.delay_send))) {
    return;
  }
  std::string bytes;
  for (const server::SendPiece& piece : connection.pieces) bytes.append(piece.data, piece.size);
  check(bytes == connection.snapshot, "bytes changed while their send was in flight");
  connection.is_sending = false;
  int32_t result;
  if (is_over) {
    result = socket.was_reset ? -ECONNRESET : -EPIPE;
  } else if (size == 0) {
    result = -ECANCELED;  // closing, and no room
  } else {
    if (random_.chance(faults_.short_send)) size = random_.size_up_to(size);
    socket.to_client.append(std::string_view(bytes).substr(0, size));
    result = static_cast<int32_t>(size);
  }
  events.push_back({.kind = EventKind::sent, .result = result, .connection = connection.id});
}

void SimDriver::collect_received(Connection& connection, std::vector<Event>& events) {
  if (!may_receive(connection) || random_.chance(faults_.starve)) return;
  Socket& socket = *connection.socket;
  while (!socket.was_reset && !socket.to_server.empty()) {
    if (buffers_left_ == 0) return;
    --buffers_left_;
    receive_piece(connection, events);
    if (!may_receive(connection) || random_.chance(500)) return;
    if (!connection.is_receiving) return;
  }
  if (!connection.is_receiving) return;
  if (!socket.was_reset && !socket.client_finished) return;
  connection.end_reported = true;
  events.push_back({.kind = EventKind::received,
                    .result = socket.was_reset ? -ECONNRESET : 0,
                    .connection = connection.id});
}

void SimDriver::receive_piece(Connection& connection, std::vector<Event>& events) {
  Pipe& pipe = connection.socket->to_server;
  if (!connection.is_receiving) --connection.late_receives;
  size_t size = std::min(pipe.size(), faults_.receive_buffer_bytes);
  if (random_.chance(faults_.split_receive)) size = random_.size_up_to(size);
  // Exactly as much memory as the contract promises, so that a sanitizer sees a byte too many.
  buffers_.push_back(std::make_unique<char[]>(kReceiveHeadroom + size));
  char* const bytes = buffers_.back().get() + kReceiveHeadroom;
  std::memcpy(bytes, pipe.view().data(), size);
  pipe.consume(size);
  events.push_back({.kind = EventKind::received,
                    .result = static_cast<int32_t>(size),
                    .connection = connection.id,
                    .bytes = bytes});
}

bool SimDriver::collect_closed(const Connection& connection, std::vector<Event>& events) {
  if (!connection.is_closing || connection.is_sending) return false;
  if (random_.chance(faults_.delay_close)) return false;
  connection.socket->server_closed = true;
  network_.forget(connection.socket->handle);
  events.push_back({.kind = EventKind::closed, .connection = connection.id});
  return true;
}

}  // namespace larder::simulation
