// CLIENT LIST's line: what it says about a client, and that nothing in it breaks its form.
#include "server/commands/client_line.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "server/command_table.h"
#include "server/session.h"

namespace larder::server {
namespace {

ConnectionFacts facts() {
  return {.created_unix_ms = 1'000'000,
          .last_interaction_unix_ms = 1'055'000,
          .peer = "[::1]:50000",
          .local = "[::1]:6379",
          .is_unix_socket = false,
          .closing = false,
          .paused = false,
          .waiting = false,
          .handle = 9,
          .input_bytes = 10,
          .input_capacity = 64,
          .output_bytes = 5,
          .output_capacity = 1024,
          .total_bytes = 2000};
}

std::map<std::string, std::string> fields_of(const std::string& line) {
  std::map<std::string, std::string> fields;
  size_t begin = 0;
  while (begin < line.size()) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    const std::string field = line.substr(begin, end - begin);
    const size_t equals = field.find('=');
    REQUIRE(equals != std::string::npos);
    CHECK(fields.emplace(field.substr(0, equals), field.substr(equals + 1)).second);
    begin = end + 1;
  }
  return fields;
}

TEST_CASE("a client that has said nothing yet") {
  Session session;
  session.id = 7;
  auto fields = fields_of(client_line(session, facts(), 1'060'999));
  CHECK(fields["id"] == "7");
  CHECK(fields["addr"] == "[::1]:50000");
  CHECK(fields["laddr"] == "[::1]:6379");
  CHECK(fields["fd"] == "9");
  CHECK(fields["name"].empty());
  CHECK(fields["age"] == "60");
  CHECK(fields["idle"] == "5");
  CHECK(fields["flags"] == "N");
  CHECK(fields["db"] == "0");
  CHECK(fields["multi"] == "-1");
  CHECK(fields["watch"] == "0");
  CHECK(fields["qbuf"] == "10");
  CHECK(fields["qbuf-free"] == "54");
  CHECK(fields["obl"] == "5");
  CHECK(fields["tot-mem"] == "2000");
  CHECK(fields["cmd"] == "NULL");
  CHECK(fields["resp"] == "2");
}

TEST_CASE("a client that waits for a key") {
  ConnectionFacts waiting = facts();
  waiting.waiting = true;
  CHECK(fields_of(client_line(Session{}, waiting, 1'060'999))["flags"] == "b");
}

TEST_CASE("a client in a transaction, with everything set") {
  const CommandTable commands(all_families());
  const Command* get = commands.find_by_name("get");
  REQUIRE(get != nullptr);
  Session session;
  session.database = 3;
  session.dialect = protocol::Dialect::resp3;
  session.name = "worker";
  session.library_name = "lib";
  session.library_version = "1.2";
  session.no_evict = session.no_touch = true;
  session.last_command = commands.find_by_name("client|list");
  session.watched.resize(2);
  session.transaction = std::make_unique<Transaction>();
  const std::string_view words[] = {"get", "k"};
  session.transaction->queue.emplace_back(*get, words);
  ConnectionFacts unix_facts = facts();
  unix_facts.is_unix_socket = unix_facts.closing = true;

  auto fields = fields_of(client_line(session, unix_facts, 1'060'000));
  CHECK(fields["name"] == "worker");
  CHECK(fields["flags"] == "xcUeT");
  CHECK(fields["db"] == "3");
  CHECK(fields["multi"] == "1");
  CHECK(fields["watch"] == "2");
  CHECK(fields["cmd"] == "client|list");
  CHECK(fields["resp"] == "3");
  CHECK(fields["lib-name"] == "lib");
  CHECK(fields["lib-ver"] == "1.2");
}

TEST_CASE("a clock that went back gives no negative age") {
  auto fields = fields_of(client_line(Session{}, facts(), 500'000));
  CHECK(fields["age"] == "0");
  CHECK(fields["idle"] == "0");
}

}  // namespace
}  // namespace larder::server
