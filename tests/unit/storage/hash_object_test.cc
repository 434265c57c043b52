#include "storage/hash/hash_object.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace larder::storage {
namespace {

const KeyHasher kHasher(31);

class OwnedHash {
 public:
  OwnedHash() : hash_(HashObject::create()) {}
  explicit OwnedHash(HashObject* hash) : hash_(hash) {}
  ~OwnedHash() { Object::release(hash_); }
  OwnedHash(const OwnedHash&) = delete;
  OwnedHash& operator=(const OwnedHash&) = delete;

  HashObject* operator->() { return hash_; }
  HashObject& operator*() { return *hash_; }

 private:
  HashObject* hash_;
};

struct Expected {
  std::string value;
  int64_t deadline_ms = kNoDeadline;
  bool operator==(const Expected&) const = default;
};
using Model = std::map<std::string, Expected>;

Model contents(const HashObject& hash) {
  Model fields;
  hash.for_each([&](const HashObject::Field& field) {
    NumberText name;
    NumberText value;
    const bool is_new =
        fields
            .emplace(field.name.bytes(name),
                     Expected{std::string(field.value.bytes(value)), field.deadline_ms})
            .second;
    REQUIRE(is_new);
  });
  return fields;
}

size_t due_in(const Model& model, int64_t now_ms) {
  return static_cast<size_t>(std::count_if(model.begin(), model.end(), [&](const auto& field) {
    return field.second.deadline_ms != kNoDeadline && field.second.deadline_ms <= now_ms;
  }));
}

// A hash and a map that get the same operations.
class Pair {
 public:
  Pair(uint64_t seed, size_t names, size_t longest, bool has_deadlines)
      : random_(seed), names_(names), longest_(longest), has_deadlines_(has_deadlines) {}

  void operate() {
    const std::string name = some_name();
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const Expected field{some_value(), some_deadline()};
        hash_->set(name, field.value, field.deadline_ms, kHasher);
        model_[name] = field;
        break;
      }
      case 4:
        REQUIRE(hash_->remove(name) == (model_.erase(name) == 1));
        break;
      case 5:
        if (!model_.contains(name)) break;
        model_[name].deadline_ms = some_deadline();
        hash_->set_deadline(name, model_[name].deadline_ms);
        break;
      case 6:
        if (random_() % 20 == 0) take_due();
        break;
      default:
        look(name);
    }
    REQUIRE(hash_->size() == model_.size());
  }

  void compare() {
    hash_->verify();
    REQUIRE(contents(*hash_) == model_);
    OwnedHash copy(hash_->copy());
    copy->verify();
    REQUIRE(contents(*copy) == model_);
    int64_t earliest = HashObject::kNever;
    for (const auto& [name, field] : model_) {
      if (field.deadline_ms != kNoDeadline) earliest = std::min(earliest, field.deadline_ms);
    }
    REQUIRE(hash_->earliest_deadline_ms() == earliest);
    REQUIRE(hash_->has_deadlines() == (earliest != HashObject::kNever));
  }

 private:
  std::string some_name() {
    const uint64_t number = random_() % names_;
    return number % 3 == 0 ? std::to_string(number) : "field " + std::to_string(number);
  }
  std::string some_value() {
    return random_() % 3 == 0 ? std::to_string(random_() % 100'000)
                              : std::string(random_() % longest_, 'v');
  }
  int64_t some_deadline() {
    if (!has_deadlines_ || random_() % 2 == 0) return kNoDeadline;
    return static_cast<int64_t>(1'000 + random_() % 1'000);
  }
  void look(const std::string& name) {
    const auto now = static_cast<int64_t>(900 + random_() % 1'200);
    const auto expected = model_.find(name);
    const auto found = hash_->find(name, now);
    const bool is_there =
        expected != model_.end() &&
        (expected->second.deadline_ms == kNoDeadline || expected->second.deadline_ms > now);
    REQUIRE(found.has_value() == is_there);
    NumberText scratch;
    if (found) REQUIRE(found->value.bytes(scratch) == expected->second.value);
    REQUIRE(hash_->due_count(now) == due_in(model_, now));
  }
  void take_due() {
    const auto now = static_cast<int64_t>(900 + random_() % 300);
    const size_t due = due_in(model_, now);
    const size_t most = 1 + random_() % 20;
    const size_t taken = hash_->take_due(now, most, [&](std::string_view name) {
      const auto gone = model_.find(std::string(name));
      REQUIRE(gone != model_.end());
      REQUIRE(gone->second.deadline_ms <= now);
      model_.erase(gone);
    });
    REQUIRE(taken == std::min(most, due));
  }

  std::mt19937_64 random_;
  size_t names_;
  size_t longest_;
  bool has_deadlines_;
  OwnedHash hash_;
  Model model_;
};

TEST_CASE("a hash does what a map does, in all its forms", "[hash]") {
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3));
  const bool has_deadlines = GENERATE(false, true);
  const size_t names = GENERATE(20, 400, 3'000);
  const size_t longest = GENERATE(20, 90, 3'000);
  Pair pair(seed, names, longest, has_deadlines);
  for (int i = 0; i < 3'000; ++i) {
    pair.operate();
    if (i % 500 == 0) pair.compare();
  }
  pair.compare();
}

TEST_CASE("a large hash is freed in slices", "[hash]") {
  Object* hash = HashObject::create();
  for (int i = 0; i < 5'000; ++i) {
    const int64_t deadline = i % 2 == 0 ? 1'000 + i : kNoDeadline;
    hash->as<HashObject>().set("f" + std::to_string(i), "v", deadline, kHasher);
  }
  REQUIRE(hash->parts() > 5'000);
  int slices = 0;
  while (hash != nullptr) {
    REQUIRE(Object::release_slice(hash, 100) <= 300);
    ++slices;
  }
  REQUIRE(slices >= 20);
}

TEST_CASE("a scan of a hash sees what is there all the time", "[hash]") {
  OwnedHash hash;
  for (int i = 0; i < 1'000; ++i) {
    hash->set("steady " + std::to_string(i), "v", kNoDeadline, kHasher);
  }
  std::set<std::string> seen;
  uint64_t position = 0;
  int round = 0;
  do {
    position = hash->scan(position,
                          [&](const HashObject::Field& field) { seen.emplace(field.name.text); });
    for (int i = 0; i < 100; ++i) {
      const std::string name = "other " + std::to_string(round % 50 * 100 + i);
      if (round / 50 % 2 == 0) {
        hash->set(name, "v", kNoDeadline, kHasher);
      } else {
        hash->remove(name);
      }
    }
    ++round;
  } while (position != 0);
  for (int i = 0; i < 1'000; ++i) REQUIRE(seen.contains("steady " + std::to_string(i)));
}

TEST_CASE("what hashes take", "[hash]") {
  OwnedHash small;
  for (int i = 0; i < 100; ++i) {
    small->set("field" + std::to_string(i), "value" + std::to_string(i), kNoDeadline, kHasher);
  }
  REQUIRE(small->bytes() <= 100 * 24);  // a listpack's entries, and room to grow
  OwnedHash large;
  for (int i = 0; i < 50'000; ++i) {
    const std::string number = std::to_string(10'000 + i);
    large->set("field" + number, "value" + number, kNoDeadline, kHasher);
  }
  REQUIRE(large->bytes() <= 50'000 * 44);  // 32 for field and value, and what finds them
}

}  // namespace
}  // namespace larder::storage
