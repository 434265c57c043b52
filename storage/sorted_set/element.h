// Element: a member of a large sorted set with its score, in one block of memory, and the entry by
// which the order knows it.
//
//   score 8 | length (varint) | text
//
// A text of 10 bytes takes 32 with its score, one of up to 7 takes 16. Who creates one releases it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/collection/varint.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage::sorted_set {

class Element {
 public:
  Element() = delete;

  static Element* create(std::string_view text, double score) {
    char* memory = static_cast<char*>(take_memory(needed_bytes(text)));
    char* at = write_varint(text.size(), memory + sizeof score);
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    auto* element = reinterpret_cast<Element*>(memory);
    element->set_score(score);
    return element;
  }
  static void release(Element* element) { free_memory(element); }

  double score() const {
    double score;
    std::memcpy(&score, this, sizeof score);
    return score;
  }
  void set_score(double score) { std::memcpy(reinterpret_cast<char*>(this), &score, sizeof score); }
  std::string_view text() const {
    const char* at = reinterpret_cast<const char*>(this) + sizeof(double);
    const size_t length = read_varint(at);
    return {at, length};
  }
  // As the allocator rounds it.
  size_t bytes() const { return needed_bytes(text()); }

 private:
  static size_t needed_bytes(std::string_view text) {
    return round_to_class(sizeof(double) + varint_bytes(text.size()) + text.size());
  }
};
static_assert(sizeof(Element) == 1);  // no members: it is bytes of a block, never an object

struct ElementTrait {
  using Element = sorted_set::Element;
  static std::string_view text(const Element* element) { return element->text(); }
};

// The order compares scores without touching elements, as long as they differ.
struct Ranked {
  double score;
  const Element* element;
};

struct RankedOrder {
  bool operator()(const Ranked& a, const Ranked& b) const {
    if (a.score != b.score) return a.score < b.score;
    return a.element->text() < b.element->text();
  }
};

}  // namespace larder::storage::sorted_set
