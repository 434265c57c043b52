#include "bench/hitratio/trace.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <numeric>
#include <string_view>

#include "bench/hitratio/key_numbering.h"

extern char** environ;

namespace larder::bench {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Everything a file descriptor gives until its end. False on an error, with errno.
bool read_all(int fd, std::string& bytes) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    bytes.append(buffer.data(), static_cast<size_t>(got));
  }
}

bool read_through(const char* program, const std::string& path, std::string& bytes,
                  std::string& error) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    error = std::string("pipe: ") + std::strerror(errno);
    return false;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string name = program;
  std::string option = "-dc";
  std::string file = path;
  char* arguments[] = {name.data(), option.data(), file.data(), nullptr};
  pid_t pid = 0;
  const int failure = posix_spawnp(&pid, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  bool done = failure == 0 && read_all(ends[0], bytes);
  close(ends[0]);
  int status = 0;
  if (failure == 0) {
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  }
  done = done && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!done) error = path + ": cannot be read through " + program;
  return done;
}

bool read_plain(const std::string& path, std::string& bytes, std::string& error) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && read_all(fd, bytes);
  if (!done) error = path + ": " + std::strerror(errno);
  if (fd >= 0) close(fd);
  return done;
}

// Cuts `text` into lines of at least `count` decimal numbers, and gives them to `use`.
template <size_t count, typename Use>
bool for_each_line(std::string_view text, Use use, std::string& error) {
  size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::array<uint64_t, count> numbers{};
    for (uint64_t& number : numbers) {
      while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      const auto [rest, failure] = std::from_chars(line.data(), line.data() + line.size(), number);
      if (failure != std::errc()) {
        error = "line " + std::to_string(line_number) + " is not what it should be";
        return false;
      }
      line.remove_prefix(static_cast<size_t>(rest - line.data()));
    }
    use(numbers);
  }
  return true;
}

bool parse_ranges(std::string_view bytes, Trace& trace, std::string& error) {
  KeyNumbering numbering(trace);
  return for_each_line<2>(
      bytes,
      [&](const std::array<uint64_t, 2>& line) {
        for (uint64_t i = 0; i < line[1]; ++i) numbering.add(line[0] + i);
      },
      error);
}

bool parse_sized(std::string_view bytes, Trace& trace, std::string& error) {
  KeyNumbering numbering(trace);
  return for_each_line<3>(
      bytes,
      [&](const std::array<uint64_t, 3>& line) {
        const uint32_t key = numbering.add(line[1]);
        if (key == trace.value_bytes.size()) {
          trace.value_bytes.push_back(static_cast<uint32_t>(line[2]));
        }
      },
      error);
}

bool parse_numbers(std::string_view bytes, Trace& trace, std::string& error) {
  if (bytes.size() % 4 != 0) {
    error = "the length is no multiple of 4";
    return false;
  }
  KeyNumbering numbering(trace);
  for (size_t i = 0; i < bytes.size(); i += 4) {
    uint64_t key = 0;
    for (size_t j = 0; j < 4; ++j) key = key << 8 | static_cast<unsigned char>(bytes[i + j]);
    numbering.add(key);
  }
  return true;
}

}  // namespace

bool parse_trace(const std::string& name, const std::string& bytes, Trace& trace,
                 std::string& error) {
  trace = Trace{};
  trace.name = name;
  bool done = false;
  if (ends_with(name, ".lis")) {
    done = parse_ranges(bytes, trace, error);
  } else if (ends_with(name, ".trace")) {
    const bool sized = name.find("size") != std::string::npos;
    done = sized ? parse_sized(bytes, trace, error) : parse_numbers(bytes, trace, error);
  } else {
    error = "neither .lis nor .trace";
  }
  if (!done) error = name + ": " + error;
  return done;
}

bool read_trace(const std::string& path, Trace& trace, std::string& error) {
  std::string name = path.substr(path.rfind('/') + 1);
  std::string bytes;
  bool done = false;
  if (ends_with(name, ".zst")) {
    name.resize(name.size() - 4);
    done = read_through("zstd", path, bytes, error);
  } else if (ends_with(name, ".xz")) {
    name.resize(name.size() - 3);
    done = read_through("xz", path, bytes, error);
  } else {
    done = read_plain(path, bytes, error);
  }
  return done && parse_trace(name, bytes, trace, error);
}

void shorten(Trace& trace, uint64_t requests) {
  if (requests >= trace.keys.size()) return;
  trace.keys.resize(requests);
  if (!trace.verbs.empty()) trace.verbs.resize(requests);
  if (!trace.time_us.empty()) trace.time_us.resize(requests);
  // Keys are numbered as they come, so the forgotten ones are the last.
  trace.unique = 0;
  for (const uint32_t key : trace.keys) trace.unique = std::max(trace.unique, key + 1);
  if (!trace.value_bytes.empty()) trace.value_bytes.resize(trace.unique);
  if (!trace.ttl_us.empty()) trace.ttl_us.resize(trace.unique);
}

namespace {

// {1, 2} three times is {1, 1, 1, 2, 2, 2}.
template <typename Value>
std::vector<Value> repeated(const std::vector<Value>& values, uint32_t count) {
  std::vector<Value> result;
  result.reserve(values.size() * count);
  for (const Value& value : values) result.insert(result.end(), count, value);
  return result;
}

}  // namespace

void multiply(Trace& trace, uint32_t count) {
  trace.keys = repeated(trace.keys, count);
  for (size_t i = 0; i < trace.keys.size(); ++i) {
    trace.keys[i] = trace.keys[i] * count + static_cast<uint32_t>(i % count);
  }
  trace.unique *= count;
  trace.value_bytes = repeated(trace.value_bytes, count);
  trace.verbs = repeated(trace.verbs, count);
  trace.time_us = repeated(trace.time_us, count);
  trace.ttl_us = repeated(trace.ttl_us, count);
}

void read_each_key_once(Trace& trace) {
  trace.keys.resize(trace.unique);
  std::iota(trace.keys.begin(), trace.keys.end(), 0u);
  trace.verbs.clear();
  trace.time_us.clear();
  trace.ttl_us.clear();
}

}  // namespace larder::bench
