#include "bench/load/generator.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "bench/load/clock.h"

namespace larder::bench {
namespace {

constexpr uint64_t kTickNs = 100'000'000;
// Nearer than this the next request is waited for by polling: a sleep would overshoot it.
constexpr uint64_t kPollBelowNs = 60'000;
constexpr uint64_t kWakeEarlyNs = 50'000;
constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

}  // namespace

Generator::Generator(const Endpoint& endpoint, WireProtocol protocol)
    : endpoint_(endpoint), protocol_(protocol) {}

Generator::~Generator() {
  for (const Connection& connection : connections_) {
    if (connection.fd >= 0) close(connection.fd);
  }
}

bool Generator::connect(uint32_t connections, const std::vector<std::string>& setup, int timeout_ms,
                        std::string& error) {
  connections_.resize(connections);
  for (Connection& connection : connections_) {
    connection.scanner = ReplyScanner(protocol_);
    connection.fd = connect_to(endpoint_, error);
    if (connection.fd < 0) return false;
    for (const std::string& request : setup) {
      std::string reply;
      if (!exchange(connection.fd, protocol_, request, timeout_ms, reply, error)) return false;
    }
  }
  return true;
}

PhaseResult Generator::run(const PhaseSpec& spec) {
  begin(spec);
  const uint64_t cpu_before = thread_cpu_ns();
  start_ns_ = last_reply_ns_ = now_ns();
  if (spec_.requests_per_second > 0.0) {
    make_due(start_ns_);
  } else {
    for (uint32_t index = 0; index < connections_.size(); ++index) issue(index, now_ns());
  }
  while (!finished() && turn()) {
  }
  result_.elapsed_ns = last_reply_ns_ - start_ns_;
  result_.client_cpu_ns = thread_cpu_ns() - cpu_before;
  for (const Connection& connection : connections_) {
    if (!connection.scanner.error_text().empty() && result_.first_error.empty()) {
      result_.first_error = connection.scanner.error_text();
    }
  }
  return std::move(result_);
}

void Generator::begin(const PhaseSpec& spec) {
  spec_ = spec;
  result_ = PhaseResult{};
  if (spec_.requests_per_second > 0.0 && spec_.max_requests == 0) {
    spec_.max_requests = static_cast<uint64_t>(static_cast<double>(spec_.duration_ns) *
                                               spec_.requests_per_second / 1e9);
  }
  left_to_write_ = spec_.max_requests == 0 ? kUnlimited : spec_.max_requests;
  if (spec_.samples != nullptr) {
    // Touched now: recording must not wait for pages.
    spec_.samples->assign(spec_.max_requests, Sample{});
    spec_.samples->clear();
  }
  next_due_ = 0;
  closing_ = false;
  for (uint32_t index = 0; index < connections_.size(); ++index) {
    Connection& connection = connections_[index];
    connection.requests = std::make_unique<char[]>(spec_.maker->bytes_for(spec_.pipeline));
    spec_.maker->prepare(connection.requests.get(), spec_.pipeline);
    connection.written = connection.answered = 0;
    if (spec_.samples != nullptr) connection.sent_at_ns.assign(spec_.pipeline, 0);
    if (!connection.receiving) {
      ring_.arm_receive(connection.fd, index);
      connection.receiving = true;
    }
  }
  if (!ticking_) ring_.start_tick(kTickNs);
  ticking_ = true;
}

// Waits for something to happen and handles all that did. False: the phase failed.
bool Generator::turn() {
  int rc = 0;
  if (spec_.stop != nullptr && *spec_.stop != 0) stop_writing();
  if (spec_.requests_per_second > 0.0 && next_due_ < spec_.max_requests) {
    const uint64_t now = now_ns();
    make_due(now);
    const uint64_t due = due_at(next_due_);
    rc = due < now + kPollBelowNs ? ring_.submit_and_poll()
                                  : ring_.submit_and_wait(due - now - kWakeEarlyNs);
  } else {
    rc = ring_.submit_and_wait();
  }
  if (rc < 0) fail(std::string("io_uring: ") + std::strerror(-rc));
  Completion completion{};
  while (result_.failure.empty() && ring_.next(completion)) on_completion(completion);
  return result_.failure.empty();
}

bool Generator::finished() const {
  return outstanding_ == 0 && sends_in_flight_ == 0 && (left_to_write_ == 0 || closing_);
}

// Told to stop: nothing more comes due, but what has is neither dropped nor forgotten.
void Generator::stop_writing() {
  if (spec_.requests_per_second <= 0.0) {
    closing_ = true;
    return;
  }
  left_to_write_ -= spec_.max_requests - next_due_;
  spec_.max_requests = next_due_;
}

// Open loop: lets every connection send whose requests have become due.
void Generator::make_due(uint64_t now) {
  const double elapsed_s = static_cast<double>(now - start_ns_) / 1e9;
  const uint64_t rate_due = static_cast<uint64_t>(elapsed_s * spec_.requests_per_second);
  const uint64_t due = std::min(spec_.max_requests, (rate_due / spec_.burst + 1) * spec_.burst);
  if (due <= next_due_) return;
  const uint64_t first_group = next_due_ / spec_.burst;
  const uint64_t groups = (due - 1) / spec_.burst + 1 - first_group;
  next_due_ = due;
  for (uint64_t i = 0; i < std::min<uint64_t>(groups, connections_.size()); ++i) {
    issue(static_cast<uint32_t>((first_group + i) % connections_.size()), now);
  }
}

// Open loop: which request of the phase is the `request`th of connection `index`.
uint64_t Generator::number_of(uint64_t request, uint32_t index) const {
  const uint64_t group = request / spec_.burst * connections_.size() + index;
  return group * spec_.burst + request % spec_.burst;
}

uint64_t Generator::due_at(uint64_t request) const {
  const uint64_t first_of_group = request - request % spec_.burst;
  return start_ns_ + static_cast<uint64_t>(static_cast<double>(first_of_group) * 1e9 /
                                           spec_.requests_per_second);
}

// Open loop: how many requests this connection may send now.
uint32_t Generator::due_requests(const Connection& connection, uint32_t index) const {
  const uint64_t whole_groups = next_due_ / spec_.burst;
  uint64_t due = 0;
  if (whole_groups > index) {
    due = ((whole_groups - index - 1) / connections_.size() + 1) * spec_.burst;
  }
  if (whole_groups % connections_.size() == index) due += next_due_ % spec_.burst;
  return static_cast<uint32_t>(
      std::min<uint64_t>(due - connection.written, spec_.pipeline - connection.outstanding));
}

// Sends what this connection has to send now, if anything.
void Generator::issue(uint32_t index, uint64_t now) {
  Connection& connection = connections_[index];
  if (connection.sending || closing_) return;
  uint32_t count = 0;
  if (spec_.requests_per_second > 0.0) {
    count = due_requests(connection, index);
  } else if (connection.outstanding == 0) {
    closing_ = spec_.duration_ns != 0 && now - start_ns_ >= spec_.duration_ns;
    if (closing_) return;
    count = static_cast<uint32_t>(std::min<uint64_t>(spec_.pipeline, left_to_write_));
    connection.batch_at_ns = now;
  }
  if (count == 0) return;
  if (outstanding_ == 0) waiting_since_ns_ = now;
  write_and_send(index, count, now);
}

void Generator::write_and_send(uint32_t index, uint32_t count, uint64_t now) {
  Connection& connection = connections_[index];
  const size_t bytes = spec_.maker->write(connection.requests.get(), count);
  connection.unsent = {connection.requests.get(), bytes};
  if (spec_.samples != nullptr) {
    for (uint64_t i = connection.written; i < connection.written + count; ++i) {
      connection.sent_at_ns[i % spec_.pipeline] = now;
    }
  }
  connection.outstanding += count;
  connection.written += count;
  connection.sending = true;
  outstanding_ += count;
  left_to_write_ -= count;
  ++sends_in_flight_;
  result_.sent_bytes += bytes;
  ring_.send(connection.fd, index, connection.unsent);
}

void Generator::on_completion(const Completion& completion) {
  switch (completion.operation) {
    case Operation::receive:
      on_received(completion);
      break;
    case Operation::send:
      on_sent(completion);
      break;
    case Operation::tick:
      on_tick(now_ns());
      break;
  }
}

void Generator::on_received(const Completion& completion) {
  const uint32_t index = completion.connection;
  Connection& connection = connections_[index];
  const uint64_t now = now_ns();
  if (completion.result > 0) {
    ReplyCounts counts;
    const bool understood = connection.scanner.scan(completion.bytes, counts);
    result_.received_bytes += completion.bytes.size();
    ring_.release(completion.buffer);
    if (!understood) return fail("a reply broke the protocol");
    connection.replies += counts.replies;
    const uint64_t answered = connection.replies / spec_.maker->replies_per_request();
    connection.replies %= spec_.maker->replies_per_request();
    if (answered + (connection.replies != 0 ? 1 : 0) > connection.outstanding) {
      return fail("more replies than requests");
    }
    last_reply_ns_ = waiting_since_ns_ = now;
    record_latency(connection, index, answered, now);
    connection.outstanding -= static_cast<uint32_t>(answered);
    outstanding_ -= answered;
    result_.answered += answered;
    result_.counts.replies += counts.replies;
    result_.counts.errors += counts.errors;
    result_.counts.nils += counts.nils;
  } else if (completion.result == 0) {
    return fail("the server closed a connection");
  } else if (completion.result != -ENOBUFS) {
    return fail(std::string("receive: ") + std::strerror(-completion.result));
  }
  if (!completion.armed) ring_.arm_receive(connection.fd, index);
  issue(index, now);
}

void Generator::on_sent(const Completion& completion) {
  const uint32_t index = completion.connection;
  Connection& connection = connections_[index];
  if (completion.result < 0 && completion.result != -EINTR && completion.result != -EAGAIN) {
    return fail(std::string("send: ") + std::strerror(-completion.result));
  }
  connection.unsent.remove_prefix(
      std::min(static_cast<size_t>(std::max(completion.result, 0)), connection.unsent.size()));
  if (!connection.unsent.empty()) {
    ring_.send(connection.fd, index, connection.unsent);
    return;
  }
  connection.sending = false;
  --sends_in_flight_;
  // In a closed loop the replies decide, unless they all overtook this completion.
  if (connection.outstanding == 0 || spec_.requests_per_second > 0.0) issue(index, now_ns());
}

void Generator::on_tick(uint64_t now) {
  ring_.start_tick(kTickNs);
  if (outstanding_ != 0 && now - waiting_since_ns_ > spec_.silence_ns) {
    fail("no reply for " + std::to_string(spec_.silence_ns / kNsPerSecond) + " s, " +
         std::to_string(outstanding_) + " requests unanswered");
  }
}

void Generator::record_latency(Connection& connection, uint32_t index, uint64_t answered,
                               uint64_t now) {
  if (spec_.requests_per_second <= 0.0) {
    if (answered != 0) result_.latency.record(now - connection.batch_at_ns, answered);
    return;
  }
  for (uint64_t i = 0; i < answered; ++i) {
    const uint64_t due = due_at(number_of(connection.answered, index));
    if (spec_.samples != nullptr) {
      const uint64_t sent = connection.sent_at_ns[connection.answered % spec_.pipeline];
      spec_.samples->push_back({due, sent, now});
    }
    ++connection.answered;
    result_.latency.record(now > due ? now - due : 0);
  }
}

void Generator::fail(const std::string& reason) {
  if (result_.failure.empty()) result_.failure = reason;
}

}  // namespace larder::bench
