// ChannelRegistry: who is counted and reached; what a change of the audience is told; bounds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/pubsub/channel_registry.h"

namespace larder::server {
namespace {

class Node4 {
 public:
  void add(TopicKind kind, std::string_view name, unsigned worker) {
    std::vector<Letter> before;
    REQUIRE_FALSE(registry.add(kind, name, worker, before));
  }
  void remove(TopicKind kind, std::string_view name, unsigned worker) {
    std::vector<Letter> before;
    REQUIRE_FALSE(registry.remove(kind, name, worker, before));
  }
  // The payloads in a worker's box.
  std::vector<std::string> take(unsigned worker) {
    std::vector<Letter> messages;
    CHECK_FALSE(registry.box(worker).take(messages));
    std::vector<std::string> tails;
    for (const Letter& letter : messages) tails.emplace_back(letter.message->tail());
    return tails;
  }

  storage::KeyHasher hasher{7};
  ChannelRegistry registry{4, hasher};
};

std::string tail(const std::string& channel, const std::string& payload) {
  return "$" + std::to_string(channel.size()) + "\r\n" + channel + "\r\n$" +
         std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

constexpr auto kChannel = TopicKind::channel;
constexpr auto kPattern = TopicKind::pattern;
constexpr auto kShard = TopicKind::shard_channel;

}  // namespace

TEST_CASE("a message goes to the workers that have subscribers, and counts all of these") {
  Node4 node;
  node.add(kChannel, "c", 1);
  node.add(kChannel, "c", 1);
  node.add(kChannel, "c", 3);
  node.add(kChannel, "d", 2);
  CHECK(node.registry.publish(kChannel, "c", "x") == 3);
  CHECK(node.take(0).empty());
  CHECK(node.take(1) == std::vector{tail("c", "x")});
  CHECK(node.take(2).empty());
  CHECK(node.take(3) == std::vector{tail("c", "x")});
  node.remove(kChannel, "c", 1);
  CHECK(node.registry.publish(kChannel, "c", "y") == 2);
  node.remove(kChannel, "c", 1);
  node.take(1);
  CHECK(node.registry.publish(kChannel, "c", "z") == 1);
  CHECK_FALSE(node.registry.box(1).has_mail());
}

TEST_CASE("without an audience nothing is mailed, and the channel is forgotten") {
  Node4 node;
  CHECK(node.registry.publish(kChannel, "c", "x") == 0);
  node.add(kChannel, "c", 0);
  node.add(kPattern, "d*", 0);
  CHECK(node.registry.publish(kChannel, "e", std::string(100'000, 'x')) == 0);
  CHECK_FALSE(node.registry.box(0).has_mail());
  CHECK(node.registry.topics(kChannel) == 1);
  CHECK(node.registry.topics(kPattern) == 1);
  node.remove(kChannel, "c", 0);
  node.remove(kPattern, "d*", 0);
  CHECK(node.registry.topics(kChannel) == 0);
  CHECK(node.registry.topics(kPattern) == 0);
  CHECK(node.registry.names(kChannel, [](std::string_view) { return true; }).empty());
}

TEST_CASE("every pattern that matches counts, and the message names it") {
  Node4 node;
  for (const char* pattern : {"c*", "c?", "d*", "[bc]1"}) node.add(kPattern, pattern, 2);
  node.add(kPattern, "c*", 1);
  node.add(kShard, "c1", 2);
  CHECK(node.registry.publish(kChannel, "c1", "x") == 4);
  std::vector<Letter> messages;
  node.registry.box(2).take(messages);
  REQUIRE(messages.size() == 1);
  std::vector<std::string> patterns = messages[0].message->patterns();
  std::sort(patterns.begin(), patterns.end());
  CHECK(patterns == std::vector<std::string>{"[bc]1", "c*", "c?"});
  CHECK(node.registry.publish(kShard, "c1", "x") == 1);
  // Patterns leave in any order.
  for (const char* pattern : {"c*", "c?", "d*"}) node.remove(kPattern, pattern, 2);
  CHECK(node.registry.publish(kChannel, "c1", "x") == 2);
  CHECK(node.registry.publish(kChannel, "b1", "x") == 1);
}

TEST_CASE("a pattern that takes long hears nothing, and keeps nobody else from hearing") {
  Node4 node;
  const std::string channel(100'000, 'a');
  std::string slow;  // for each of the channel's bytes it looks at half of them
  for (int i = 0; i < 20'000; ++i) slow += "?";
  node.add(kPattern, "*" + slow + "b", 1);
  node.add(kPattern, "a*a", 2);
  node.add(kPattern, "*a", 3);
  for (int i = 0; i < 20; ++i) CHECK(node.registry.publish(kChannel, channel, "x") == 2);
  // What is long but not slow still hears.
  node.add(kPattern, channel, 1);
  CHECK(node.registry.publish(kChannel, channel, "x") == 3);
}

TEST_CASE("a change of the audience takes what was published before") {
  Node4 node;
  node.add(kChannel, "c", 0);
  node.registry.publish(kChannel, "c", "1");
  std::vector<Letter> before;
  node.registry.add(kChannel, "c", 0, before);
  REQUIRE(before.size() == 1);
  CHECK(before[0].message->tail() == tail("c", "1"));
  node.registry.publish(kChannel, "c", "2");
  node.registry.remove(kChannel, "c", 0, before);
  REQUIRE(before.size() == 2);
  CHECK(before[1].message->tail() == tail("c", "2"));
  CHECK_FALSE(node.registry.box(0).has_mail());
}

TEST_CASE("one of those who post has to wake the worker, until it looks") {
  Node4 node;
  node.add(kChannel, "c", 0);
  node.registry.publish(kChannel, "c", "1");
  CHECK(node.registry.box(0).claim_wake());
  CHECK_FALSE(node.registry.box(0).claim_wake());
  node.registry.publish(kChannel, "c", "2");
  CHECK(node.registry.box(0).claim_wake());
  node.registry.publish(kChannel, "c", "3");
  node.take(0);
  CHECK_FALSE(node.registry.box(0).claim_wake());
}

TEST_CASE("a worker that does not look into its box is told so, and holds a bounded amount") {
  Node4 node;
  node.add(kChannel, "c", 0);
  const std::string payload(1 << 20, 'x');
  const size_t congested = MessageBox::kCongestedBytes / payload.size();
  for (size_t i = 0; i < congested - 1; ++i) node.registry.publish(kChannel, "c", payload);
  CHECK_FALSE(node.registry.is_congested());
  for (int i = 0; i < 2; ++i) node.registry.publish(kChannel, "c", payload);
  CHECK(node.registry.is_congested());
  const size_t most = MessageBox::kMostBytes / payload.size();
  for (size_t i = congested; i < most + 10; ++i) node.registry.publish(kChannel, "c", payload);
  std::vector<Letter> messages;
  CHECK(node.registry.box(0).take(messages));
  CHECK(messages.size() <= most);
  CHECK(messages.size() > most - 3);
  CHECK_FALSE(node.registry.is_congested());
  CHECK_FALSE(node.registry.box(0).take(messages));
}

TEST_CASE("one message of any size finds room") {
  Node4 node;
  node.add(kChannel, "c", 0);
  const std::string payload(MessageBox::kMostBytes + 1, 'x');
  CHECK(node.registry.publish(kChannel, "c", payload) == 1);
  CHECK(node.take(0).size() == 1);
}

}  // namespace larder::server
