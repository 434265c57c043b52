// Config: every setting of the server as plain data, with its default.
//
// Copyable and comparable; holds no handles and knows nothing of files or of its own syntax (that
// is table.h). Each worker may keep a copy; who distributes changes is the server's business.
// Ranges are kept by the table: a Config that was filled through settings.h holds them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace larder::config {

enum class LogLevel : uint8_t { debug, verbose, notice, warning };
enum class DriverChoice : uint8_t { automatic, uring, epoll };
enum class EvictionPolicy : uint8_t {
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  volatile_fifo,
  volatile_s3fifo,
  volatile_sieve,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  allkeys_fifo,
  allkeys_s3fifo,
  allkeys_sieve,
  automatic,
  noeviction
};
// Who may use DEBUG: nobody, everybody, clients of this machine.
enum class DebugAccess : uint8_t { no, yes, local };
enum class Supervision : uint8_t { upstart, systemd, automatic, none };

// What notify-keyspace-events asks for: classes of events, and in which form they are published.
enum KeyspaceEvents : uint32_t {
  kEventsGeneric = 1u << 0,
  kEventsString = 1u << 1,
  kEventsList = 1u << 2,
  kEventsSet = 1u << 3,
  kEventsHash = 1u << 4,
  kEventsSortedSet = 1u << 5,
  kEventsExpired = 1u << 6,
  kEventsEvicted = 1u << 7,
  kEventsStream = 1u << 8,
  kEventsModule = 1u << 9,
  kEventsAll = (1u << 10) - 1,
  kEventsNew = 1u << 10,
  kEventsKeyMiss = 1u << 11,
  kEventsByKey = 1u << 12,    // the channel names the key, the message the event
  kEventsByEvent = 1u << 13,  // the other way round
};

enum class ClientClass : uint8_t { normal, replica, pubsub };
constexpr size_t kClientClasses = 3;

// A client is closed when what waits to be sent to it exceeds hard_bytes, or soft_bytes for
// soft_seconds on end. Zero: no limit.
struct OutputBufferLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  uint64_t soft_seconds = 0;

  bool operator==(const OutputBufferLimit&) const = default;
};

constexpr uint64_t kMiB = 1ULL << 20;
constexpr uint32_t kMaxDatabases = 16;
constexpr uint32_t kMaxThreads = 256;

struct Config {
  // Network. A bind address with a leading '-' may be missing; "*" and "::*" are all of IPv4, IPv6.
  std::vector<std::string> bind{"*", "-::*"};
  uint32_t port = 6379;                 // 0: no TCP
  std::string unixsocket;               // empty: none
  uint32_t unixsocket_permissions = 0;  // mode bits; 0: as the umask leaves them
  uint32_t tcp_backlog = 511;
  uint32_t tcp_keepalive_seconds = 300;  // 0: off
  uint32_t timeout_seconds = 0;          // 0: idle clients stay

  // Security.
  bool protected_mode = true;
  std::string requirepass;  // empty: no password

  // Clients.
  uint32_t maxclients = 10000;
  std::array<OutputBufferLimit, kClientClasses> output_buffer_limits{
      OutputBufferLimit{}, OutputBufferLimit{256 * kMiB, 64 * kMiB, 60},
      OutputBufferLimit{32 * kMiB, 8 * kMiB, 60}};
  uint64_t query_buffer_limit_bytes = 1024 * kMiB;
  uint64_t proto_max_bulk_bytes = 512 * kMiB;

  // Memory.
  uint64_t maxmemory_bytes = 0;  // 0: no limit
  EvictionPolicy maxmemory_policy = EvictionPolicy::noeviction;

  // How collections are kept.
  int64_t list_max_listpack_size = -2;  // > 0: elements; -1 .. -5: 4 .. 64 KiB
  uint32_t list_compress_depth = 0;
  int64_t hash_max_listpack_entries = 512;
  int64_t hash_max_listpack_value = 64;  // bytes
  int64_t set_max_intset_entries = 512;
  int64_t set_max_listpack_entries = 128;
  int64_t set_max_listpack_value = 64;  // bytes
  uint64_t hll_sparse_max_bytes = 3000;
  int64_t zset_max_listpack_entries = 128;
  int64_t zset_max_listpack_value = 64;  // bytes
  uint64_t stream_node_max_bytes = 4096;  // 0: no limit
  uint32_t stream_node_max_entries = 100;  // 0: no limit

  // General.
  uint32_t threads = 0;  // 0: one per core
  DriverChoice driver = DriverChoice::automatic;
  uint32_t databases = kMaxDatabases;
  LogLevel loglevel = LogLevel::notice;
  std::string logfile;  // empty: standard output
  std::string dir = "./";

  // Scripts.
  int64_t busy_reply_threshold_ms = 5000;  // 0 and less: a script is never in the way for too long
  uint64_t script_memory_bytes = 256 * kMiB;

  // Watching the server.
  int64_t slowlog_log_slower_than_us = 10'000;  // < 0: nothing is logged
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;  // 0: off
  bool latency_tracking = true;
  std::string latency_tracking_info_percentiles = "50 99 99.9";
  DebugAccess enable_debug_command = DebugAccess::no;
  uint32_t notify_keyspace_events = 0;  // KeyspaceEvents
  int64_t tracking_table_max_keys = 1'000'000;  // 0: no limit

  // Settings of parts that do not exist yet: the table keeps these at their defaults.
  std::string save;
  bool appendonly = false;
  bool cluster_enabled = false;
  bool daemonize = false;
  Supervision supervised = Supervision::none;
  std::string pidfile;

  // Where the settings came from; not a setting itself. Empty: no file, or standard input.
  std::string config_file;

  bool operator==(const Config&) const = default;

  const OutputBufferLimit& output_buffer_limit(ClientClass client_class) const {
    return output_buffer_limits[static_cast<size_t>(client_class)];
  }
};

}  // namespace larder::config
