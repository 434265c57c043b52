#include "server/log.h"

#include <unistd.h>

#include <chrono>
#include <ctime>

namespace larder::server {

Log::Log(const std::string& path, config::LogLevel level)
    : file_(path.empty() ? stdout : std::fopen(path.c_str(), "ae")), level_(level) {}

Log::~Log() {
  if (file_ != nullptr && file_ != stdout) std::fclose(file_);
}

void Log::write(config::LogLevel level, std::string_view text) {
  if (level < level_ || file_ == nullptr) return;
  static constexpr const char* kNames[] = {"debug", "verbose", "notice", "warning"};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
  std::lock_guard guard(mutex_);
  std::fprintf(file_, "%s.%03d [%d] %s: %.*s\n", stamp, static_cast<int>(ms % 1000), getpid(),
               kNames[static_cast<unsigned>(level)], static_cast<int>(text.size()), text.data());
  std::fflush(file_);
}

}  // namespace larder::server
