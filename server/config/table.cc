#include "server/config/table.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "server/text/ascii.h"

namespace larder::config {
namespace {

constexpr uint32_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxLong = std::numeric_limits<int64_t>::max();
constexpr size_t kMaxTextBytes = 4096;
// What fits in sockaddr_un beside its closing NUL.
constexpr size_t kMaxSocketPathBytes = 107;
// A longer one might not pass the limits on requests before authentication.
constexpr size_t kMaxPasswordBytes = 512;
constexpr size_t kMaxBindAddresses = 16;

using Refusal = std::optional<std::string_view>;

// With a closing NUL, as the kernel wants it, a path must not have another.
Refusal check_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "argument has a NUL byte";
  return std::nullopt;
}

Refusal check_directory(std::string_view path) {
  if (path.empty()) return "argument must not be empty";
  return check_path(path);
}

// Pairs of seconds (at least 1) and changes.
Refusal check_save(std::string_view value) {
  constexpr std::string_view kInvalid = "Invalid save parameters";
  size_t words = 0;
  bool in_word = false;
  for (const char byte : value) {
    if (byte != ' ' && !text::is_digit(byte)) return kInvalid;
    if (byte != ' ' && !in_word) ++words;
    in_word = byte != ' ';
  }
  if (words % 2 != 0) return kInvalid;
  return std::nullopt;
}

// Numbers from 0 to 100, such as "50 99 99.9".
Refusal check_percentiles(std::string_view value) {
  while (!value.empty()) {
    const size_t space = std::min(value.find(' '), value.size());
    double number = 0;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + space, number, std::chars_format::fixed);
    if (error != std::errc() || end != value.data() + space) {
      return "Invalid latency-tracking-info-percentiles parameters";
    }
    if (number < 0 || number > 100) {
      return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    }
    value.remove_prefix(std::min(space + 1, value.size()));
  }
  return std::nullopt;
}

template <class Enumeration>
Enumeration enumeration_of(Enumeration Config::*);

template <auto Member>
constexpr Choice choice(std::span<const std::string_view> names) {
  using Enumeration = decltype(enumeration_of(Member));
  return {names, [](const Config& config) { return static_cast<size_t>(config.*Member); },
          [](Config& config, size_t index) { config.*Member = static_cast<Enumeration>(index); }};
}

constexpr std::array<std::string_view, 4> kLogLevels{"debug", "verbose", "notice", "warning"};
constexpr std::array<std::string_view, 3> kDrivers{"auto", "uring", "epoll"};
constexpr std::array<std::string_view, 15> kPolicies{
    "volatile-lru",    "volatile-lfu",   "volatile-random", "volatile-ttl", "volatile-fifo",
    "volatile-s3fifo", "volatile-sieve", "allkeys-lru",     "allkeys-lfu",  "allkeys-random",
    "allkeys-fifo",    "allkeys-s3fifo", "allkeys-sieve",   "auto",         "noeviction"};
constexpr std::array<std::string_view, 3> kDebugAccesses{"no", "yes", "local"};
constexpr std::array<std::string_view, 4> kSupervisions{"upstart", "systemd", "auto", "no"};

constexpr Change kStart = Change::at_start_only;
constexpr Change kRun = Change::at_run_time;

// Each table is one group of --help, in its order.
constexpr std::array kNetwork{
    Setting{
        "bind", Group::network, kStart, Words{&Config::bind, kMaxBindAddresses, "bind addresses"},
        "Addresses to listen on. * and ::* are all of IPv4 and IPv6; an address with a leading - "
        "may be missing on the machine."},
    Setting{"port", Group::network, kStart, Integer{&Config::port, 0, 65535},
            "TCP port; 0 is none, or a free one if there is no Unix socket."},
    Setting{"unixsocket", Group::network, kStart,
            Text{&Config::unixsocket, kMaxSocketPathBytes,
                 "a path of at most 107 bytes, or \"\" for none", check_path},
            "Path of a Unix socket to listen on as well."},
    Setting{"unixsocketperm", Group::network, kStart, Octal{&Config::unixsocket_permissions, 0777},
            "Permissions of the Unix socket, such as 700; 0 leaves them to the umask."},
    Setting{"tcp-backlog", Group::network, kStart, Integer{&Config::tcp_backlog, 0, kMaxInt},
            "Connections that may wait to be accepted (the kernel's somaxconn bounds it too)."},
    Setting{"tcp-keepalive", Group::network, kRun,
            Integer{&Config::tcp_keepalive_seconds, 0, kMaxInt},
            "Seconds of silence after which the kernel probes whether a client is still there; 0 "
            "never."},
    Setting{"timeout", Group::network, kRun, Integer{&Config::timeout_seconds, 0, kMaxInt},
            "Seconds after which an idle client is disconnected; 0 never."},
};

