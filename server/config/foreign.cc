#include "server/config/foreign.h"

#include <array>

#include "server/config/table.h"
#include "server/text/glob.h"

namespace larder::config {
namespace {

struct Missing {
  std::string_view pattern;
  std::string_view part;
};

constexpr std::string_view kReplication = "replication is not part of this version";
constexpr std::string_view kPersistence = "persistence is not part of this version";
constexpr std::string_view kUsers =
    "access control lists are not part of this version; requirepass sets the one password";
constexpr std::string_view kModules = "modules are not supported";
constexpr std::string_view kExact =
    "nothing is sampled: lru, lfu, fifo and ttl find the entry that is to go";
constexpr std::string_view kFrequencies =
    "how fast use is forgotten follows from the number of keys";
constexpr std::string_view kSlices = "eviction always works in small slices";
constexpr std::string_view kThreads = "use threads instead";
constexpr std::string_view kInternals = "it tunes internals of Redis that do not exist here";
constexpr std::string_view kProcess = "the service manager does this better";

constexpr std::array kMissing{
    Missing{"tls-*", "TLS is not part of this version"},
    Missing{"cluster-*", "clustering is not part of this version"},
    Missing{"replicaof", kReplication},
    Missing{"slaveof", kReplication},
    Missing{"replica-*", kReplication},
    Missing{"slave-*", kReplication},
    Missing{"repl-*", kReplication},
    Missing{"masterauth", kReplication},
    Missing{"masteruser", kReplication},
    Missing{"min-replicas-*", kReplication},
    Missing{"min-slaves-*", kReplication},
    Missing{"propagation-error-behavior", kReplication},
    Missing{"sentinel", "Sentinel is not part of this version"},
    Missing{"user", kUsers},
    Missing{"aclfile", kUsers},
    Missing{"acl-pubsub-default", kUsers},
    Missing{"acllog-max-len", kUsers},
    Missing{"rename-command",
            "commands cannot be renamed; requirepass and bind keep strangers out"},
    Missing{"loadmodule", kModules},
    Missing{"enable-module-command", kModules},
    Missing{"enable-protected-configs", "settings of this kind never change at run time"},
    Missing{"dbfilename", kPersistence},
    Missing{"append*", kPersistence},
    Missing{"aof-*", kPersistence},
    Missing{"auto-aof-*", kPersistence},
    Missing{"no-appendfsync-on-rewrite", kPersistence},
    Missing{"rdb*", kPersistence},
    Missing{"sanitize-dump-payload", kPersistence},
    Missing{"stop-writes-on-bgsave-error", kPersistence},
    Missing{"aof_rewrite_cpulist", kPersistence},
    Missing{"bgsave_cpulist", kPersistence},
    Missing{"maxmemory-clients", "client-output-buffer-limit bounds each client"},
    Missing{"maxmemory-samples", kExact},
    Missing{"maxmemory-eviction-tenacity", kSlices},
    Missing{"lfu-*", kFrequencies},
    Missing{"lazyfree-*", "large values are always freed in slices"},
    Missing{"list-max-ziplist-size", "use list-max-listpack-size instead"},
    Missing{"io-threads*", kThreads},
    Missing{"server_cpulist", "taskset does this, and threads follows it"},
    Missing{"bio_cpulist", kInternals},
    Missing{"bind-source-addr", kReplication},
    Missing{"socket-mark-id", kInternals},
    Missing{"hz", kInternals},
    Missing{"dynamic-hz", kInternals},
    Missing{"activerehashing", kInternals},
    Missing{"activedefrag", kInternals},
    Missing{"active-defrag-*", kInternals},
    Missing{"active-expire-effort", kInternals},
    Missing{"jemalloc-bg-thread", kInternals},
    Missing{"disable-thp", kInternals},
    Missing{"ignore-warnings", kInternals},
    Missing{"always-show-logo", "there is no logo"},
    Missing{"set-proc-title", kInternals},
    Missing{"proc-title-template", kInternals},
    Missing{"crash-log-enabled", kInternals},
    Missing{"crash-memcheck-enabled", kInternals},
    Missing{"syslog-*", kProcess},
    Missing{"oom-score-adj*", kProcess},
    Missing{"shutdown-timeout", kReplication},
    Missing{"shutdown-on-*", kPersistence},
    Missing{"locale-collate", kInternals},
    Missing{"gopher-enabled", "Gopher is not supported"},
};

}  // namespace

std::optional<std::string_view> missing_part(std::string_view name) {
  if (find_setting(name) != nullptr) return std::nullopt;
  for (const Missing& missing : kMissing) {
    if (text::glob_match(missing.pattern, name, text::GlobCase::ignore)) return missing.part;
  }
  return std::nullopt;
}

}  // namespace larder::config
