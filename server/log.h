// Log: lines for people. One line per event: time, process, level, text.
//
// Any thread. Writes to standard output or appends to a file, a line at a time.
#pragma once

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "server/config/config.h"

namespace larder::server {

class Log {
 public:
  // An empty path: standard output.
  Log(const std::string& path, config::LogLevel level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // False if the file could not be opened.
  bool is_open() const { return file_ != nullptr; }

  // Less important lines are dropped from now on.
  void set_level(config::LogLevel level) { level_ = level; }

  void write(config::LogLevel level, std::string_view text);
  void notice(std::string_view text) { write(config::LogLevel::notice, text); }
  void warning(std::string_view text) { write(config::LogLevel::warning, text); }

 private:
  std::mutex mutex_;
  std::FILE* file_;
  std::atomic<config::LogLevel> level_;
};

}  // namespace larder::server
