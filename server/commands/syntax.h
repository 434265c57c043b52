// The arguments of a command as a tree, from the line that documents them for people.
//
//   alternatives := sequence { '|' sequence }
//   sequence     := { word | '[' alternatives ']' | '<' alternatives '>' | repetition }
//   repetition   := '[' words '...' ']'
//
// Words with capital letters or without letters are tokens ("EX", "*"), other words name values
// ("seconds"). [ ] may be left out, < > is a choice that must be made. A repetition says that what
// stands before it, once more with or without its token, may be repeated; an empty one speaks of
// the whole bracket. In a bracket of its own, a token with several values behind it is a block:
// "[AUTH username password]".
//
// What the line cannot say is in tables in syntax.cc: the type of a value goes by its name, and the
// choices and blocks that Redis gave names of their own ("condition") have these.
//
// For lines written by us, in rows: O(words squared), recursive, allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/reply.h"

namespace larder::server {

enum class ArgumentType : uint8_t {
  string,
  integer,
  real,
  key,
  pattern,
  unix_time,
  pure_token,
  one_of,
  block
};

struct ArgumentSyntax {
  std::string name;
  ArgumentType type = ArgumentType::string;
  std::string token;  // empty: none
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;            // the token is repeated with each value
  std::vector<ArgumentSyntax> arguments;  // of a choice or block

  bool operator==(const ArgumentSyntax&) const = default;
};

// Nothing if `line` does not follow the grammar. `command` (lower case) decides about names whose
// type differs between commands.
[[nodiscard]] std::optional<std::vector<ArgumentSyntax>> parse_syntax(
    std::string_view line, std::string_view command = {});

// The value of the field "arguments" in COMMAND DOCS. Of a command with several key specifications
// each key belongs to the next of them, further keys to the last.
void write_syntax(const std::vector<ArgumentSyntax>& arguments, size_t key_specifications,
                  protocol::Reply& reply);

}  // namespace larder::server
