#include "bench/load/process_cpu.h"

#include <dirent.h>

#include <cinttypes>
#include <cstdio>
#include <string>

namespace larder::bench {

std::optional<uint64_t> process_cpu_ns(int pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  DIR* directory = opendir(tasks.c_str());
  if (directory == nullptr) return std::nullopt;
  uint64_t total_ns = 0;
  bool any = false;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = tasks + "/" + entry->d_name + "/schedstat";
    std::FILE* file = std::fopen(path.c_str(), "re");
    if (file == nullptr) continue;
    uint64_t run_ns = 0;
    if (std::fscanf(file, "%" SCNu64, &run_ns) == 1) {
      total_ns += run_ns;
      any = true;
    }
    std::fclose(file);
  }
  closedir(directory);
  if (!any) return std::nullopt;
  return total_ns;
}

}  // namespace larder::bench
