// Worker: one core's connections and timers as a pure state machine.
//
//   step(now, events, ops) -> how long the driver may wait
//
// Makes no system call and never waits. All requests that one turn's events complete, of all
// connections, form one stream that flows through a pipeline in small groups: rows and hashes,
// fetch buckets, fetch items, run. While one group runs, what the next three need is on its way
// from memory. Replies are collected per connection and leave as one send per connection and turn.
//
// Thread: one; other threads reach it through its mailbox only.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/argument_list.h"
#include "server/connection.h"
#include "server/dispatcher.h"
#include "server/driver/event.h"
#include "server/expiry_duty.h"
#include "server/mailbox.h"
#include "server/pubsub/subscriptions.h"

namespace larder::server {

class Node;

struct StepResult {
  int64_t wait_ns;  // until the worker wants its next turn even if nothing happens; < 0: no limit
  bool finished;    // stopped, and every connection is closed
};

class Worker final : private WorkerView {
 public:
  Worker(Node& node, unsigned index, uint64_t random_seed);
  ~Worker() override;

  StepResult step(const Now& now, std::vector<Event>& events, Ops& ops);

  // For tests that look behind the scenes of a stopped or single-threaded node.
  Dispatcher& dispatcher() { return dispatcher_; }

 private:
  // Groups of this many requests, one in each stage (bench/README.md says why).
  static constexpr size_t kGroupRequests = 8;
  enum Stage : size_t { kPrepare, kFetchBuckets, kFetchEntries, kRun, kStages };
  // Replies a client has not read: beyond this its requests wait (see also
  // client-output-buffer-limit).
  static constexpr size_t kOutputSoftLimit = 1 << 20;
  // Unread requests of a client that has to wait: beyond this its socket waits too.
  static constexpr size_t kKeptSoftLimit = 256 << 10;
  // The same for a client that has not authenticated: it needs only a few words, and if it goes on
  // sending while it has to wait, it is closed.
  static constexpr size_t kOutputSoftLimitUnauthenticated = 16 << 10;
  static constexpr size_t kKeptLimitUnauthenticated = 64 << 10;
  // Output buffers kept for reuse: this many, up to this size.
  static constexpr size_t kPooledBuffers = 64;
  static constexpr size_t kPooledBufferBytes = 64 << 10;
  // What FLUSHALL left is freed this many entries at a time, about 100 us.
  static constexpr size_t kReleasedPerTurn = 1024;
  // What a monitor has not read, and what is on its way to a worker with monitors: beyond this its
  // monitors are closed, whatever client-output-buffer-limit allows.
  static constexpr size_t kMonitorLimit = 64 << 20;
  // Invalidations that a client has not read: beyond this it is closed, likewise.
  static constexpr size_t kInvalidationLimit = 64 << 20;
  // Lines for other workers' monitors leave at the end of the turn, or when they are so many.
  static constexpr size_t kMonitorMailBytes = 64 << 10;
  static constexpr int64_t kUnknownTime = std::numeric_limits<int64_t>::min();
  // How long a graceful stop waits for replies to leave.
  static constexpr int64_t kStopGraceNs = 2'000'000'000;

  // Bytes of one connection that this turn reads requests from.
  struct Input {
    Connection* connection;
    char* bytes;
    size_t size;
    size_t parsed = 0;  // up to here requests were cut
    size_t run = 0;     // up to here they were run
    bool from_kept;
  };
  struct CutRequest {
    size_t input;
    size_t first_argument;
    size_t argument_count;
    size_t end;  // in the input
    Request request = {};
  };
  struct Group {
    std::vector<CutRequest> requests;
    protocol::ArgumentList arguments;
  };

  // Events and mail.
  void take_mail();
  void on_event(const Event& event);
  void on_accepted(const Event& event);
  void on_received(Connection& connection, const Event& event);
  void on_sent(Connection& connection, int32_t result);
  void on_closed(Connection& connection);
  void open(const NewConnection& arrival);
  void refuse(SocketHandle handle, std::string_view text);
  void on_stop(bool at_once);

