#include "server/worker.h"

#include <algorithm>

#include "server/node.h"
#include "server/waiter.h"

namespace larder::server {

using protocol::ParseStatus;
using protocol::Reply;
using protocol::RequestLimits;

Worker::Worker(Node& node, unsigned index, uint64_t random_seed)
    : node_(node), index_(index), dispatcher_(node, index, random_seed) {
  dispatcher_.environment().expiry_duty = &expiry_duty_;
  begin_messages();
  keepalive_at_start_s_ = dispatcher_.config().tcp_keepalive_seconds;
  set_output_check();
}

Worker::~Worker() {
  dispatcher_.end_script();  // while its session is still there
}

StepResult Worker::step(const Now& now, std::vector<Event>& events, Ops& ops) {
  now_ = now;
  ops_ = &ops;
  group_begin_ns_ = kUnknownTime;
  CommandEnvironment& environment = dispatcher_.environment();
  environment.now_us = now.unix_us;
  environment.now_ms = now.unix_us / 1000;
  dispatcher_.pass_time();

  dispatcher_.begin_turn();
  take_mail();
  if (!wait_ends_.empty()) end_overdue_waits();
  if (pause_ != PauseMode::none && environment.now_ms >= pause_until_ms_) {
    pause_clients(PauseMode::none, 0);
  }
  if (dispatcher_.has_paused_script()) resume_script();
  retry_waiting();
  for (const Event& event : events) on_event(event);
  run_all();
  finish_inputs();
  tell_served();

  evicts_more_ = false;
  if (environment.expiry == ExpiryMode::remove) run_duties();
  if (dispatcher_.has_lost()) {
    dispatcher_.serve_lost();
    tell_served();
  }
  if (dispatcher_.config().timeout_seconds > 0) close_idle_clients();
  if (!slow_readers_.empty()) close_slow_readers();
  release_departed();
  release_garbage();
  post_monitor_lines();
  finish_messages();
  flush();
  if (stopping_ && now_.monotonic_ns >= stop_deadline_ns_) on_stop(/*at_once=*/true);
  stats().operation_rate.sample(environment.now_ms, stats().commands_processed);

  const bool finished = stopping_ && free_slots_.size() == connections_.size() &&
                        departed_.empty() && !dispatcher_.has_paused_script();
  return {wait_ns(), finished};
}

// Expiry and eviction: what a worker does to keys on its own.
void Worker::run_duties() {
  CommandTimer& timer = dispatcher_.timer();
  const bool is_timed = timer.monitors_latency();
  const int64_t begin_ns = is_timed ? timer.now_ns() : 0;
  if (active_expiry_) expiry_duty_.run(dispatcher_.environment());
  const int64_t between_ns = is_timed ? timer.now_ns() : 0;
  evicts_more_ = dispatcher_.evict_slice();
  if (!is_timed) return;
  timer.note_latency(LatencyKind::expire_cycle, between_ns - begin_ns, now_.unix_us);
  timer.note_latency(LatencyKind::eviction_cycle, timer.now_ns() - between_ns, now_.unix_us);
}

int64_t Worker::wait_ns() const {
  if (!departed_.empty() || !former_waiters_.empty() || !garbage_.empty()) return 0;
  if (evicts_more_ || discards_more_ || dispatcher_.has_lost()) return 0;
  // A script goes on at once, but leaves room for others if it takes long.
  if (dispatcher_.has_paused_script()) return script_turns_ < 64 ? 0 : 50'000;
  // Something is parked: whoever holds its shards is running right now, so look again at once, but
  // not for ever (the holder may have been put off its core, or run a long command).
  if (!waiting_.empty()) return parked_turns_ < 64 ? 0 : 50'000;
  int64_t wait = -1;
  const auto no_later_than = [&](int64_t in_ns) {
    in_ns = std::max<int64_t>(in_ns, 0);
    if (wait < 0 || in_ns < wait) wait = in_ns;
  };
  // Clients name points in time whose nanoseconds do not fit; decades are as good as never.
  const auto no_later_than_ms = [&](int64_t unix_ms) {
    constexpr int64_t kLongestWaitMs = 1'000'000'000'000;
    no_later_than(std::min(unix_ms - now_.unix_us / 1000, kLongestWaitMs) * 1'000'000);
  };
  if (active_expiry_ && expiry_duty_.earliest_ms() != ExpiryDuty::kNothingDue &&
      dispatcher_.environment().expiry == ExpiryMode::remove) {
    no_later_than_ms(expiry_duty_.earliest_ms());
  }
  if (pause_ != PauseMode::none) no_later_than_ms(pause_until_ms_);
  if (dispatcher_.config().timeout_seconds > 0) no_later_than_ms(next_idle_check_ms_);
  if (!wait_ends_.empty()) no_later_than(wait_ends_.begin()->first - now_.monotonic_ns);
  if (!slow_readers_.empty()) no_later_than(next_slow_reader_check_ns_ - now_.monotonic_ns);
  if (stopping_) no_later_than(stop_deadline_ns_ - now_.monotonic_ns);
  return wait;
}

// ---- mail and events ----------------------------------------------------------------------------

void Worker::post(unsigned worker, Mail mail) {
  node_.mailbox(worker).post(std::move(mail));
  ops_->list.push_back({.kind = OpKind::wake, .worker = worker});
}

void Worker::take_mail() {
  deliver_messages();
  node_.mailbox(index_).take_all(mail_);
  for (Mail& mail : mail_) {
    if (auto* arrival = std::get_if<NewConnection>(&mail)) {
      open(*arrival);
    } else if (auto* round = std::get_if<TaskRound>(&mail)) {
      do_round(*round);
    } else if (auto* done = std::get_if<RoundDone>(&mail)) {
      if (Connection* connection = find(done->connection)) on_round_done(*connection);
    } else if (auto* heard = std::get_if<MonitorLines>(&mail)) {
      on_monitor_lines(*heard);
    } else if (auto* served = std::get_if<Served>(&mail)) {
      on_served(served->waiter);
    } else if (auto* stop = std::get_if<StopMail>(&mail)) {
      on_stop(stop->at_once);
    }
  }
}

void Worker::on_event(const Event& event) {
  if (event.kind == EventKind::accepted) return on_accepted(event);
  if (event.kind == EventKind::accept_failed) {
    ++stats().connections_rejected;
    return;
  }
  Connection* connection = find(event.connection);
  if (connection == nullptr) return;
  switch (event.kind) {
    case EventKind::received:
      on_received(*connection, event);
      break;
    case EventKind::sent:
      on_sent(*connection, event.result);
      break;
    case EventKind::closed:
      on_closed(*connection);
      break;
    default:
      break;
  }
}

Connection* Worker::find(ConnectionId id) {
  if (id.slot >= connections_.size() || generations_[id.slot] != id.generation) return nullptr;
  return connections_[id.slot].get();
}

void Worker::refuse(SocketHandle handle, std::string_view text) {
  ++stats().connections_rejected;
  ops_->list.push_back({.kind = OpKind::refuse,
                        .handle = handle,
                        .text = static_cast<uint32_t>(ops_->texts.size())});
  ops_->texts.emplace_back(text);
}

void Worker::on_accepted(const Event& event) {
  const Config& config = dispatcher_.config();
  if (stopping_) return refuse(event.handle, {});
  if (node_.total_connections() >= config.maxclients) {
    return refuse(event.handle, "-ERR max number of clients reached\r\n");
  }
  const std::string_view peer = event.addresses->peer;
  const bool is_local = event.transport == Transport::unix_socket || peer.starts_with("127.") ||
                        peer.starts_with("[::1]");
  if (config.protected_mode && config.requirepass.empty() && !is_local) {
    return refuse(event.handle,
                  "-DENIED Larder is running in protected mode because protected mode is enabled "
                  "and no password is set. In this mode connections are only accepted from the "
                  "loopback interface. To connect from other hosts set a password (requirepass), "
                  "or, if the network is trusted, start with --protected-mode no.\r\n");
  }
  const unsigned target = node_.least_loaded_worker();
  node_.connection_count(target).fetch_add(1, std::memory_order_relaxed);
  NewConnection arrival{event.handle, event.transport, *event.addresses, node_.next_session_id()};
  if (target == index_) {
    open(arrival);
  } else {
    post(target, std::move(arrival));
  }
}

void Worker::open(const NewConnection& arrival) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(connections_.size());
    connections_.emplace_back();
    generations_.push_back(0);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  auto connection = std::make_unique<Connection>();
  connection->id = {slot, generations_[slot]};
  connection->handle = arrival.handle;
  connection->transport = arrival.transport;
  connection->addresses = arrival.addresses;
  connection->created_unix_ms = connection->last_interaction_ms = now_.unix_us / 1000;
  connection->session.connection = connection.get();
  connection->session.id = arrival.session_id;
  connection->session.peer = connection->addresses.peer;
  connection->session.is_unix_socket = arrival.transport == Transport::unix_socket;
  connection->session.authenticated = dispatcher_.config().requirepass.empty();
  ++stats().connections_received;
  ops_->list.push_back(
      {.kind = OpKind::adopt, .connection = connection->id, .handle = arrival.handle});
  const uint32_t keepalive_s = dispatcher_.config().tcp_keepalive_seconds;
  if (keepalive_s != keepalive_at_start_s_ && arrival.transport == Transport::tcp) {
    ops_->list.back().keepalive_s = static_cast<int32_t>(keepalive_s);
  }
  connections_by_session_.emplace(arrival.session_id, connection.get());
  connections_[slot] = std::move(connection);
  if (stopping_) close(*connections_[slot]);
}

