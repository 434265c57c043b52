// CLIENT PAUSE and the locking rules: who is paused keeps nothing that others wait for.
#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "server/dispatcher.h"
#include "server/expiry_duty.h"
#include "server/node.h"

namespace larder::server {
namespace {

// One worker's part of the node, as far as requests need it.
class Asker {
 public:
  Asker(Node& node, unsigned worker) : dispatcher(node, worker, worker + 1) {
    dispatcher.environment().expiry_duty = &duty_;
    session.id = node.next_session_id();
    session.authenticated = true;
  }

  Outcome ask(std::initializer_list<std::string_view> words) {
    const std::vector<std::string_view> arguments(words);
    Request request;
    request.arguments = arguments;
    dispatcher.prepare(request, session.database);
    replies.clear();
    protocol::Reply reply(replies, session.dialect);
    return dispatcher.run(session, request, reply);
  }

  Dispatcher dispatcher;
  Session session;
  protocol::ReplyBuffer replies;

 private:
  ExpiryDuty duty_;
};

TEST_CASE("a command that is paused after it was parked lets the others go on") {
  NodeOptions options;
  options.threads = 2;
  Node node(std::move(options));
  Asker writer(node, 0);
  Asker reader(node, 1);
  REQUIRE(reader.ask({"SET", "key", "value"}) == Outcome::done);

  // Somebody works in one shard, so the flush waits, and nobody else may start.
  const unsigned taken = 7;
  REQUIRE(node.keyspace().try_lock(taken));
  REQUIRE(writer.ask({"FLUSHALL"}) == Outcome::parked);
  REQUIRE(reader.ask({"GET", "key"}) == Outcome::parked);
  node.keyspace().unlock(taken);

  for (Asker* asker : {&writer, &reader}) asker->dispatcher.set_pause(PauseMode::writes);
  REQUIRE(writer.ask({"FLUSHALL"}) == Outcome::paused);
  CHECK(reader.ask({"GET", "key"}) == Outcome::done);
  CHECK(reader.replies.view() == "$5\r\nvalue\r\n");
  CHECK(reader.ask({"DBSIZE"}) == Outcome::done);

  for (Asker* asker : {&writer, &reader}) asker->dispatcher.set_pause(PauseMode::none);
  CHECK(writer.ask({"FLUSHALL"}) == Outcome::done);
  CHECK(reader.ask({"GET", "key"}) == Outcome::done);
  CHECK(reader.replies.view() == "$-1\r\n");
}

}  // namespace
}  // namespace larder::server
