#include "storage/sorted_set/sorted_set.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>

#include "tests/support/sorted_set_model.h"

namespace larder::storage {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const KeyHasher& hasher() {
  static const KeyHasher hasher(17);
  return hasher;
}

class OwnedSet {
 public:
  OwnedSet() : set_(SortedSet::create()) {}
  ~OwnedSet() { Object::release(set_); }
  OwnedSet(const OwnedSet&) = delete;
  OwnedSet& operator=(const OwnedSet&) = delete;

  SortedSet* operator->() { return set_; }

 private:
  SortedSet* set_;
};

void require_that(bool holds, const char* message) {
  INFO(message);
  REQUIRE(holds);
}

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t count) { return random_() % count; }
  double score() {
    switch (below(8)) {
      case 0:
        return static_cast<double>(below(10));
      case 1:
        return static_cast<double>(below(1'000'000)) - 500'000;
      case 2:
        return static_cast<double>(random_()) * 1e-9;
      case 3: {
        constexpr double kSpecial[] = {0.0, -0.0,  kInfinity, -kInfinity,
                                       0.1, 1e300, 5e-324,    0x1p53};
        return kSpecial[below(8)];
      }
      default:
        return static_cast<double>(below(50));
    }
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("a sorted set does what a slow one does") {
  for (const uint64_t members : {20u, 200u, 5'000u}) {
    for (const size_t longest : {8u, 80u}) {
      const uint64_t seed = members + longest;
      INFO("members " << members << " longest " << longest);
      Random random(seed);
      support::SortedSetPair pair(require_that);
      const auto text = [&] {
        const uint64_t choice = random.below(members);
        if (choice % 3 == 0) return std::to_string(choice);
        return std::string(choice % longest, 'x') + "m" + std::to_string(choice);
      };
      for (int i = 0; i < 6'000; ++i) {
        switch (random.below(9)) {
          case 0:
          case 1:
          case 2:
          case 3:
          case 4:
            pair.put(text(), random.score());
            break;
          case 5:
            pair.erase(text());
            break;
          case 6:
            pair.look(random.score());
            break;
          case 7:
            if (pair.size() > 0 && random.below(30) == 0) {
              const size_t rank = random.below(pair.size());
              pair.erase_range(rank, random.below(pair.size() - rank + 1));
            }
            break;
          default:
            if (random.below(200) == 0) pair.copy();
        }
        if (i % 300 == 0) pair.compare();
      }
      pair.compare();
    }
  }
}

TEST_CASE("scores are kept exactly, packed or not") {
  const double scores[] = {0.0,
                           -0.0,
                           0.1,
                           -1.5,
                           1e-7,
                           1e20,
                           123456789.123,
                           kInfinity,
                           -kInfinity,
                           5e-324,
                           1.7976931348623157e308,
                           0x1p53,
                           0x1p63,
                           -0x1p53,
                           4095,
                           -4096,
                           65536};
  for (const bool is_large : {false, true}) {
    OwnedSet set;
    if (is_large) set->add(std::string(100, 'x'), 0, hasher());
    for (size_t i = 0; i < std::size(scores); ++i) {
      REQUIRE(set->add("member " + std::to_string(i), scores[i], hasher()));
    }
    for (size_t i = 0; i < std::size(scores); ++i) {
      const double score = set->find("member " + std::to_string(i)).score();
      CHECK(score == scores[i]);
      // The sign of zero is kept by large ones only.
      CHECK((is_large && std::signbit(scores[i])) == (is_large && std::signbit(score)));
    }
    set->verify();
  }
}

TEST_CASE("of equal scores the bytes decide, as unsigned ones, and integers are texts") {
  OwnedSet set;
  for (const char* text : {"b", "10", "9", "\xff", "a", "", "100"}) {
    set->add(text, 1, hasher());
  }
  std::string order;
  NumberText scratch;
  for (auto at = set->at(0); at; at.next()) order += std::string(at.member().bytes(scratch)) + ",";
  CHECK(order == ",10,100,9,a,b,\xff,");
}

TEST_CASE("a sorted set takes little memory") {
  OwnedSet set;
  SECTION("of few members, much less than their number would suggest") {
    for (int i = 0; i < 10; ++i) set->add("member:" + std::to_string(i), i, hasher());
    CHECK(set->bytes() <= 16 + 160);
  }
  SECTION("of many, six tenths of what a skip list and a table need") {
    // redis-server 7.0.15 takes 104 bytes for each of these.
    constexpr size_t kMembers = 100'000;
    Random random(3);
    for (size_t i = 0; i < kMembers; ++i) {
      set->add("mem:" + std::to_string(100'000 + i), static_cast<double>(random.below(1 << 30)),
               hasher());
    }
    CHECK(set->bytes() < 66 * kMembers);
    while (set->size() > 100) set->erase_range(50, std::min<size_t>(1000, set->size() - 100));
    set->verify();
    CHECK(set->bytes() < 100 * 150);
  }
}

TEST_CASE("every member of a sorted set is found by scanning and by chance") {
  for (const size_t members : {50u, 2'000u}) {
    OwnedSet set;
    for (size_t i = 0; i < members; ++i) {
      set->add("m" + std::to_string(i), static_cast<double>(i), hasher());
    }
    std::set<std::string> scanned;
    std::set<std::string> drawn;
    uint64_t position = 0;
    NumberText scratch;
    do {
      position = set->scan(position, [&](const SortedSet::Member& member) {
        CHECK(std::string(member.bytes(scratch)) ==
              "m" + std::to_string(static_cast<size_t>(member.score)));
        scanned.emplace(member.bytes(scratch));
      });
    } while (position != 0);
    CHECK(scanned.size() == members);
    std::mt19937_64 random(1);
    for (size_t i = 0; i < 20 * members; ++i) {
      drawn.emplace(set->random(random()).bytes(scratch));
    }
    CHECK(drawn.size() == members);
  }
}

TEST_CASE("a sorted set is freed in slices") {
  SortedSet* set = SortedSet::create();
  for (int i = 0; i < 50'000; ++i) set->add("member " + std::to_string(i), i, hasher());
  const size_t parts = set->parts();
  CHECK(parts > 50'000);
  Object* object = set;
  size_t slices = 0;
  while (object != nullptr) {
    CHECK(Object::release_slice(object, 200) <= 300);
    ++slices;
  }
  CHECK(slices >= parts / 300);
}

}  // namespace larder::storage
