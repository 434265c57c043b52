#include "server/commands/parts.h"

#include <string>

#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::server {

std::vector<CommandRow> joined(std::initializer_list<CommandFamily> parts) {
  std::vector<CommandRow> rows;
  for (CommandFamily part : parts) rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

void write_help(std::string_view container, std::span<const std::string_view> lines,
                protocol::Reply& reply) {
  reply.array(lines.size() + 3);
  reply.simple(text::uppered(container) +
               " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (std::string_view line : lines) reply.simple(line);
  reply.simple("HELP");
  reply.simple("    Prints this help.");
}

void write_subcommand_syntax_error(std::string_view container, std::string_view word,
                                   protocol::Reply& reply) {
  reply.error("ERR unknown subcommand or wrong number of arguments for '" +
              std::string(word.substr(0, text::kEchoBytes)) + "'. Try " + text::uppered(container) +
              " HELP.");
}

}  // namespace larder::server
