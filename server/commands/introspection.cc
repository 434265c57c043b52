#include "server/commands/parts.h"

namespace larder::server {

CommandFamily introspection_commands() {
  return {};
}

}  // namespace larder::server
