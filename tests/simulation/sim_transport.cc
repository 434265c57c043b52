#include "tests/simulation/sim_transport.h"

#include <algorithm>

namespace larder::simulation {

using transcripts::Arrival;

SimTransport::End* SimTransport::find(std::string_view connection) {
  const auto found = ends_.find(connection);
  return found == ends_.end() ? nullptr : &found->second;
}

bool SimTransport::open(std::string_view connection) {
  auto end =
      server_.network().connect(random_.size_up_to(100'000), 1000 + random_.size_up_to(100'000));
  if (end == nullptr) return false;
  ends_[std::string(connection)] = End{.end = std::move(end), .early = {}};
  server_.settle(random_);
  return true;
}

void SimTransport::close(std::string_view connection) {
  const auto found = ends_.find(connection);
  if (found == ends_.end()) return;
  ends_.erase(found);
  server_.settle(random_);
}

void SimTransport::read(End& end) {
  if (!end.is_over) end.is_over = !end.end->read(SIZE_MAX, end.early);
}

bool SimTransport::send(std::string_view connection, std::string_view bytes) {
  End* const end = find(connection);
  if (end == nullptr) return false;
  while (!bytes.empty()) {
    bytes.remove_prefix(end->end->write(bytes));
    // The server may be ready without end while it waits for time; so one step each.
    for (unsigned i = 0; i < server_.worker_count(); ++i) {
      if (server_.is_ready(i)) server_.step(i);
    }
    read(*end);
    if (end->is_over) return false;
  }
  return true;
}

Arrival SimTransport::receive(std::string_view connection, int64_t wait_ms, std::string& bytes) {
  End* const end = find(connection);
  if (end == nullptr) return Arrival::closed;
  const int64_t end_ns = server_.clock().monotonic_ns() + wait_ms * 1'000'000;
  for (;;) {
    server_.settle(random_);
    read(*end);
    if (!end->early.empty()) {
      bytes += end->early;
      end->early.clear();
      return Arrival::bytes;
    }
    if (end->is_over) return Arrival::closed;
    if (server_.clock().monotonic_ns() >= end_ns) return Arrival::timeout;
    advance_once(end_ns);
  }
}

void SimTransport::advance_once(int64_t end_ns) {
  const int64_t now_ns = server_.clock().monotonic_ns();
  const int64_t next_ns = std::max(server_.next_wake_ns(), now_ns + 1);
  server_.clock().advance(std::min(next_ns, end_ns) - now_ns);
}

void SimTransport::advance(int64_t duration_ms) {
  const int64_t end_ns = server_.clock().monotonic_ns() + duration_ms * 1'000'000;
  server_.settle(random_);
  while (server_.clock().monotonic_ns() < end_ns) {
    advance_once(end_ns);
    server_.settle(random_);
  }
}

}  // namespace larder::simulation