constexpr std::array kSecurity{
    Setting{"protected-mode", Group::security, kRun, YesNo{&Config::protected_mode},
            "While no password is set, serve only clients of this machine."},
    Setting{"requirepass",
            Group::security,
            kRun,
            Text{&Config::requirepass, kMaxPasswordBytes,
                 "a password of at most 512 bytes, or \"\" for none"},
            "Password that clients must give (AUTH, HELLO) before anything else.",
            {},
            true},
    Setting{
        "enable-debug-command", Group::security, kStart,
        choice<&Config::enable_debug_command>(kDebugAccesses),
        "Who may use DEBUG, which can hold the server up: nobody, everybody, or only clients of "
        "this machine."},
};

constexpr std::array kClients{
    Setting{"maxclients", Group::clients, kRun,
            Integer{&Config::maxclients, 1, std::numeric_limits<uint32_t>::max()},
            "Clients at one time; further ones get an error and are disconnected."},
    Setting{
        "client-output-buffer-limit", Group::clients, kRun,
        OutputLimits{&Config::output_buffer_limits},
        "Disconnect a client of the class when more than the hard limit waits to be sent to it, "
        "or more than the soft limit for that many seconds; 0 is no limit."},
    Setting{"client-query-buffer-limit", Group::clients, kRun,
            Memory{&Config::query_buffer_limit_bytes, kMiB, kMaxLong},
            "Largest unfinished request of one client."},
    Setting{"proto-max-bulk-len", Group::clients, kRun,
            Memory{&Config::proto_max_bulk_bytes, kMiB, kMaxLong},
            "Largest single argument of a request."},
};

constexpr std::array kMemory{
    Setting{"maxmemory", Group::memory, kRun, Memory{&Config::maxmemory_bytes, 0, kMaxLong},
            "Most that keys and values may take, with their tables; 0 is no limit. Buffers of "
            "clients do not count: they have limits of their own."},
    Setting{"maxmemory-policy", Group::memory, kRun, choice<&Config::maxmemory_policy>(kPolicies),
            "What goes when keys and values would take more than maxmemory: the least recently "
            "used (lru), the least often used (lfu), the oldest (fifo), any (random), what S3-FIFO "
            "or SIEVE say, or what does best at the time (auto); volatile-* only among keys with a "
            "deadline, volatile-ttl the one that ends first. noeviction refuses writes that need "
            "memory instead."},
};

constexpr std::string_view kNoCompression = "lists are not compressed; use list-compress-depth 0";