void Worker::on_received(Connection& connection, const Event& event) {
  if (event.result <= 0) {
    connection.receive_ended = true;
    if (event.result < 0) return close(connection);
    // What it sent before is run and answered first.
    run_all();
    finish_inputs();
    if (connection.hold == Hold::none) close_when_answered(connection);
    if (connection.hold == Hold::key) close(connection);  // what it waits for is for others
    return;
  }
  const auto size = static_cast<size_t>(event.result);
  stats().input_bytes += size;
  connection.last_interaction_ms = now_.unix_us / 1000;
  if (connection.closing || connection.session.close_after_reply) return;
  if (connection.has_input) {  // a second event of this turn: the first one's requests go first
    run_all();
    finish_inputs();
  }
  if (!connection.may_run()) return keep_for_later(connection, event.bytes, size);
  const size_t kept = connection.kept.size();
  if (kept == 0) return read_requests(connection, event.bytes, size, /*from_kept=*/false);
  if (kept <= kReceiveHeadroom) {
    std::memcpy(event.bytes - kept, connection.kept.data(), kept);
    connection.kept.free_memory();
    return read_requests(connection, event.bytes - kept, kept + size, /*from_kept=*/false);
  }
  group_begin_ns_ = kUnknownTime;  // this may copy much
  connection.kept.append(event.bytes, size);
  read_requests(connection, connection.kept.data(), connection.kept.size(), /*from_kept=*/true);
}

