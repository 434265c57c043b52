#include "server/commands/parts.h"

namespace larder::server {

CommandFamily info_commands() {
  return {};
}

}  // namespace larder::server
