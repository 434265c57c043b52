// glob_match against a slow matcher that follows the grammar.
//
// Input: one byte (odd: letters in any case), the pattern, a 0xFE byte, the text.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "server/text/ascii.h"
#include "server/text/glob.h"

namespace {

using larder::text::GlobCase;
using larder::text::to_lower;

// One element of a pattern: any number of bytes, or one byte out of a set.
struct Element {
  bool star = false;
  std::vector<bool> bytes = std::vector<bool>(256, false);

  void add(char byte) { bytes[static_cast<unsigned char>(byte)] = true; }
  void add_letter(char byte, GlobCase letters) {
    for (int i = 0; i < 256; ++i) {
      const char other = static_cast<char>(i);
      if (other == byte || (letters == GlobCase::ignore && to_lower(other) == to_lower(byte))) {
        add(other);
      }
    }
  }
  void add_range(char first, char last, GlobCase letters) {
    const auto number = [](char byte) { return int{static_cast<signed char>(byte)}; };
    if (number(first) > number(last)) std::swap(first, last);
    for (int i = 0; i < 256; ++i) {
      const char other = static_cast<char>(i);
      const bool folds = letters == GlobCase::ignore;
      const int low = number(folds ? to_lower(first) : first);
      const int high = number(folds ? to_lower(last) : last);
      const int value = number(folds ? to_lower(other) : other);
      if (value >= low && value <= high) add(other);
    }
  }
};

std::vector<Element> parse(std::string_view pattern, GlobCase letters) {
  std::vector<Element> elements;
  while (!pattern.empty()) {
    Element element;
    const char byte = pattern.front();
    pattern.remove_prefix(1);
    if (byte == '*') {
      element.star = true;
    } else if (byte == '?') {
      element.bytes.flip();
    } else if (byte == '[') {
      const bool negated = pattern.starts_with('^');
      if (negated) pattern.remove_prefix(1);
      bool closed = false;
      while (!closed && !pattern.empty()) {
        size_t used = 1;
        if (pattern.front() == '\\' && pattern.size() > 1) {
          element.add(pattern[1]);
          used = 2;
        } else if (pattern.front() == ']') {
          closed = true;
        } else if (pattern.size() > 2 && pattern[1] == '-') {
          element.add_range(pattern[0], pattern[2], letters);
          used = 3;
        } else {
          element.add_letter(pattern[0], letters);
        }
        pattern.remove_prefix(used);
      }
      if (negated) element.bytes.flip();
    } else if (byte == '\\' && !pattern.empty()) {
      element.add_letter(pattern.front(), letters);
      pattern.remove_prefix(1);
    } else {
      element.add_letter(byte, letters);
    }
    elements.push_back(element);
  }
  return elements;
}

// Which numbers of elements can have been used up, after each byte of text.
bool slow_match(std::string_view pattern, std::string_view text, GlobCase letters) {
  if (text.empty()) return pattern.empty();
  const std::vector<Element> elements = parse(pattern, letters);
  const size_t size = elements.size();
  std::vector<bool> reached(size + 1, false);
  const auto pass_stars = [&] {
    for (size_t i = 0; i < size; ++i) {
      if (reached[i] && elements[i].star) reached[i + 1] = true;
    }
  };
  reached[0] = true;
  pass_stars();
  for (const char byte : text) {
    std::vector<bool> next(size + 1, false);
    for (size_t i = 0; i < size; ++i) {
      if (!reached[i]) continue;
      if (elements[i].star) next[i] = true;
      if (elements[i].bytes[static_cast<unsigned char>(byte)]) next[i + 1] = true;
    }
    reached = next;
    pass_stars();
  }
  return reached[size];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 512;
  if (size == 0 || size > kLongest) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const GlobCase letters = (data[0] & 1) != 0 ? GlobCase::ignore : GlobCase::exact;
  const std::string_view rest = input.substr(1);
  const size_t cut = rest.find('\xfe');
  if (cut == std::string_view::npos) return 0;
  const std::string_view pattern = rest.substr(0, cut);
  const std::string_view text = rest.substr(cut + 1);
  if (larder::text::glob_match(pattern, text, letters) != slow_match(pattern, text, letters))
    abort();
  return 0;
}
