// A hash against std::map, the operations taken from the input.
//
// Input: operations of four bytes: what, how many, which field, and which value or time; missing
// bytes are 0. Values are integers, short texts, and now and then long ones.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "storage/hash/hash_object.h"

namespace {

using larder::storage::HashObject;
using larder::storage::KeyHasher;
using larder::storage::kNoDeadline;
using larder::storage::NumberText;
using larder::storage::Object;

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

std::string name_of(unsigned choice) {
  return choice % 5 == 0 ? std::to_string(choice) : "field" + std::to_string(choice);
}
std::string value_of(unsigned choice) {
  if (choice % 4 == 0) return std::to_string(int64_t{choice} << (choice % 50));
  return std::string(choice % 64 == 1 ? 70 : choice % 20, static_cast<char>('a' + choice % 7));
}

struct Expected {
  std::string value;
  int64_t deadline_ms;

  bool is_due(int64_t now_ms) const { return deadline_ms != kNoDeadline && deadline_ms <= now_ms; }
};

class Run {
 public:
  Run() : hasher_(9), hash_(HashObject::create()) {}
  ~Run() { Object::release(hash_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void operate(uint8_t what, uint8_t count, uint8_t which, uint8_t detail) {
    switch (what % 8) {
      case 0:
        return set(which, 1, detail, kNoDeadline);
      case 1:
        return set(which, 4u * count, detail, kNoDeadline);
      case 2:
        return set(which, count, detail, 1 + detail);
      case 3:
        return remove(which, count);
      case 4:
        return set_deadline(which, detail % 3 == 0 ? kNoDeadline : 1 + detail);
      case 5:
        return take_due(detail, count);
      case 6:
        return look(which, detail);
      default:
        return copy(count);
    }
  }
  void finish() {
    hash_->verify();
    compare(*hash_);
  }

 private:
  void set(unsigned which, unsigned count, unsigned detail, int64_t deadline_ms) {
    for (; count > 0; --count, ++which) {
      const Expected field{value_of(detail + which), deadline_ms};
      hash_->set(name_of(which), field.value, field.deadline_ms, hasher_);
      model_[name_of(which)] = field;
    }
  }
  void remove(unsigned which, unsigned count) {
    for (; count > 0; --count, ++which) {
      const std::string name = name_of(which);
      require(hash_->remove(name) == (model_.erase(name) == 1), "removing differs");
    }
  }
  void set_deadline(unsigned which, int64_t deadline_ms) {
    const auto field = model_.find(name_of(which));
    if (field == model_.end()) return;
    field->second.deadline_ms = deadline_ms;
    hash_->set_deadline(field->first, deadline_ms);
  }
  void take_due(int64_t now_ms, size_t most) {
    const size_t due = hash_->due_count(now_ms);
    size_t taken = hash_->take_due(now_ms, most, [&](std::string_view name) {
      const auto field = model_.find(std::string(name));
      require(field != model_.end() && field->second.is_due(now_ms), "only what is due goes");
      model_.erase(field);
    });
    require(taken == std::min(due, most), "as many go as are due");
  }
  void look(unsigned which, int64_t now_ms) {
    const auto expected = model_.find(name_of(which));
    const auto found = hash_->find(name_of(which), now_ms);
    const bool is_there = expected != model_.end() && !expected->second.is_due(now_ms);
    require(found.has_value() == is_there, "looking differs");
  }
  void copy(size_t slice) {
    HashObject* copied = hash_->copy();
    copied->verify();
    compare(*copied);
    Object* old = hash_;
    hash_ = copied;
    while (old != nullptr) Object::release_slice(old, slice + 1);
  }

  void compare(const HashObject& hash) const {
    require(hash.size() == model_.size(), "the sizes differ");
    size_t count = 0;
    int64_t earliest = HashObject::kNever;
    hash.for_each([&](const HashObject::Field& field) {
      NumberText name;
      NumberText value;
      const auto expected = model_.find(std::string(field.name.bytes(name)));
      require(expected != model_.end(), "a field should not be here");
      require(field.value.bytes(value) == expected->second.value, "a value differs");
      require(field.deadline_ms == expected->second.deadline_ms, "a deadline differs");
      if (field.deadline_ms != kNoDeadline) earliest = std::min(earliest, field.deadline_ms);
      ++count;
    });
    require(count == model_.size(), "a field is missing");
    require(hash.earliest_deadline_ms() == earliest, "the earliest deadline differs");
  }

  KeyHasher hasher_;
  HashObject* hash_;
  std::map<std::string, Expected> model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 200;
  if (size > kLongest) return 0;
  const auto byte = [&](size_t at) { return at < size ? data[at] : uint8_t{0}; };
  Run run;
  for (size_t at = 0; at < size; at += 4) {
    run.operate(data[at], byte(at + 1), byte(at + 2), byte(at + 3));
  }
  run.finish();
  return 0;
}