// Input of a connection that has to wait.
void Worker::keep_for_later(Connection& connection, const char* bytes, size_t size) {
  connection.kept.append(bytes, size);
  const size_t kept = connection.kept.size();
  if (!connection.session.authenticated && kept > kKeptLimitUnauthenticated) {
    ++stats().query_limit_disconnections;
    return close(connection);
  }
  if (kept > kKeptSoftLimit && !connection.receive_paused) {
    connection.receive_paused = true;
    ops_->list.push_back({.kind = OpKind::pause_receive, .connection = connection.id});
  }
}

void Worker::on_sent(Connection& connection, int32_t result) {
  connection.send_in_flight = false;
  if (result < 0) return close(connection);
  connection.sent += static_cast<size_t>(result);
  connection.last_interaction_ms = now_.unix_us / 1000;
  stats().output_bytes += static_cast<uint64_t>(result);
  if (connection.closing) return;
  if (connection.sent == connection.sending.size()) {
    connection.sending.clear();
    connection.sent = 0;
  }
  if (connection.unsent_bytes() == 0 && !connection.session.close_after_reply) {
    give_buffers_back(connection);  // now, so that this turn's replies can use them
  } else {
    mark_for_flush(connection);
  }
  if (connection.hold == Hold::output && may_go_on(connection)) waiting_.push_back(connection.id);
}

