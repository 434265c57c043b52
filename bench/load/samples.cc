#include "bench/load/samples.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace larder::bench {

static_assert(sizeof(Sample) == 3 * sizeof(uint64_t), "the file has no gaps");

bool write_samples(const std::string& path, const std::vector<Sample>& samples,
                   std::string& error) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    error = std::strerror(errno);
    return false;
  }
  const bool written =
      std::fwrite(samples.data(), sizeof(Sample), samples.size(), file) == samples.size();
  if (!written) error = std::strerror(errno);
  if (std::fclose(file) != 0 && written) {
    error = std::strerror(errno);
    return false;
  }
  return written;
}

}  // namespace larder::bench
