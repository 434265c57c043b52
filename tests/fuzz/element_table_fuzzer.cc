// An ElementTable against a std::set, the operations taken from the input.
//
// Input: operations of three bytes: what, and a number below 65536 that says where or how many;
// missing bytes are 0. Numbers of elements run from none to some ten thousand.
#include "storage/collection/element_table.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>

namespace {

using larder::storage::ElementTable;
using larder::storage::KeyHasher;

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

struct alignas(16) Element {
  std::string text;
};
struct Trait {
  using Element = ::Element;
  static std::string_view text(const Element* element) { return element->text; }
};
using Table = ElementTable<Trait>;

std::string text_of(size_t number) {
  return std::string(number % 40, 'x') + std::to_string(number);
}

class Run {
 public:
  Run() : hasher_(5), table_(hasher_) {}
  ~Run() {
    while (table_.segments() > 0) {
      table_.release_slice(1'000, [](Element* element) { delete element; });
    }
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void operate(uint8_t what, size_t number) {
    switch (what % 8) {
      case 0:
        return insert(number, 1);
      case 1:
        return insert(number, number % 2'000);
      case 2:
        return erase(number, 1);
      case 3:
        return erase(number, number % 2'000);
      case 4:
        return replace(number);
      case 5:
        return look(number);
      case 6:
        return scan();
      default:
        return erase_random(number);
    }
  }
  void finish() {
    table_.verify();
    require(table_.size() == model_.size(), "the sizes differ");
    while (!steady_.empty()) scan();
    table_.for_each([&](const Element* element) {
      require(model_.erase(element->text) == 1, "an element should not be here");
    });
    require(model_.empty(), "an element is missing");
  }

 private:
  void insert(size_t number, size_t count) {
    for (; count > 0; --count, ++number) {
      const std::string text = text_of(number);
      if (!model_.insert(text).second) continue;
      table_.insert(new Element{text}, table_.hash(text));
    }
  }
  void erase(size_t number, size_t count) {
    for (; count > 0; --count, ++number) {
      const std::string text = text_of(number);
      const Table::Place place = table_.find(text);
      require(bool{place} == (model_.erase(text) == 1),
              "an element is found exactly if it is there");
      if (!place) continue;
      steady_.erase(text);
      delete table_.erase(place);
    }
  }
  void replace(size_t number) {
    const std::string text = text_of(number);
    const Table::Place place = table_.find(text);
    if (!place) return;
    Element* old = place.element();
    table_.replace(place, new Element{text});
    delete old;
  }
  void look(size_t number) {
    const std::string text = text_of(number);
    require(bool{table_.find(text)} == model_.contains(text), "looking for an element differs");
  }
  void erase_random(size_t random) {
    if (model_.empty()) return;
    Element* gone = table_.erase(table_.random(random));
    require(model_.erase(gone->text) == 1, "a random element is one of them");
    steady_.erase(gone->text);
    delete gone;
  }
  // A step of an iteration; at its beginning all elements are to be seen unless they go.
  void scan() {
    if (position_ == 0) steady_ = model_;
    position_ = table_.scan(position_, [&](const Element* element) {
      require(model_.contains(element->text), "what is visited is there");
      steady_.erase(element->text);
    });
    if (position_ == 0) require(steady_.empty(), "an element was not visited");
  }

  KeyHasher hasher_;
  Table table_;
  std::set<std::string> model_;
  std::set<std::string> steady_;  // still to be visited
  uint64_t position_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 150;
  if (size > kLongest) return 0;
  const auto byte = [&](size_t at) { return at < size ? size_t{data[at]} : size_t{0}; };
  Run run;
  for (size_t at = 0; at < size; at += 3) {
    run.operate(data[at], byte(at + 1) << 8 | byte(at + 2));
  }
  run.finish();
  return 0;
}