  // Requests.
  void read_requests(Connection& connection, char* bytes, size_t size, bool from_kept);
  Group& group_in(Stage stage) { return groups_[(newest_group_ + stage) % kStages]; }
  void advance_groups();
  void begin_group();
  void end_group(const Group& group);
  void note_slow_group(const Group& group, int64_t duration_ns);
  void run_all();
  void run_request(const CutRequest& cut);
  void finish_inputs();
  void refuse_protocol_error(Connection& connection);
  void after_request(Connection& connection, Outcome outcome);

  // Connections that wait.
  void retry_waiting();
  bool may_go_on(const Connection& connection) const;
  void retry(Connection& connection);
  void resume_script();
  void begin_round(Connection& connection, bool apply);
  void do_round(const TaskRound& round);
  void on_round_done(Connection& connection);
  static size_t output_soft_limit(const Connection& connection) {
    return connection.session.authenticated ? kOutputSoftLimit : kOutputSoftLimitUnauthenticated;
  }
  void keep_for_later(Connection& connection, const char* bytes, size_t size);
  void check_output(Connection& connection);
  static config::ClientClass output_class(const Session& session) {
    return session.is_subscribed() ? config::ClientClass::pubsub : config::ClientClass::normal;
  }
  const config::OutputBufferLimit& output_limit(const Connection& connection) const;
  size_t output_limit_bytes(const Session& session) const {
    return output_limit_bytes_[static_cast<size_t>(output_class(session))];
  }
  void set_output_check();
  void close_slow_readers();

  // Clients that wait for keys (worker_waiting.cc).
  void begin_wait(Connection& connection);
  void end_wait(Connection& connection);
  template <typename Write>
  void end_wait_with(Connection& connection, Write write);
  void tell_served();
  void on_served(const std::shared_ptr<Waiter>& waiter);
  void end_overdue_waits();

  // MONITOR.
  void show_monitors(std::string_view lines);
  void show_own_monitors();
  void post_monitor_lines();
  void on_monitor_lines(const MonitorLines& mail);
  void forget_monitors(size_t count);

  // Messages (worker_messages.cc).
  void begin_messages();
  void deliver_messages();
  void deliver(const std::vector<Letter>& letters, bool lost);
  void hand_out(const Message& message);
  void hand_out(const Topic& topic, const Message& message);
  void attend(Connection& connection, size_t reply_begin, Outcome outcome);
  protocol::ReplyBuffer& output_for(Connection& connection);
  void note_output(Connection& connection);
  void finish_messages();
  void check_recipients();
  static bool is_answered_anyway(const Session& session, const Request& request);

  // Client-side caching (worker_tracking.cc).
  Session* session_of(uint64_t id);
  void stop_tracking(Session& session);
  void invalidate(const Invalidation& invalidation);
  void invalidate_everything();
  void tell(Session& session, std::string_view keys);
  void push_invalidation(Session& session, std::string_view keys, bool is_redirected);
  void break_redirection(Session& session);
  void post_invalidation(unsigned worker, Invalidation invalidation);

  // Replies and closing.
  void mark_for_flush(Connection& connection);
  void flush();
  void flush(Connection& connection);
  void give_buffers_back(Connection& connection);
  void close_when_answered(Connection& connection);
  void close(Connection& connection);
  void forget(std::unique_ptr<Connection> connection);
  void release_departed();
  void release_garbage();
  void close_idle_clients();
  void run_duties();

  Connection* find(ConnectionId id);
  int64_t wait_ns() const;
  void post(unsigned worker, Mail mail);

