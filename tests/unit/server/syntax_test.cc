// Syntax lines as trees, compared with what COMMAND DOCS of redis-server 7.0.15 answers for the
// same commands (fields since and deprecated_since left aside).
#include "server/commands/syntax.h"

#include <catch2/catch.hpp>
#include <string>

namespace larder::server {
namespace {

// Reads a RESP2 reply and shows trees of arguments as indented lines of field=value.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string arguments(size_t indent) {
    std::string text;
    for (size_t left = header('*'); left > 0; --left) {
      text += std::string(indent, ' ');
      std::string below;
      std::string separator;
      for (size_t fields = header('*'); fields > 0; fields -= 2) {
        const std::string name = bulk();
        if (name == "arguments") {
          below = arguments(indent + 2);
        } else {
          text += separator + name + "=" + value();
          separator = " ";
        }
      }
      text += "\n" + below;
    }
    return text;
  }

  bool at_end() const { return bytes_.empty(); }

 private:
  std::string line() {
    const size_t end = bytes_.find("\r\n");
    REQUIRE(end != std::string_view::npos);
    std::string result(bytes_.substr(0, end));
    bytes_.remove_prefix(end + 2);
    return result;
  }
  size_t header(char kind) {
    const std::string text = line();
    REQUIRE(text.at(0) == kind);
    return std::stoul(text.substr(1));
  }
  std::string bulk() {
    const size_t size = header('$');
    std::string result(bytes_.substr(0, size));
    bytes_.remove_prefix(size + 2);
    return result;
  }
  std::string value() {
    if (bytes_.front() == '$') return bulk();
    if (bytes_.front() == ':') return std::to_string(header(':'));
    std::string list;
    for (size_t left = header('*'); left > 0; --left) {
      if (!list.empty()) list += ",";
      list += line();
    }
    return list;
  }

  std::string_view bytes_;
};

std::string shown(std::string_view syntax, std::string_view command = {},
                  size_t key_specifications = 1) {
  const auto arguments = parse_syntax(syntax, command);
  if (!arguments) return "not a syntax line";
  protocol::ReplyBuffer buffer;
  protocol::Reply reply(buffer, protocol::Dialect::resp2);
  write_syntax(*arguments, key_specifications, reply);
  Reader reader(buffer.view());
  std::string text = "\n" + reader.arguments(0);
  CHECK(reader.at_end());
  return text;
}

TEST_CASE("GET") {
  CHECK(shown("key") == R"(
name=key type=key key_spec_index=0
)");
}

TEST_CASE("SET") {
  CHECK(shown("key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
              "PXAT unix-time-milliseconds | KEEPTTL]") == R"(
name=key type=key key_spec_index=0
name=value type=string
name=condition type=oneof flags=+optional
  name=nx type=pure-token token=NX
  name=xx type=pure-token token=XX
name=get type=pure-token token=GET flags=+optional
name=expiration type=oneof flags=+optional
  name=seconds type=integer token=EX
  name=milliseconds type=integer token=PX
  name=unix-time-seconds type=unix-time token=EXAT
  name=unix-time-milliseconds type=unix-time token=PXAT
  name=keepttl type=pure-token token=KEEPTTL
)");
}

TEST_CASE("DEL") {
  CHECK(shown("key [key ...]") == R"(
name=key type=key key_spec_index=0 flags=+multiple
)");
}

TEST_CASE("EXPIRE") {
  CHECK(shown("key seconds [NX | XX | GT | LT]") == R"(
name=key type=key key_spec_index=0
name=seconds type=integer
name=condition type=oneof flags=+optional
  name=nx type=pure-token token=NX
  name=xx type=pure-token token=XX
  name=gt type=pure-token token=GT
  name=lt type=pure-token token=LT
)");
}

TEST_CASE("SCAN") {
  CHECK(shown("cursor [MATCH pattern] [COUNT count] [TYPE type]") == R"(
name=cursor type=integer
name=pattern type=pattern token=MATCH flags=+optional
name=count type=integer token=COUNT flags=+optional
name=type type=string token=TYPE flags=+optional
)");
}

TEST_CASE("MSET") {
  CHECK(shown("key value [key value ...]") == R"(
name=key_value type=block flags=+multiple
  name=key type=key key_spec_index=0
  name=value type=string
)");
}

constexpr std::string_view kClientKill = R"(
name=filter type=oneof
  name=ip:port type=string
  name=new-format type=oneof flags=+multiple
    name=client-id type=integer token=ID flags=+optional
    name=normal_master_slave_pubsub type=oneof token=TYPE flags=+optional
      name=normal type=pure-token token=NORMAL
      name=master type=pure-token token=MASTER
      name=slave type=pure-token token=SLAVE
      name=replica type=pure-token token=REPLICA
      name=pubsub type=pure-token token=PUBSUB
    name=username type=string token=USER flags=+optional
    name=ip:port type=string token=ADDR flags=+optional
    name=ip:port type=string token=LADDR flags=+optional
    name=yes/no type=string token=SKIPME flags=+optional
)";

