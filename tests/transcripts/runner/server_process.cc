#include "tests/transcripts/runner/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/transcripts/runner/tcp_transport.h"

namespace larder::transcripts {
namespace {

constexpr int kStartAttempts = 3;
constexpr auto kStartLimit = std::chrono::seconds(20);
constexpr auto kStopLimit = std::chrono::seconds(20);
constexpr auto kPollPause = std::chrono::milliseconds(5);
constexpr size_t kTailBytes = 16000;

std::vector<std::string> split_command(const std::string& command, uint16_t port) {
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) {
    const size_t at = word.find("{port}");
    if (at != std::string::npos) word.replace(at, 6, std::to_string(port));
    if (word == "''" || word == "\"\"") word.clear();
    words.push_back(word);
  }
  return words;
}

}  // namespace

bool ServerProcess::start(const std::string& command,
                          const std::vector<std::pair<std::string, std::string>>& config) {
  // A port that was free may be taken by somebody else before the server asks for it.
  for (int attempt = 0; attempt < kStartAttempts; ++attempt) {
    if (start_once(command, config)) return true;
    if (process_ >= 0) return false;
  }
  return false;
}

bool ServerProcess::start_once(const std::string& command,
                               const std::vector<std::pair<std::string, std::string>>& config) {
  port_ = find_free_port();
  std::vector<std::string> words = split_command(command, port_);
  for (const auto& [name, value] : config) {
    words.push_back("--" + name);
    words.push_back(value);
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = folder_ + "/server.log";
  ended_well_ = false;
  process_ = ::fork();
  if (process_ < 0) {
    error_ = "cannot fork";
    return false;
  }
  if (process_ == 0) {
    const int out = ::open(log.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (out < 0 || ::dup2(out, 1) < 0 || ::dup2(out, 2) < 0 || ::chdir(folder_.c_str()) != 0) {
      ::_exit(126);
    }
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  const auto limit = std::chrono::steady_clock::now() + kStartLimit;
  while (std::chrono::steady_clock::now() < limit) {
    if (has_ended()) {
      error_ = "the server ended at its start: " + words[0];
      return false;
    }
    TcpTransport probe("127.0.0.1", port_);
    if (probe.open("probe") && !has_ended()) return true;
    std::this_thread::sleep_for(kPollPause);
  }
  error_ = "the server does not accept connections: " + words[0];
  return false;
}

bool ServerProcess::has_ended() {
  if (process_ < 0) return true;
  int status = 0;
  if (::waitpid(process_, &status, WNOHANG) != process_) return false;
  process_ = -1;
  ended_well_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return true;
}

bool ServerProcess::stop() {
  if (has_ended()) return ended_well_;
  ::kill(process_, SIGTERM);
  const auto limit = std::chrono::steady_clock::now() + kStopLimit;
  while (std::chrono::steady_clock::now() < limit) {
    if (has_ended()) return ended_well_;
    std::this_thread::sleep_for(kPollPause);
  }
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  ended_well_ = false;
  return false;
}

std::string ServerProcess::output_tail() const {
  std::ifstream file(folder_ + "/server.log");
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  return text.size() <= kTailBytes ? text : text.substr(text.size() - kTailBytes);
}

}  // namespace larder::transcripts
