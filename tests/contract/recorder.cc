#include "tests/contract/recorder.h"

#include <catch2/catch.hpp>
#include <cstring>

namespace larder::contract {

using server::Event;
using server::EventKind;
using server::Op;
using server::OpKind;

namespace {

constexpr int64_t kPatienceNs = 60'000'000'000;
constexpr int64_t kTurnNs = 5'000'000;

}  // namespace

void Recorder::turn(int64_t wait_ns) {
  driver_.turn(ops_, wait_ns, events_);
  REQUIRE(ops_.list.empty());
  REQUIRE(ops_.pieces.empty());
  // C1: headroom is writable and nobody else's, so all of it is overwritten before any byte is
  // read.
  for (const Event& event : events_) {
    if (event.kind == EventKind::received && event.result > 0) {
      std::memset(event.bytes - server::kReceiveHeadroom, 0xee, server::kReceiveHeadroom);
    }
  }
  for (const Event& event : events_) on_event(event);
}

void Recorder::turn_until(const std::function<bool()>& condition) {
  const int64_t end_ns = driver_.now().monotonic_ns + kPatienceNs;
  while (!condition()) {
    REQUIRE(driver_.now().monotonic_ns < end_ns);
    turn(kTurnNs);
  }
}

Record& Recorder::accept_one() {
  const size_t before = records_.size();
  turn_until([&] { return records_.size() > before; });
  return records_[before];
}

void Recorder::send(Record& record, const std::vector<std::string_view>& pieces) {
  REQUIRE(!record.sending);
  Op& op = push(OpKind::send, record.id);
  op.first_piece = static_cast<uint32_t>(ops_.pieces.size());
  op.piece_count = static_cast<uint32_t>(pieces.size());
  record.in_flight = 0;
  for (const std::string_view piece : pieces) {
    ops_.pieces.push_back({piece.data(), piece.size()});
    record.in_flight += piece.size();
  }
  record.sending = true;
}

void Recorder::stream(Record& record, std::string bytes) {
  REQUIRE(record.output.empty());
  record.output = std::move(bytes);
  record.sent_of_output = 0;
  send_more(record);
}

void Recorder::send_more(Record& record) {
  if (record.sent_of_output == record.output.size() || record.close_asked) return;
  send(record, {std::string_view(record.output).substr(record.sent_of_output)});
}

void Recorder::close(Record& record) {
  REQUIRE(!record.close_asked);
  record.close_asked = true;
  push(OpKind::close, record.id);
}

Op& Recorder::push(OpKind kind, server::ConnectionId id) {
  Op& op = ops_.list.emplace_back();
  op.kind = kind;
  op.connection = id;
  return op;
}

void Recorder::adopt(const Event& event) {
  REQUIRE(event.handle >= 0);
  REQUIRE(event.addresses != nullptr);
  if (!adopt_accepted) {
    accepted.push_back(event.handle);
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.push_back(nullptr);
    generations_.push_back(0);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Record& record = records_.emplace_back();
  record.id = {slot, ++generations_[slot]};
  record.peer_address = event.addresses->peer;
  slots_[slot] = &record;
  push(OpKind::adopt, record.id).handle = event.handle;
}

Record& Recorder::record_of(server::ConnectionId id) {
  REQUIRE(id.slot < slots_.size());
  Record* record = slots_[id.slot];
  REQUIRE(record != nullptr);
  REQUIRE(record->id == id);  // C7
  REQUIRE(!record->closed);   // C4
  return *record;
}

void Recorder::on_event(const Event& event) {
  switch (event.kind) {
    case EventKind::accepted:
      return adopt(event);
    case EventKind::accept_failed:
      REQUIRE(event.result < 0);
      return accept_errors.push_back(-event.result);
    case EventKind::received:
      return on_received(record_of(event.connection), event);
    case EventKind::sent:
      return on_sent(record_of(event.connection), event);
    case EventKind::closed: {
      Record& record = record_of(event.connection);
      REQUIRE(record.close_asked);
      REQUIRE(!record.sending);  // C4: no `sent` is lost
      record.closed = true;
      slots_[record.id.slot] = nullptr;
      return free_slots_.push_back(record.id.slot);
    }
  }
  FAIL("an unknown event");
}

void Recorder::on_received(Record& record, const Event& event) {
  REQUIRE(!record.ended);        // C3
  REQUIRE(!record.close_asked);  // C4
  if (event.result <= 0) {
    record.ended = true;
    record.end_result = event.result;
    return;
  }
  const auto size = static_cast<size_t>(event.result);
  record.received.append(event.bytes, size);
  std::memset(event.bytes, 0xdd, size);  // C1: writable
}

void Recorder::on_sent(Record& record, const Event& event) {
  REQUIRE(record.sending);
  record.sending = false;
  ++record.sent_events;
  if (event.result < 0) {
    record.sent_error = -event.result;
    return;
  }
  const auto size = static_cast<size_t>(event.result);
  REQUIRE(size > 0);
  REQUIRE(size <= record.in_flight);
  record.sent_bytes += size;
  if (!record.output.empty()) {
    record.sent_of_output += size;
    send_more(record);
  }
}

std::string distinct_bytes(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state & 0xff);
  }
  return bytes;
}

}  // namespace larder::contract