TEST_CASE("CLIENT KILL, its choice repeated in full or in short") {
  const std::string choice =
      "[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | "
      "[ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no]";
  CHECK(shown("<ip:port | <" + choice + " [" + choice + " ...]>>") == kClientKill);
  CHECK(shown("<ip:port | <" + choice + " [...]>>") == kClientKill);
}

TEST_CASE("further commands of Redis") {
  CHECK(shown("[section [section ...]]") == R"(
name=section type=string flags=+optional,+multiple
)");
  CHECK(shown("[protover [AUTH username password] [SETNAME clientname]]") == R"(
name=arguments type=block flags=+optional
  name=protover type=integer
  name=username_password type=block token=AUTH flags=+optional
    name=username type=string
    name=password type=string
  name=clientname type=string token=SETNAME flags=+optional
)");
  CHECK(shown("[username] password") == R"(
name=username type=string flags=+optional
name=password type=string
)");
  CHECK(shown("[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]") == R"(
name=filterby type=oneof token=FILTERBY flags=+optional
  name=module-name type=string token=MODULE
  name=category type=string token=ACLCAT
  name=pattern type=pattern token=PATTERN
)");
  CHECK(shown("<ON | OFF>") == R"(
name=enabled type=oneof
  name=on type=pure-token token=ON
  name=off type=pure-token token=OFF
)");
  CHECK(shown("[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]") == R"(
name=nosave_save type=oneof flags=+optional
  name=nosave type=pure-token token=NOSAVE
  name=save type=pure-token token=SAVE
name=now type=pure-token token=NOW flags=+optional
name=force type=pure-token token=FORCE flags=+optional
name=abort type=pure-token token=ABORT flags=+optional
)");
  CHECK(shown("key increment", "incrby") == R"(
name=key type=key key_spec_index=0
name=increment type=integer
)");
  CHECK(shown("key increment", "incrbyfloat") == R"(
name=key type=key key_spec_index=0
name=increment type=double
)");
  // As Redis 8.8 has it.
  CHECK(shown("key [BYFLOAT float | BYINT integer] [LBOUND lowerbound] [SATURATE]", "increx") == R"(
name=key type=key key_spec_index=0
name=increment type=oneof flags=+optional
  name=float type=double token=BYFLOAT
  name=integer type=integer token=BYINT
name=lowerbound type=string token=LBOUND flags=+optional
name=saturate type=pure-token token=SATURATE flags=+optional
)");
}

TEST_CASE("keys belong to the key specifications in their order, and the rest to the last") {
  CHECK(shown("key newkey", "rename", 2) == R"(
name=key type=key key_spec_index=0
name=newkey type=key key_spec_index=1
)");
  CHECK(shown("destination key [key ...]", {}, 2) == R"(
name=destination type=key key_spec_index=0
name=key type=key key_spec_index=1 flags=+multiple
)");
}

TEST_CASE("repetitions with and without their token") {
  CHECK(shown("[ID client-id [client-id ...]]") == R"(
name=client-id type=integer token=ID flags=+optional,+multiple
)");
  CHECK(shown("[GET pattern [GET pattern ...]]") == R"(
name=pattern type=pattern token=GET flags=+optional,+multiple,+multiple_token
)");
  CHECK(shown("key value [value ...]") == R"(
name=key type=key key_spec_index=0
name=value type=string flags=+multiple
)");
}

TEST_CASE("choices of the same words have the names that Redis gives them, in order") {
  const auto names = [](std::string_view line, std::string_view command) {
    std::vector<std::string> found;
    const auto arguments = parse_syntax(line, command);
    REQUIRE(arguments);
    for (const ArgumentSyntax& argument : *arguments) found.push_back(argument.name);
    return found;
  };
  CHECK(names("source <LEFT | RIGHT> <LEFT | RIGHT>", "lmove") ==
        std::vector<std::string>{"source", "wherefrom", "whereto"});
  CHECK(names("key <LEFT | RIGHT>", "lmpop") == std::vector<std::string>{"key", "where"});
  CHECK(names("<NX | XX> <NX | XX>", "set") == std::vector<std::string>{"condition", "condition"});
}

TEST_CASE("no arguments") {
  CHECK(shown("") == "\n");
}

TEST_CASE("lines that follow no grammar") {
  for (const char* line :
       {"[", "]", "key [", "key ]", "<A | B", "<A | B]", "[A > ]", "[]", "<>", "[A |]", "A | B",
        "...", "key ...", "[...]", "key [value ...]", "key [...]", "<[...]>", "[A [B ...]]"}) {
    INFO(line);
    CHECK_FALSE(parse_syntax(line));
  }
}

TEST_CASE("in RESP3 arguments are maps and flags a set") {
  protocol::ReplyBuffer buffer;
  protocol::Reply reply(buffer, protocol::Dialect::resp3);
  write_syntax(parse_syntax("[COUNT count]").value(), 1, reply);
  CHECK(buffer.view() ==
        "*1\r\n%4\r\n$4\r\nname\r\n$5\r\ncount\r\n$4\r\ntype\r\n$7\r\ninteger\r\n"
        "$5\r\ntoken\r\n$5\r\nCOUNT\r\n$5\r\nflags\r\n~1\r\n+optional\r\n");
}

}  // namespace
}  // namespace larder::server