void Worker::on_closed(Connection& connection) {
  const uint32_t slot = connection.id.slot;
  generations_[slot] = (generations_[slot] + 1) & 0xffffff;
  free_slots_.push_back(slot);
  node_.connection_count(index_).fetch_sub(1, std::memory_order_relaxed);
  if (dispatcher_.has_paused_script_of(connection.session)) {
    // The script runs to its end, and its session with it.
    std::erase(flush_list_, &connection);
    script_orphan_ = std::move(connections_[slot]);
    return;
  }
  forget(std::move(connections_[slot]));
}

void Worker::forget(std::unique_ptr<Connection> connection) {
  std::erase(flush_list_, connection.get());
  if (std::erase(monitors_, connection->id) > 0) forget_monitors(1);
  connections_by_session_.erase(connection->session.id);
  dispatcher_.subscriptions().leave(connection->session);
  stop_tracking(connection->session);
  dispatcher_.abandon(connection->session);
  if (!dispatcher_.release_watches(connection->session)) {
    departed_.push_back(std::move(connection->session));
  }
}

void Worker::release_departed() {
  std::erase_if(former_waiters_, [&](const std::shared_ptr<Waiter>& waiter) {
    return dispatcher_.forget_waiter(*waiter);
  });
  std::erase_if(departed_, [&](Session& session) { return dispatcher_.release_watches(session); });
}

void Worker::release_garbage() {
  bool& garbage = dispatcher_.environment().garbage;
  if (garbage) garbage_ = ShardSet::all();
  garbage = false;
  dispatcher_.environment().untidy.for_each([this](unsigned shard) {
    garbage_.add(shard);
    return true;
  });
  dispatcher_.environment().untidy.clear();
  discards_more_ = node_.tracking().release_slice(kReleasedPerTurn);
  if (garbage_.empty()) return;
  ShardSet remaining = garbage_;
  garbage_.for_each([&](unsigned shard) {
    if (!node_.keyspace().try_lock(shard)) return true;
    const bool more = node_.keyspace().shard(shard).release_slice(kReleasedPerTurn);
    dispatcher_.environment().settle(shard);
    node_.keyspace().unlock(shard);
    if (!more) remaining.remove(shard);
    return !more;
  });
  garbage_ = remaining;
}

void Worker::on_stop(bool at_once) {
  if (!stopping_) {
    stopping_ = true;
    stop_deadline_ns_ = now_.monotonic_ns + kStopGraceNs;
    ops_->list.push_back({.kind = OpKind::stop_listening});
  }
  if (at_once && dispatcher_.has_paused_script()) node_.scripts().kill_by_force();
  for (auto& connection : connections_) {
    if (connection == nullptr || connection->closing) continue;
    if (at_once) {
      close(*connection);
    } else {
      close_when_answered(*connection);
    }
  }
}

// ---- requests -----------------------------------------------------------------------------------

