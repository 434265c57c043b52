#include "storage/set/set.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace larder::storage {
namespace {

const KeyHasher kHasher(23);

class OwnedSet {
 public:
  OwnedSet() : set_(Set::create()) {}
  explicit OwnedSet(Set* set) : set_(set) {}
  ~OwnedSet() { Object::release(set_); }
  OwnedSet(const OwnedSet&) = delete;
  OwnedSet& operator=(const OwnedSet&) = delete;

  Set* operator->() { return set_; }
  Set& operator*() { return *set_; }

 private:
  Set* set_;
};

std::set<std::string> contents(const Set& set) {
  std::set<std::string> texts;
  NumberText scratch;
  set.for_each(
      [&](const Set::Member& member) { REQUIRE(texts.emplace(member.bytes(scratch)).second); });
  return texts;
}

// What the texts of a kind of test are drawn from.
std::string drawn(std::mt19937_64& random, int kind) {
  switch (kind) {
    case 0:  // integers of all widths
      return std::to_string(static_cast<int64_t>(random()) >> (random() % 64));
    case 1:  // few, small
      return std::to_string(random() % 300);
    case 2:  // short texts and numbers
      return random() % 2 == 0 ? std::to_string(random() % 100)
                               : std::string(random() % 9, static_cast<char>('a' + random() % 3));
    default:  // now and then a long one
      return std::string(random() % (random() % 50 == 0 ? 5'000 : 66),
                         static_cast<char>('a' + random() % 5));
  }
}

TEST_CASE("a set does what std::set does, in all its forms", "[set]") {
  const int kind = GENERATE(0, 1, 2, 3);
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3));
  std::mt19937_64 random(seed);
  OwnedSet set;
  std::set<std::string> model;
  for (int i = 0; i < 4'000; ++i) {
    const std::string text = drawn(random, kind);
    REQUIRE(set->contains(text) == model.contains(text));
    if (random() % 3 != 0) {
      REQUIRE(set->add(text, kHasher) == model.insert(text).second);
    } else {
      REQUIRE(set->remove(text) == (model.erase(text) == 1));
    }
    if (random() % 16 == 0 && !model.empty()) {
      std::string popped;
      set->pop(random(), [&](const Set::Member& member) {
        NumberText scratch;
        popped = member.bytes(scratch);
      });
      REQUIRE(model.erase(popped) == 1);
    }
    REQUIRE(set->size() == model.size());
    if (i % 100 == 0) set->verify();
  }
  set->verify();
  REQUIRE(contents(*set) == model);
  OwnedSet copy(set->copy());
  copy->verify();
  REQUIRE(contents(*copy) == model);
  for (const std::string& text : model) REQUIRE(set->remove(text));
  REQUIRE(set->is_empty());
  set->verify();
}

TEST_CASE("numbers are what they are written as, and nothing else", "[set]") {
  OwnedSet set;
  for (const char* text : {"1", "01", "-0", "0", "+1", "9223372036854775807", "9223372036854775808",
                           "-9223372036854775808", "", " 1"}) {
    REQUIRE(set->add(text, kHasher));
    REQUIRE(set->contains(text));
    set->verify();
  }
  REQUIRE(set->size() == 10);
  REQUIRE_FALSE(set->contains("1 "));
  REQUIRE_FALSE(set->contains("00"));
}

TEST_CASE("every member of a small set is as likely as any other", "[set]") {
  const bool is_packed = GENERATE(false, true);
  OwnedSet set;
  for (int i = 0; i < 10; ++i) {
    set->add((is_packed ? "m" : "") + std::to_string(i), kHasher);
  }
  std::mt19937_64 random(7);
  std::map<std::string, int> drawn;
  NumberText scratch;
  for (int i = 0; i < 10'000; ++i) {
    ++drawn[std::string(set->random(random()).bytes(scratch))];
  }
  REQUIRE(drawn.size() == 10);
  for (const auto& [member, times] : drawn) {
    CAPTURE(member);
    REQUIRE(times > 800);
    REQUIRE(times < 1'200);
  }
}

TEST_CASE("a scan sees what is there all the time, whatever form the set takes", "[set]") {
  OwnedSet set;
  for (int i = 0; i < 600; ++i) set->add("steady " + std::to_string(i), kHasher);
  std::set<std::string> seen;
  uint64_t position = 0;
  int round = 0;
  do {
    position = set->scan(position, [&](const Set::Member& member) { seen.emplace(member.text); });
    for (int i = 0; i < 100; ++i) {
      const std::string text = "other " + std::to_string(round % 50 * 100 + i);
      round / 50 % 2 == 0 ? set->add(text, kHasher) : set->remove(text);
    }
    ++round;
  } while (position != 0);
  for (int i = 0; i < 600; ++i) REQUIRE(seen.contains("steady " + std::to_string(i)));
}

TEST_CASE("a large set is freed in slices", "[set]") {
  Object* set = Set::create();
  for (int i = 0; i < 5'000; ++i) set->as<Set>().add("m" + std::to_string(i), kHasher);
  REQUIRE(set->parts() > 5'000);
  int slices = 0;
  while (set != nullptr) {
    REQUIRE(Object::release_slice(set, 100) <= 250);
    ++slices;
  }
  REQUIRE(slices >= 20);
}

TEST_CASE("what sets take", "[set]") {
  OwnedSet small;
  for (int i = 0; i < 10; ++i) small->add(std::to_string(1'000 + i), kHasher);
  REQUIRE(small->bytes() <= 16 + 32);  // two bytes an integer, and a header
  OwnedSet texts;
  for (int i = 0; i < 100; ++i) texts->add("member " + std::to_string(i), kHasher);
  REQUIRE(texts->bytes() <= 100 * 14);
  OwnedSet large;
  for (int i = 0; i < 100'000; ++i) large->add("member " + std::to_string(100'000 + i), kHasher);
  REQUIRE(large->bytes() <= 100'000 * 28);  // 16 for the text, and what finds it
}

}  // namespace
}  // namespace larder::storage
