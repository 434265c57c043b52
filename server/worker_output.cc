// What a worker does about clients that do not read their replies: it lets them wait, then go.
#include <algorithm>
#include <limits>

#include "server/worker.h"

namespace larder::server {

const config::OutputBufferLimit& Worker::output_limit(const Connection& connection) const {
  return dispatcher_.config().output_buffer_limit(output_class(connection.session));
}

void Worker::check_output(Connection& connection) {
  const config::OutputBufferLimit& limit = output_limit(connection);
  const size_t unsent = connection.unsent_bytes();
  const bool has_gaps = connection.output.has_lost_content();  // it met the limit of another class
  if (has_gaps || (limit.hard_bytes > 0 && unsent > limit.hard_bytes)) {
    ++stats().output_limit_disconnections;
    return close(connection);
  }
  if ((connection.session.monitoring && unsent > kMonitorLimit) ||
      std::min(connection.invalidation_bytes, unsent) > kInvalidationLimit) {
    ++stats().output_limit_disconnections;
    return close(connection);
  }
  if (limit.soft_bytes > 0 && unsent > limit.soft_bytes &&
      connection.over_soft_limit_since_ns < 0) {
    connection.over_soft_limit_since_ns = now_.monotonic_ns;
    slow_readers_.push_back(connection.id);
    next_slow_reader_check_ns_ = now_.monotonic_ns;
  }
  if (unsent > output_soft_limit(connection) && connection.hold == Hold::none) {
    connection.hold = Hold::output;
  }
}

void Worker::set_output_check() {
  output_check_bytes_ =
      dispatcher_.config().requirepass.empty() ? kOutputSoftLimit : kOutputSoftLimitUnauthenticated;
  for (auto client_class : {config::ClientClass::normal, config::ClientClass::pubsub}) {
    const config::OutputBufferLimit& limit = dispatcher_.config().output_buffer_limit(client_class);
    output_limit_bytes_[static_cast<size_t>(client_class)] = limit.hard_bytes;
    for (uint64_t bytes : {limit.hard_bytes, limit.soft_bytes}) {
      if (bytes > 0) output_check_bytes_ = std::min<uint64_t>(output_check_bytes_, bytes);
    }
  }
}

// Closes clients that have been above the soft output limit for too long.
void Worker::close_slow_readers() {
  if (now_.monotonic_ns < next_slow_reader_check_ns_) return;
  next_slow_reader_check_ns_ = std::numeric_limits<int64_t>::max();
  std::erase_if(slow_readers_, [&](ConnectionId id) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->closing) return true;
    const config::OutputBufferLimit& limit = output_limit(*connection);
    // Further away than any process lives is far enough.
    const auto longest_s = static_cast<int64_t>(std::min<uint64_t>(limit.soft_seconds, 1u << 31));
    if (limit.soft_bytes == 0 || connection->unsent_bytes() <= limit.soft_bytes) {
      connection->over_soft_limit_since_ns = -1;
      return true;
    }
    const int64_t last_ns = connection->over_soft_limit_since_ns + longest_s * 1'000'000'000;
    if (now_.monotonic_ns > last_ns) {
      ++stats().output_limit_disconnections;
      close(*connection);
      return true;
    }
    next_slow_reader_check_ns_ = std::min(next_slow_reader_check_ns_, last_ns + 1);
    return false;
  });
}

}  // namespace larder::server
