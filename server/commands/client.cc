#include "server/commands/parts.h"

namespace larder::server {

CommandFamily client_commands() {
  return {};
}

}  // namespace larder::server
