// ServerProcess: a server started for one transcript and stopped afterwards, by its process id.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace larder::transcripts {

class ServerProcess {
 public:
  // Its output goes to a file in `folder`, which is also its working directory.
  explicit ServerProcess(std::string folder) : folder_(std::move(folder)) {}
  ~ServerProcess() { stop(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts `command` (words by blanks; {port} is replaced) with --name value for each of `config`
  // and waits until it accepts connections. False: see error().
  bool start(const std::string& command,
             const std::vector<std::pair<std::string, std::string>>& config);
  // SIGTERM, then wait. True if it ended by itself with status 0, or had ended so before; a server
  // that does not end in time is killed.
  bool stop();

  uint16_t port() const { return port_; }
  const std::string& error() const { return error_; }
  // The last lines it wrote.
  std::string output_tail() const;

 private:
  bool start_once(const std::string& command,
                  const std::vector<std::pair<std::string, std::string>>& config);
  bool has_ended();

  std::string folder_;
  std::string error_;
  pid_t process_ = -1;
  uint16_t port_ = 0;
  bool ended_well_ = true;
};

}  // namespace larder::transcripts