void Worker::read_requests(Connection& connection, char* bytes, size_t size, bool from_kept) {
  const size_t index = inputs_.size();
  inputs_.push_back(
      {.connection = &connection, .bytes = bytes, .size = size, .from_kept = from_kept});
  connection.has_input = true;
  const Config& config = dispatcher_.config();
  RequestLimits limits;
  limits.max_bulk_bytes = static_cast<int64_t>(config.proto_max_bulk_bytes);
  limits.max_request_bytes = config.query_buffer_limit_bytes;

  while (connection.may_run()) {
    Input& input = inputs_[index];
    Group& group = group_in(kPrepare);
    const size_t first = group.arguments.views.size();
    const bool authenticated = connection.session.authenticated;
    const protocol::ParseResult cut = connection.parser.next(
        {input.bytes + input.parsed, input.size - input.parsed},
        authenticated ? limits : RequestLimits::unauthenticated(), group.arguments);
    input.parsed += cut.consumed;
    if (cut.status == ParseStatus::complete) {
      group.requests.push_back({.input = index,
                                .first_argument = first,
                                .argument_count = group.arguments.views.size() - first,
                                .end = input.parsed});
      ++cut_requests_;
      if (!authenticated) {
        run_all();  // the limits of the next request depend on whether this one authenticates
      } else if (group.requests.size() == kGroupRequests) {
        advance_groups();
      }
    } else if (cut.status == ParseStatus::incomplete) {
      return;
    } else if (cut.status == ParseStatus::error) {
      run_all();
      if (connection.may_run()) refuse_protocol_error(connection);
      return;
    }
  }
}

void Worker::refuse_protocol_error(Connection& connection) {
  if (connection.parser.error().find("too big") != std::string_view::npos) {
    ++stats().query_limit_disconnections;
  }
  // Who asked for silence gets it: the connection closes without a word.
  if (connection.session.reply_mode == ReplyMode::on) {
    Reply(connection.output, connection.session.dialect).error(connection.parser.error());
  }
  close_when_answered(connection);
}

// Moves every group one stage on. The last one runs; its place is free for new requests.
void Worker::advance_groups() {
  const auto database_of = [this](const CutRequest& cut) -> unsigned {
    return inputs_[cut.input].connection->session.database;
  };
  Group& newest = group_in(kPrepare);
  for (CutRequest& cut : newest.requests) {
    cut.request.arguments = {newest.arguments.views.data() + cut.first_argument,
                             cut.argument_count};
    dispatcher_.prepare(cut.request, database_of(cut));
  }
  for (const CutRequest& cut : group_in(kFetchBuckets).requests) {
    dispatcher_.prefetch_bucket(cut.request, database_of(cut));
  }
  Group& third = group_in(kFetchEntries);
  for (CutRequest& cut : third.requests) {
    dispatcher_.prefetch_region(cut.request, database_of(cut));
  }
  Group& oldest = group_in(kRun);
  if (!oldest.requests.empty()) begin_group();
  // By turns: a core drops prefetches when too many come at once.
  for (size_t index = 0; index < kGroupRequests; ++index) {
    if (index < third.requests.size()) {
      const CutRequest& cut = third.requests[index];
      dispatcher_.prefetch_entry(cut.request, database_of(cut));
    }
    if (index < oldest.requests.size()) {
      const CutRequest& cut = oldest.requests[index];
      if (inputs_[cut.input].connection->may_run()) run_request(cut);
    }
  }
  if (!oldest.requests.empty()) end_group(oldest);
  cut_requests_ -= oldest.requests.size();
  oldest.requests.clear();
  oldest.arguments.clear();
  newest_group_ = (newest_group_ + kStages - 1) % kStages;
}

// Runs everything that was cut.
void Worker::run_all() {
  while (cut_requests_ > 0) advance_groups();
}

