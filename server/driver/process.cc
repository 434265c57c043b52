#include "server/driver/process.h"

#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#ifdef LARDER_JEMALLOC
#include <jemalloc/jemalloc.h>

// jemalloc reads this name at start. Huge pages: with millions of keys nearly every lookup misses
// the TLB otherwise, which costs a quarter of the CPU per operation at depth (bench/README.md).
// Nothing here ever forks, so there is no copy-on-write to pay for them.
extern "C" {
const char* malloc_conf = "thp:always,metadata_thp:always";
}
#else
#include <malloc.h>
#endif

namespace larder::server {
namespace {

// Descriptors for everything but clients: listeners, rings, files, a few to spare.
constexpr uint32_t kOwnDescriptors = 96;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::optional<AllocatorFacts> read_allocator() {
#ifdef LARDER_JEMALLOC
  AllocatorFacts facts;
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  const auto read = [](const char* name, uint64_t& out) {
    size_t value = 0;
    size_t value_size = sizeof value;
    if (mallctl(name, &value, &value_size, nullptr, 0) == 0) out = value;
  };
  read("stats.allocated", facts.allocated_bytes);
  read("stats.active", facts.active_bytes);
  read("stats.resident", facts.resident_bytes);
  return facts;
#else
  return std::nullopt;
#endif
}

}  // namespace

ProcessFacts read_process_facts() {
  ProcessFacts facts;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream statm("/proc/self/statm");
  uint64_t size_pages = 0;
  uint64_t resident_pages = 0;
  if (statm >> size_pages >> resident_pages) facts.resident_bytes = resident_pages * page;
  facts.system_memory_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  facts.cpu_user_seconds = seconds(usage.ru_utime);
  facts.cpu_system_seconds = seconds(usage.ru_stime);
  facts.allocator = read_allocator();
  return facts;
}

bool release_unused_memory() {
#ifdef LARDER_JEMALLOC
  const std::string purge = "arena." + std::to_string(MALLCTL_ARENAS_ALL) + ".purge";
  return mallctl(purge.c_str(), nullptr, nullptr, nullptr, 0) == 0;
#else
  malloc_trim(0);
  return true;
#endif
}

std::string allocator_report() {
  std::string report;
#ifdef LARDER_JEMALLOC
  const auto append = [](void* text, const char* part) {
    *static_cast<std::string*>(text) += part;
  };
  malloc_stats_print(append, &report, nullptr);
#endif
  return report;
}

uint32_t allow_clients(uint32_t clients) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return clients;
  const rlim_t wanted = rlim_t{clients} + kOwnDescriptors;
  if (limit.rlim_cur >= wanted) return clients;
  rlimit raised = limit;
  raised.rlim_cur = wanted;
  if (raised.rlim_max < wanted) raised.rlim_max = wanted;  // root may
  if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
    raised.rlim_max = limit.rlim_max;
    raised.rlim_cur = std::min(wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) raised = limit;
  }
  const rlim_t fit = raised.rlim_cur > kOwnDescriptors ? raised.rlim_cur - kOwnDescriptors : 1;
  return static_cast<uint32_t>(std::min<rlim_t>(fit, clients));
}

unsigned usable_cores() {
  cpu_set_t cores;  // 1024 of them; on larger machines the call fails
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) {
    return std::max(1u, std::thread::hardware_concurrency());
  }
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

uint64_t random_seed() {
  uint64_t seed = 0;
  // Cannot fail for so few bytes once the system is up (getrandom(2)).
  while (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
  }
  return seed;
}

std::string operating_system() {
  utsname name{};
  uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string allocator_name() {
#ifdef LARDER_JEMALLOC
  const char* version = nullptr;
  size_t size = sizeof version;
  mallctl("version", &version, &size, nullptr, 0);
  const std::string text = version == nullptr ? "" : version;
  return "jemalloc-" + text.substr(0, text.find('-'));
#else
  return "libc";
#endif
}

std::string executable_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<size_t>(size)) : "larder-server";
}

std::optional<std::string> read_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return std::nullopt;
  return text;
}

}  // namespace larder::server