constexpr std::array kCollections{
    Setting{"list-max-listpack-size", Group::memory, kRun,
            SignedInteger{&Config::list_max_listpack_size, std::numeric_limits<int32_t>::min(),
                          kMaxInt},
            "Up to which size OBJECT ENCODING calls a list a listpack: so many elements, or, from "
            "-1 to -5, 4, 8, 16, 32 or 64 kilobytes. It changes nothing about how lists are kept."},
    Setting{"list-compress-depth", Group::memory, kRun,
            Integer{&Config::list_compress_depth, 0, kMaxInt},
            "How much of a list's ends is never compressed; 0 is all of it.", kNoCompression},
    Setting{"hash-max-listpack-entries", Group::memory, kRun,
            SignedInteger{&Config::hash_max_listpack_entries, 0, kMaxLong},
            "Up to how many fields OBJECT ENCODING calls a hash a listpack, if all are short, and "
            "DUMP writes it as one. It changes nothing about how hashes are kept."},
    Setting{"hash-max-listpack-value", Group::memory, kRun,
            SignedInteger{&Config::hash_max_listpack_value, 0, kMaxLong},
            "Up to how many bytes fields and values are short for hash-max-listpack-entries."},
    Setting{"hash-max-ziplist-entries", Group::memory, kRun,
            SignedInteger{&Config::hash_max_listpack_entries, 0, kMaxLong},
            "The former name of hash-max-listpack-entries."},
    Setting{"hash-max-ziplist-value", Group::memory, kRun,
            SignedInteger{&Config::hash_max_listpack_value, 0, kMaxLong},
            "The former name of hash-max-listpack-value."},
    Setting{"set-max-intset-entries", Group::memory, kRun,
            SignedInteger{&Config::set_max_intset_entries, 0, kMaxLong},
            "Up to how many members OBJECT ENCODING calls a set of integers an intset, and DUMP "
            "writes it as one. It changes nothing about how sets are kept."},
    Setting{"set-max-listpack-entries", Group::memory, kRun,
            SignedInteger{&Config::set_max_listpack_entries, 0, kMaxLong},
            "Up to how many members OBJECT ENCODING calls a set a listpack, if all are short. It "
            "changes nothing about how sets are kept."},
    Setting{"set-max-listpack-value", Group::memory, kRun,
            SignedInteger{&Config::set_max_listpack_value, 0, kMaxLong},
            "Up to how many bytes a member is short for set-max-listpack-entries."},
    Setting{"hll-sparse-max-bytes", Group::memory, kRun,
            Memory{&Config::hll_sparse_max_bytes, 0, kMaxLong},
            "Up to how many bytes a HyperLogLog lists its registers; a larger one takes 12 KiB."},
    Setting{"zset-max-listpack-entries", Group::memory, kRun,
            SignedInteger{&Config::zset_max_listpack_entries, 0, kMaxLong},
            "Up to how many members OBJECT ENCODING calls a sorted set a listpack, if all are "
            "short, and DUMP writes it as one. It changes nothing about how sorted sets are kept."},
    Setting{"zset-max-ziplist-entries", Group::memory, kRun,
            SignedInteger{&Config::zset_max_listpack_entries, 0, kMaxLong},
            "The former name of zset-max-listpack-entries."},
    Setting{"zset-max-listpack-value", Group::memory, kRun,
            SignedInteger{&Config::zset_max_listpack_value, 0, kMaxLong},
            "Up to how many bytes a member is short for zset-max-listpack-entries."},
    Setting{"zset-max-ziplist-value", Group::memory, kRun,
            SignedInteger{&Config::zset_max_listpack_value, 0, kMaxLong},
            "The former name of zset-max-listpack-value."},
    Setting{"stream-node-max-bytes", Group::memory, kRun,
            Memory{&Config::stream_node_max_bytes, 0, kMaxLong},
            "How many bytes of entries a stream packs into one node; 0 is as many as there are."},
    Setting{"stream-node-max-entries", Group::memory, kRun,
            Integer{&Config::stream_node_max_entries, 0, kMaxInt},
            "How many entries a stream packs into one node; 0 is as many as there are."},
};

constexpr std::array kGeneral{
    Setting{"threads", Group::general, kStart, Integer{&Config::threads, 0, kMaxThreads},
            "Worker threads; 0 is one per core that this process may use."},
    Setting{"driver", Group::general, kStart, choice<&Config::driver>(kDrivers),
            "How to talk to the kernel; auto takes io_uring where it is allowed, else epoll."},
    Setting{"databases", Group::general, kStart, Integer{&Config::databases, 1, kMaxDatabases},
            "Databases that SELECT can choose from."},
    Setting{"busy-reply-threshold", Group::general, kRun,
            SignedInteger{&Config::busy_reply_threshold_ms, 0, kMaxLong},
            "Milliseconds after which a script that still runs is in the way: other clients get "
            "BUSY then, and may end it by SCRIPT KILL. 0 is never."},
    Setting{"lua-time-limit", Group::general, kRun,
            SignedInteger{&Config::busy_reply_threshold_ms, 0, kMaxLong},
            "The former name of busy-reply-threshold."},
    Setting{"script-memory-limit", Group::general, kRun,
            Memory{&Config::script_memory_bytes, kMiB, kMaxLong},
            "Most that scripts may take: the running one with all that it has in variables, and "
            "those that are kept for EVALSHA. What exceeds it is an error in the script."},
    Setting{"loglevel", Group::general, kRun, choice<&Config::loglevel>(kLogLevels),
            "Least important kind of line that is logged."},
    Setting{
        "logfile", Group::general, kStart,
        Text{&Config::logfile, kMaxTextBytes, "a path, or \"\" for standard output", check_path},
        "File to which log lines are appended."},
    Setting{"dir", Group::general, kStart,
            Text{&Config::dir, kMaxTextBytes, "a directory", check_directory},
            "Working directory, changed to at start; relative paths are seen from here."},
    Setting{"slowlog-log-slower-than", Group::general, kRun,
            SignedInteger{&Config::slowlog_log_slower_than_us, -1, kMaxLong},
            "Microseconds from which on a command enters SLOWLOG; -1 is never. Below 1000 each "
            "command is timed by itself, which costs some 20 ns a command."},
    Setting{"slowlog-max-len", Group::general, kRun,
            SignedInteger{&Config::slowlog_max_len, 0, kMaxLong},
            "Entries that SLOWLOG keeps, the newest."},
    Setting{"latency-monitor-threshold", Group::general, kRun,
            SignedInteger{&Config::latency_monitor_threshold_ms, 0, kMaxLong},
            "Milliseconds from which on LATENCY remembers what held a worker up; 0 is never."},
    Setting{"latency-tracking", Group::general, kRun, YesNo{&Config::latency_tracking},
            "Whether INFO latencystats and LATENCY HISTOGRAM go on collecting."},
    Setting{"latency-tracking-info-percentiles", Group::general, kRun,
            Text{&Config::latency_tracking_info_percentiles, kMaxTextBytes, "numbers from 0 to 100",
                 check_percentiles, true},
            "Percentiles that INFO latencystats shows."},
    Setting{"notify-keyspace-events", Group::general, kRun,
            EventLetters{&Config::notify_keyspace_events},
            "What happens to keys is published: K to channels __keyspace@DB__:KEY, E to "
            "__keyevent@DB__:EVENT; of the classes g (generic), $ (strings), l (lists), s (sets), "
            "h (hashes), z (sorted sets), t (streams), d (modules), x (expired), e (evicted), A "
            "(all these), n (new keys), m (reads that miss). Neither K nor E: nothing."},
    Setting{"tracking-table-max-keys", Group::general, kRun,
            SignedInteger{&Config::tracking_table_max_keys, 0, kMaxLong},
            "Keys whose readers are remembered for client-side caching, each of them 256 bytes on "
            "average; beyond that clients are told to forget some. 0 is no limit."},
};