void Worker::run_request(const CutRequest& cut) {
  Input& input = inputs_[cut.input];
  Connection& connection = *input.connection;
  Session& session = connection.session;
  if (connection.output.capacity() == 0 && !pool_.empty()) {
    connection.output = std::move(pool_.back());
    pool_.pop_back();
  }
  const bool heard =
      session.reply_mode == ReplyMode::on || is_answered_anyway(session, cut.request);
  if (session.reply_mode == ReplyMode::skip_next) session.reply_mode = ReplyMode::skip_this;
  protocol::ReplyBuffer& output = heard ? connection.output : unheard_;
  output.set_limit(output_limit_bytes(session));
  const size_t reply_begin = connection.output.view().size();
  Reply reply(output, session.dialect);
  InputBuffer*& kept_input = dispatcher_.environment().kept_input;
  kept_input = input.from_kept ? &connection.kept : nullptr;
  const Outcome outcome = dispatcher_.run(session, cut.request, reply);
  kept_input = nullptr;
  if (!heard) {
    // CLIENT REPLY ON is the one command that is heard although the client had asked for silence.
    if (session.reply_mode == ReplyMode::on) connection.output.append_all_of(unheard_);
    unheard_.clear();
    if (unheard_.capacity() > kPooledBufferBytes) unheard_.free_memory();
  }
  if (outcome == Outcome::waiting) {
    input.run = cut.end;
  } else if (outcome == Outcome::suspended) {
    input.run = cut.end;
    script_is_heard_ = heard;
  } else if (outcome == Outcome::done || outcome == Outcome::applying) {
    input.run = cut.end;
    if (session.reply_mode == ReplyMode::skip_this) session.reply_mode = ReplyMode::on;
  } else if (session.reply_mode == ReplyMode::skip_this) {
    session.reply_mode = ReplyMode::skip_next;  // it will be tried again
  }
  if (outcome != Outcome::done) [[unlikely]]
    after_request(connection, outcome);
  if (dispatcher_.environment().attention) [[unlikely]]
    attend(connection, reply_begin, outcome);
  mark_for_flush(connection);
  if (connection.unsent_bytes() > output_check_bytes_) [[unlikely]]
    check_output(connection);
}

void Worker::after_request(Connection& connection, Outcome outcome) {
  switch (outcome) {
    case Outcome::done:
      break;
    case Outcome::parked:
      connection.hold = Hold::parked;
      waiting_.push_back(connection.id);
      break;
    case Outcome::suspended:
      connection.hold = Hold::script;
      script_connection_ = connection.id;
      script_turns_ = 0;
      break;
    case Outcome::paused:
      connection.hold = Hold::paused;
      paused_.push_back(connection.id);
      break;
    case Outcome::waiting:
      begin_wait(connection);
      break;
    case Outcome::gathering:
      begin_round(connection, /*apply=*/false);
      break;
    case Outcome::applying:
      begin_round(connection, /*apply=*/true);
      break;
  }
}

// Keeps what every input of this turn still holds.
void Worker::finish_inputs() {
  for (Input& input : inputs_) {
    Connection& connection = *input.connection;
    connection.has_input = false;
    const bool stopped = !connection.may_run();
    if (stopped) connection.parser.reset();  // it may have cut further than was run
    const size_t used = stopped ? input.run : input.parsed;
    if (connection.closing || connection.session.close_after_reply) {
      connection.kept.free_memory();
      continue;
    }
    if (input.from_kept) {
      connection.kept.consume(used);
    } else {
      connection.kept.append(input.bytes + used, input.size - used);
    }
    const size_t needed = connection.parser.bytes_needed();
    if (const size_t has = connection.kept.size(); needed > has) {
      // A length is only a promise: memory is taken once an eighth of it has been kept.
      connection.kept.reserve(std::min(needed, has >= needed / 8 ? needed : 2 * has + (64 << 10)));
    }
  }
  inputs_.clear();
  group_begin_ns_ = kUnknownTime;  // it may have copied much
}

// ---- connections that wait ----------------------------------------------------------------------

void Worker::retry_waiting() {
  if (waiting_.empty()) {
    parked_turns_ = 0;
    return;
  }
  ++parked_turns_;
  retry_now_.swap(waiting_);
  for (ConnectionId id : retry_now_) {
    if (Connection* connection = find(id)) retry(*connection);
  }
  run_all();
  finish_inputs();
  retry_now_.clear();
}

bool Worker::may_go_on(const Connection& connection) const {
  switch (connection.hold) {
    case Hold::none:
    case Hold::parked:
    case Hold::paused:
      return true;
    case Hold::round:
      return connection.rounds_missing == 0;
    case Hold::key:
      return connection.session.waiter == nullptr;
    case Hold::script:
      return !dispatcher_.has_paused_script_of(connection.session);
    case Hold::output:
      return connection.unsent_bytes() < output_soft_limit(connection) / 2;
  }
  return true;
}