  // WorkerView.
  unsigned index() const override { return index_; }
  WorkerStats& stats() override { return dispatcher_.stats(); }
  void for_each_client(
      const std::function<void(const Session&, const ConnectionFacts&)>& visit) override;
  void close_clients(std::span<const uint64_t> session_ids) override;
  void end_wait(const std::shared_ptr<Waiter>& waiter, std::string_view error) override;
  void use_config(std::shared_ptr<const Config> config) override;
  void pause_clients(PauseMode mode, int64_t until_unix_ms) override;
  void notice_monitors() override;
  void notice_tracking() override;
  void set_active_expiry(bool on) override { active_expiry_ = on; }
  void sleep_ns(int64_t duration_ns) override;

  Node& node_;
  unsigned index_;
  Now now_;
  Ops* ops_ = nullptr;  // of the turn that is running
  ExpiryDuty expiry_duty_;
  Dispatcher dispatcher_;

  std::vector<std::unique_ptr<Connection>> connections_;  // by slot; null: free
  std::vector<uint32_t> generations_;                     // by slot
  std::vector<uint32_t> free_slots_;
  std::unordered_map<uint64_t, Connection*> connections_by_session_;  // by id

  std::vector<Input> inputs_;
  std::array<Group, kStages> groups_;
  size_t newest_group_ = 0;              // the one being filled
  size_t cut_requests_ = 0;              // in all groups
  int64_t group_begin_ns_ = kUnknownTime;  // since when the group that runs next is timed
  int64_t group_begin_timed_ns_ = 0;       // what the timer had timed by then
  protocol::ReplyBuffer unheard_;        // replies of clients that asked for none
  std::vector<ConnectionId> waiting_;    // parked: tried again on the next turn
  std::vector<ConnectionId> retry_now_;  // scratch
  std::vector<ConnectionId> paused_;
  std::set<std::pair<int64_t, uint32_t>> wait_ends_;     // monotonic ns, slot
  std::vector<std::shared_ptr<Waiter>> former_waiters_;  // still in tables
  std::vector<ConnectionId> monitors_;
  size_t feed_shown_ = 0;  // so much of the dispatcher's monitor feed own monitors have been sent
  std::vector<Letter> letters_;  // scratch
  // Whose pushes go into aside_output_ at the moment, to be put in before the reply that is being
  // written; null: nobody's.
  Connection* aside_ = nullptr;
  protocol::ReplyBuffer aside_output_;
  std::vector<ConnectionId> laden_;         // recipients whose output is to be checked
  bool letters_lost_ = false;               // subscribers are to be closed
  std::vector<ConnectionId> slow_readers_;  // above the soft output limit
  std::vector<Connection*> flush_list_;
  std::vector<protocol::ReplyBuffer> pool_;
  std::vector<protocol::ReplyBuffer::Piece> pieces_;  // scratch
  std::vector<Mail> mail_;                            // scratch
  std::vector<Session> departed_;  // sessions whose watches could not be given back yet

  bool discards_more_ = false;  // memory of client-side caching is left to be freed
  // The connection whose script has paused; it may be gone, and then waits in script_orphan_ for
  // its end.
  ConnectionId script_connection_;
  std::unique_ptr<Connection> script_orphan_;
  bool script_is_heard_ = false;
  unsigned script_turns_ = 0;

  bool evicts_more_ = false;  // eviction has not caught up yet
  ShardSet garbage_;  // shards that may hold memory to be freed in slices

  unsigned parked_turns_ = 0;  // in a row with something parked, for backing off
  PauseMode pause_ = PauseMode::none;
  int64_t pause_until_ms_ = 0;
  int64_t next_idle_check_ms_ = 0;
  uint32_t keepalive_at_start_s_ = 0;  // what accepted sockets inherit from the listeners
  // Unsent replies of which cost the connection, by its class; 0: none do.
  std::array<size_t, config::kClientClasses> output_limit_bytes_{};
  size_t output_check_bytes_ = 0;      // the least amount of unsent replies that has consequences
  int64_t next_slow_reader_check_ns_ = 0;  // monotonic; holds while slow_readers_ is not empty
  bool active_expiry_ = true;              // DEBUG SET-ACTIVE-EXPIRE
  bool stopping_ = false;
  int64_t stop_deadline_ns_ = 0;
};

}  // namespace larder::server
