// A set against std::set, the operations taken from the input.
//
// Input: operations of three bytes: what, how many, and which member; missing bytes are 0. Members
// are integers of all widths, short texts, and now and then long ones.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

#include "storage/set/set.h"

namespace {

using larder::storage::KeyHasher;
using larder::storage::NumberText;
using larder::storage::Object;
using larder::storage::Set;

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

std::string member_of(unsigned choice) {
  switch (choice >> 6 & 3) {
    case 0:
    case 1:
      return std::to_string((int64_t{choice} - 64) << (choice % 3 == 0 ? 0 : choice % 56));
    case 2:
      return "m" + std::to_string(choice);
    default:
      return std::string(choice % 80, static_cast<char>('a' + choice % 5)) + std::to_string(choice);
  }
}

class Run {
 public:
  Run() : hasher_(9), set_(Set::create()) {}
  ~Run() { Object::release(set_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void operate(uint8_t what, uint8_t count, uint8_t which) {
    switch (what % 8) {
      case 0:
      case 1:
        return add(which, what % 8 == 0 ? 1 : count);
      case 2:
        return remove(which, count);
      case 3:
        return pop(count, which);
      case 4:
        return look(which);
      case 5:
        return copy();
      case 6:
        // Enough integers for the next form.
        for (unsigned i = 0; i < 3u * count; ++i) add_text(std::to_string(i + which));
        return;
      default:
        return release_slices(count);
    }
  }
  void finish() {
    set_->verify();
    compare(*set_);
  }

 private:
  void add_text(const std::string& text) {
    require(set_->add(text, hasher_) == model_.insert(text).second, "adding differs");
  }
  void add(unsigned which, unsigned count) {
    for (; count > 0; --count) add_text(member_of(which++));
  }
  void remove(unsigned which, unsigned count) {
    for (; count > 0; --count) {
      const std::string text = member_of(which++);
      require(set_->remove(text) == (model_.erase(text) == 1), "removing differs");
    }
  }
  void pop(unsigned count, uint64_t random) {
    for (; count > 0 && !model_.empty(); --count) {
      NumberText scratch;
      const uint64_t bits = (random + count) * 0x9e3779b97f4a7c15;
      require(model_.contains(std::string(set_->random(bits).bytes(scratch))), "one of them");
      set_->pop(bits, [&](const Set::Member& member) {
        require(model_.erase(std::string(member.bytes(scratch))) == 1, "popping differs");
      });
    }
  }
  void look(unsigned which) {
    const std::string text = member_of(which);
    require(set_->contains(text) == model_.contains(text), "looking differs");
  }
  void copy() {
    Set* copied = set_->copy();
    copied->verify();
    compare(*copied);
    Object::release(set_);
    set_ = copied;
  }
  void release_slices(size_t slice) {
    Object* copied = set_->copy();
    while (copied != nullptr) Object::release_slice(copied, slice + 1);
  }

  void compare(const Set& set) const {
    require(set.size() == model_.size(), "the sizes differ");
    size_t count = 0;
    set.for_each([&](const Set::Member& member) {
      NumberText scratch;
      require(model_.contains(std::string(member.bytes(scratch))), "a member should not be here");
      ++count;
    });
    require(count == model_.size(), "a member is missing");
  }

  KeyHasher hasher_;
  Set* set_;
  std::set<std::string> model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 240;
  if (size > kLongest) return 0;
  Run run;
  for (size_t at = 0; at < size; at += 3) {
    run.operate(data[at], at + 1 < size ? data[at + 1] : uint8_t{0},
                at + 2 < size ? data[at + 2] : uint8_t{0});
  }
  run.finish();
  return 0;
}
