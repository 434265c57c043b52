// Messages between workers: order, completeness, what subscribing and unsubscribing see of them,
// and what becomes of a subscriber that does not read.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string message(std::string_view channel, std::string_view payload, char kind = '*') {
  return std::string(1, kind) + "3\r\n$7\r\nmessage\r\n" + bulk(channel) + bulk(payload);
}

std::string confirmation(std::string_view word, std::string_view name, int count) {
  return "*3\r\n" + bulk(word) + bulk(name) + ":" + std::to_string(count) + "\r\n";
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("subscribers of every worker hear a message, each in its dialect") {
  WorkerDesk desk(2);
  Peer& old_style = desk.connect();
  Peer& new_style = desk.connect();
  Peer& publisher = desk.connect();
  REQUIRE(old_style.worker != new_style.worker);
  desk.ask(new_style, {"HELLO", "3"});
  desk.ask(old_style, {"SUBSCRIBE", "c"});
  desk.ask(new_style, {"SUBSCRIBE", "c"});
  for (const std::string& payload : {std::string("small"), std::string(50'000, 'x')}) {
    CHECK(desk.ask(publisher, {"PUBLISH", "c", payload}) == ":2\r\n");
    CHECK(old_style.take() == message("c", payload));
    CHECK(new_style.take() == message("c", payload, '>'));
  }
}

TEST_CASE("what was published before UNSUBSCRIBE is heard before it is confirmed") {
  WorkerDesk desk(2);
  Peer& subscriber = desk.connect();
  Peer& publisher = desk.connect();
  REQUIRE(subscriber.worker != publisher.worker);
  desk.ask(subscriber, {"SUBSCRIBE", "c"});
  desk.request(publisher, {"PUBLISH", "c", "1"});
  desk.turn(publisher.worker);
  desk.request(subscriber, {"UNSUBSCRIBE", "c"});
  desk.settle();
  CHECK(publisher.take() == ":1\r\n");
  CHECK(subscriber.take() == message("c", "1") + confirmation("unsubscribe", "c", 0));
}

TEST_CASE(
    "what was published before SUBSCRIBE is heard by those who were there, and only by them") {
  WorkerDesk desk(2);
  Peer& first = desk.connect();
  Peer& publisher = desk.connect();
  Peer& second = desk.connect();
  REQUIRE(first.worker == second.worker);
  REQUIRE(first.worker != publisher.worker);
  desk.ask(first, {"SUBSCRIBE", "c"});
  desk.request(publisher, {"PUBLISH", "c", "1"});
  desk.turn(publisher.worker);
  desk.request(second, {"SUBSCRIBE", "c"});
  desk.settle();
  CHECK(first.take() == message("c", "1"));
  CHECK(second.take() == confirmation("subscribe", "c", 1));
}

TEST_CASE("a message to oneself comes after the reply, also after that of EXEC") {
  WorkerDesk desk;
  Peer& client = desk.connect();
  desk.ask(client, {"HELLO", "3"});
  desk.ask(client, {"SUBSCRIBE", "c"});
  CHECK(desk.ask(client, {"PUBLISH", "c", "x"}) == ":1\r\n" + message("c", "x", '>'));
  for (const Words& words : {Words{"MULTI"}, {"PUBLISH", "c", "1"}, {"PING"}}) {
    desk.ask(client, words);
  }
  CHECK(desk.ask(client, {"EXEC"}) == "*2\r\n:1\r\n+PONG\r\n" + message("c", "1", '>'));
}

TEST_CASE("nothing is torn when a transaction unsubscribes while messages arrive") {
  WorkerDesk desk(2);
  Peer& subscriber = desk.connect();
  Peer& publisher = desk.connect();
  desk.ask(subscriber, {"HELLO", "3"});
  desk.ask(subscriber, {"SUBSCRIBE", "c"});
  desk.ask(subscriber, {"MULTI"});
  desk.ask(subscriber, {"PING"});
  desk.ask(subscriber, {"UNSUBSCRIBE", "c"});
  // Mail that lies in the box when EXEC runs, but not when the turn begins.
  desk.request(subscriber, {"EXEC"});
  desk.request(publisher, {"PUBLISH", "c", "x"});
  desk.settle();
  const std::string heard = subscriber.take();
  CHECK(heard.find("*2\r\n+PONG\r\n>3\r\n$11\r\nunsubscribe\r\n") != std::string::npos);
  CHECK(publisher.take() == (count_of(heard, "message") == 1 ? ":1\r\n" : ":0\r\n"));
}

TEST_CASE("a thousand subscribers hear every message once") {
  WorkerDesk desk(2);
  std::vector<Peer*> subscribers;
  for (int i = 0; i < 1000; ++i) subscribers.push_back(&desk.arrive());
  desk.settle();
  for (Peer* subscriber : subscribers) desk.request(*subscriber, {"SUBSCRIBE", "room"});
  desk.settle();
  for (Peer* subscriber : subscribers) subscriber->take();
  Peer& publisher = desk.connect();
  std::string expected;
  for (const char* payload : {"1", "2", "3"}) {
    CHECK(desk.ask(publisher, {"PUBLISH", "room", payload}) == ":1000\r\n");
    expected += message("room", payload);
  }
  CHECK(std::all_of(subscribers.begin(), subscribers.end(),
                    [&](Peer* subscriber) { return subscriber->take() == expected; }));
}

TEST_CASE("a subscriber that does not read is closed at the limit of its class, nobody else") {
  config::Config config;
  config.output_buffer_limits[static_cast<size_t>(config::ClientClass::pubsub)] = {1 << 20, 0, 0};
  WorkerDesk desk(2, config);
  Peer& deaf = desk.connect();
  Peer& far = desk.connect();
  Peer& near = desk.connect();
  Peer& normal = desk.connect();
  REQUIRE(deaf.worker == near.worker);
  for (Peer* peer : {&deaf, &far, &near}) desk.ask(*peer, {"SUBSCRIBE", "c"});
  deaf.reads = false;
  const std::string payload(100'000, 'x');
  int sent = 0;
  for (; sent < 100 && !deaf.is_closed; ++sent) {
    desk.ask(normal, {"PUBLISH", "c", payload});
    CHECK(count_of(far.take(), "message") == 1);
    CHECK(count_of(near.take(), "message") == 1);
  }
  CHECK(deaf.is_closed);
  CHECK(sent < 20);
  CHECK(desk.stats(deaf.worker).output_limit_disconnections == 1);
  CHECK(desk.ask(normal, {"PUBLISH", "c", "x"}) == ":2\r\n");
  // A client without subscriptions has no limit: it just waits.
  desk.ask(normal, {"SET", "k", payload});
  normal.reads = false;
  for (int i = 0; i < 30; ++i) desk.request(normal, {"GET", "k"});
  desk.settle();
  CHECK_FALSE(normal.is_closed);
}

TEST_CASE("who outgrows the limit of one class within a command hears nothing that is torn") {
  config::Config config;
  config.output_buffer_limits[static_cast<size_t>(config::ClientClass::normal)] = {100'000, 0, 0};
  config.output_buffer_limits[static_cast<size_t>(config::ClientClass::pubsub)] = {10 << 20, 0, 0};
  WorkerDesk desk(1, config);
  Peer& client = desk.connect();
  desk.ask(client, {"SET", "k", std::string(10'000, 'x')});
  desk.ask(client, {"MULTI"});
  desk.ask(client, {"SUBSCRIBE", "c"});
  for (int i = 0; i < 30; ++i) desk.ask(client, {"GET", "k"});
  CHECK(desk.ask(client, {"EXEC"}) == "");
  CHECK(client.is_closed);
  CHECK(desk.stats(0).output_limit_disconnections == 1);
}

TEST_CASE("a transaction, watched keys and subscriptions count as the client's memory") {
  WorkerDesk desk(1);
  Peer& client = desk.connect();
  Peer& other = desk.connect();
  const auto bytes_shown = [&] {
    const std::string info = desk.ask(other, {"INFO", "memory"});
    const std::string name = "mem_clients_normal:";
    return std::stoll(info.substr(info.find(name) + name.size()));
  };
  const std::string name(100'000, 'n');
  int64_t before = bytes_shown();
  for (const Words& words : {Words{"WATCH", name}, {"SUBSCRIBE", name}}) {
    desk.ask(client, words);
    CHECK(bytes_shown() > before + 80'000);
    before = bytes_shown();
    desk.ask(client, {"RESET"});
    CHECK(bytes_shown() < before - 80'000);
    before = bytes_shown();
  }
  desk.ask(client, {"MULTI"});
  desk.ask(client, {"GET", name});
  CHECK(bytes_shown() > before + 80'000);
}

TEST_CASE("what a client's subscriptions take is counted, bounded, and given back") {
  config::Config config;
  config.query_buffer_limit_bytes = 1 << 20;
  WorkerDesk desk(1, config);
  Peer& client = desk.connect();
  Words words{"SUBSCRIBE"};
  for (int i = 0; i < 10'000; ++i) words.push_back("channel" + std::to_string(i));
  desk.ask(client, {"HELLO", "3"});
  const std::string answer = desk.ask(client, words);
  const std::string refusal = "-ERR subscriptions exceed client-query-buffer-limit\r\n";
  CHECK(answer.ends_with(refusal));
  const size_t subscribed = count_of(answer, "$9\r\nsubscribe");
  CHECK(subscribed > 1000);
  CHECK(subscribed < 5000);
  CHECK(desk.ask(client, {"PSUBSCRIBE", "p*"}) == refusal);
  Peer& other = desk.connect();
  const auto bytes_shown = [&] {
    const std::string info = desk.ask(other, {"INFO", "memory"});
    const std::string name = "mem_client_subscriptions:";
    return std::stoull(info.substr(info.find(name) + name.size()));
  };
  CHECK(bytes_shown() > (1 << 20) - 1000);
  CHECK(bytes_shown() <= (1 << 20));
  desk.ask(client, {"UNSUBSCRIBE"});
  CHECK(bytes_shown() == 0);
  CHECK(desk.node().channels().topics(TopicKind::channel) == 0);
}

TEST_CASE("channels are not listed by a pattern that takes too long") {
  WorkerDesk desk(1);
  Peer& subscriber = desk.connect();
  Peer& client = desk.connect();
  desk.ask(subscriber, {"SUBSCRIBE", std::string(200'000, 'a')});
  const std::string refusal = "-ERR the pattern takes too long to match\r\n";
  const std::string pattern = "*" + std::string(100'000, '?') + "b";
  CHECK(desk.ask(client, {"PUBSUB", "CHANNELS", pattern}) == refusal);
  CHECK(desk.ask(client, {"PUBSUB", "CHANNELS", "b*"}) == "*0\r\n");
}

TEST_CASE("an idle subscriber is not closed, and a closed one is not counted") {
  config::Config config;
  config.timeout_seconds = 10;
  WorkerDesk desk(1, config);
  Peer& subscriber = desk.connect();
  Peer& idle = desk.connect();
  desk.ask(subscriber, {"SUBSCRIBE", "c"});
  desk.advance_ms(60'000);
  desk.settle();
  CHECK(idle.is_closed);
  CHECK_FALSE(subscriber.is_closed);
  subscriber.end = -ECONNRESET;
  desk.settle();
  CHECK(desk.node().channels().topics(TopicKind::channel) == 0);
}

}  // namespace larder::server