// A hold ends here only, at the beginning of a turn, so that within a turn a connection that
// stopped stays stopped and finish_inputs() keeps what it has not run.
void Worker::retry(Connection& connection) {
  if (connection.closing) return;
  if (!may_go_on(connection)) {
    // A pause that ended and another that began before this turn: it waits for the new one's end.
    if (connection.hold == Hold::paused) paused_.push_back(connection.id);
    return;
  }
  connection.hold = Hold::none;
  if (!connection.kept.empty()) {
    read_requests(connection, connection.kept.data(), connection.kept.size(), /*from_kept=*/true);
    run_all();
    finish_inputs();
  }
  if (connection.hold != Hold::none) return;
  if (connection.receive_ended) return close_when_answered(connection);
  if (connection.receive_paused) {
    connection.receive_paused = false;
    ops_->list.push_back({.kind = OpKind::resume_receive, .connection = connection.id});
  }
}

// ---- replies and closing ------------------------------------------------------------------------

void Worker::mark_for_flush(Connection& connection) {
  if (connection.to_flush) return;
  connection.to_flush = true;
  flush_list_.push_back(&connection);
}

void Worker::flush() {
  for (Connection* connection : flush_list_) {
    connection->to_flush = false;
    flush(*connection);
  }
  flush_list_.clear();
}

void Worker::flush(Connection& connection) {
  if (connection.closing || connection.send_in_flight || connection.reply_held_back) return;
  if (connection.sending.empty()) {
    if (connection.output.empty()) {
      give_buffers_back(connection);
      if (connection.hold == Hold::script) return;  // its reply is yet to come
      if (connection.session.close_after_reply) close(connection);
      return;
    }
    connection.sending.swap(connection.output);
  }
  pieces_.clear();
  connection.sending.pieces_after(connection.sent, pieces_);
  const auto first = static_cast<uint32_t>(ops_->pieces.size());
  for (const auto& piece : pieces_) ops_->pieces.push_back({piece.data, piece.size});
  connection.send_in_flight = true;
  ops_->list.push_back({.kind = OpKind::send,
                        .connection = connection.id,
                        .first_piece = first,
                        .piece_count = static_cast<uint32_t>(pieces_.size())});
}

void Worker::give_buffers_back(Connection& connection) {
  for (protocol::ReplyBuffer* buffer : {&connection.output, &connection.sending}) {
    if (buffer->capacity() == 0) continue;
    if (pool_.size() < kPooledBuffers && buffer->capacity() <= kPooledBufferBytes) {
      buffer->clear();
      pool_.push_back(std::move(*buffer));
    }
    *buffer = protocol::ReplyBuffer();
  }
}

void Worker::close_when_answered(Connection& connection) {
  connection.session.close_after_reply = true;
  mark_for_flush(connection);
}

void Worker::close(Connection& connection) {
  if (connection.closing) return;
  connection.closing = true;
  dispatcher_.subscriptions().leave(connection.session);  // nobody counts on it any more
  stop_tracking(connection.session);
  if (const std::shared_ptr<Waiter>& waiter = connection.session.waiter; waiter != nullptr) {
    waiter->claim(Waiter::State::over);  // if it has been served, that is lost with the connection
    end_wait(connection);
  }
  ops_->list.push_back({.kind = OpKind::close, .connection = connection.id});
}

void Worker::close_idle_clients() {
  const int64_t now_ms = now_.unix_us / 1000;
  if (now_ms < next_idle_check_ms_) return;
  next_idle_check_ms_ = now_ms + 1000;
  const int64_t oldest = now_ms - int64_t{1000} * dispatcher_.config().timeout_seconds;
  for (auto& connection : connections_) {
    // Who is paused or waits for a key has asked and waits for us.
    if (connection != nullptr && connection->hold != Hold::paused &&
        connection->hold != Hold::key && connection->hold != Hold::script &&
        !connection->session.monitoring && !connection->session.is_subscribed() &&
        connection->last_interaction_ms < oldest) {
      close(*connection);
    }
  }
}

}  // namespace larder::server
