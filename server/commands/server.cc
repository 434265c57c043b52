#include "server/commands/families.h"
#include "server/commands/parts.h"

namespace larder::server {

CommandFamily server_commands() {
  static const std::vector<CommandRow> rows =
      joined({info_commands(), configuration_commands(), introspection_commands()});
  return rows;
}

}  // namespace larder::server