constexpr std::string_view kNoSave = "persistence is not part of this version; use save \"\"";
constexpr std::string_view kNoAppend = "persistence is not part of this version; use appendonly no";
constexpr std::string_view kNoCluster =
    "clustering is not part of this version; use cluster-enabled no";
constexpr std::string_view kNoDaemon =
    "the server runs in the foreground; use daemonize no, and a service manager";
constexpr std::string_view kNoSupervisor =
    "the server sends no signals to service managers; use supervised no";
constexpr std::string_view kNoPidFile = "the server writes no pid file; use pidfile \"\"";

constexpr std::array kLater{
    Setting{"save", Group::later, kRun,
            Text{&Config::save, kMaxTextBytes, "pairs of seconds and changes", check_save, true},
            "When to write snapshots; \"\" is never.", kNoSave},
    Setting{"appendonly", Group::later, kRun, YesNo{&Config::appendonly},
            "Whether writes go to an append-only file.", kNoAppend},
    Setting{"cluster-enabled", Group::later, kStart, YesNo{&Config::cluster_enabled},
            "Whether the server is a node of a cluster.", kNoCluster},
    Setting{"daemonize", Group::later, kStart, YesNo{&Config::daemonize},
            "Whether to run in the background.", kNoDaemon},
    Setting{"supervised", Group::later, kStart, choice<&Config::supervised>(kSupervisions),
            "Which service manager to signal.", kNoSupervisor},
    Setting{"pidfile", Group::later, kStart,
            Text{&Config::pidfile, kMaxTextBytes, "a path", check_path},
            "File for the process id; \"\" is none.", kNoPidFile},
};

constexpr auto kTable = [] {
  constexpr size_t kRows = kNetwork.size() + kSecurity.size() + kClients.size() + kMemory.size() +
                           kCollections.size() + kGeneral.size() + kLater.size();
  std::array<const Setting*, kRows> rows{};
  size_t at = 0;
  const auto add = [&](std::span<const Setting> group) {
    for (const Setting& setting : group) rows[at++] = &setting;
  };
  add(kNetwork);
  add(kSecurity);
  add(kClients);
  add(kMemory);
  add(kCollections);
  add(kGeneral);
  add(kLater);
  return rows;
}();

constexpr bool names_are_lower_case_and_unique() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    for (const char byte : kTable[i]->name) {
      if (byte != text::to_lower(byte)) return false;
    }
    for (size_t j = 0; j < i; ++j) {
      if (kTable[i]->name == kTable[j]->name) return false;
    }
  }
  return true;
}
static_assert(names_are_lower_case_and_unique());

}  // namespace

std::span<const Setting* const> table() {
  return kTable;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting* setting : kTable) {
    if (text::equals_ignoring_case(setting->name, name)) return setting;
  }
  return nullptr;
}

}  // namespace larder::config
