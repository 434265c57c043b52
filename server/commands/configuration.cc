#include "server/commands/parts.h"

namespace larder::server {

CommandFamily configuration_commands() {
  return {};
}

}  // namespace larder::server
