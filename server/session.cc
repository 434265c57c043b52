#include "server/session.h"

#include <cstring>

namespace larder::server {

QueuedCommand::QueuedCommand(const Command& command, protocol::Arguments arguments)
    : command_(&command) {
  for (std::string_view argument : arguments) text_bytes_ += argument.size();
  text_ = std::make_unique<char[]>(text_bytes_);
  views_.reserve(arguments.size());
  char* at = text_.get();
  for (std::string_view argument : arguments) {
    if (!argument.empty()) std::memcpy(at, argument.data(), argument.size());
    views_.emplace_back(at, argument.size());
    at += argument.size();
  }
}

}  // namespace larder::server
