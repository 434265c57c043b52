#include "storage/collection/element_table.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace larder::storage {
namespace {

struct alignas(16) Element {
  std::string text;
  int version = 0;
};
struct Trait {
  using Element = larder::storage::Element;
  static std::string_view text(const Element* element) { return element->text; }
};
using Table = ElementTable<Trait>;

class OwnedTable {
 public:
  OwnedTable() : table_(hasher()) {}
  ~OwnedTable() { release(SIZE_MAX); }
  OwnedTable(const OwnedTable&) = delete;
  OwnedTable& operator=(const OwnedTable&) = delete;

  Table* operator->() { return &table_; }
  Table& operator*() { return table_; }

  void insert(const std::string& text) {
    auto element = std::make_unique<Element>();
    element->text = text;
    table_.insert(element.release(), table_.hash(text));
  }
  bool contains(const std::string& text) const { return bool{table_.find(text)}; }
  void erase(const std::string& text) {
    const std::unique_ptr<Element> gone(table_.erase(table_.find(text)));
    REQUIRE(gone->text == text);
  }
  size_t release(size_t most) {
    return table_.release_slice(most, [](Element* element) { delete element; });
  }

 private:
  static const KeyHasher& hasher() {
    static const KeyHasher hasher(17);
    return hasher;
  }
  Table table_;
};

std::string text_of(size_t number) {
  return "element " + std::to_string(number);
}

std::set<std::string> contents(const Table& table) {
  std::set<std::string> texts;
  table.for_each([&](const Element* element) { REQUIRE(texts.insert(element->text).second); });
  return texts;
}

TEST_CASE("a table does what a set of texts does", "[element_table]") {
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3));
  std::mt19937_64 random(seed);
  OwnedTable table;
  std::set<std::string> model;
  size_t aim = 0;
  for (int i = 0; i < 20'000; ++i) {
    // It grows and shrinks in turns, beyond a page.
    if (i % 5'000 == 0) aim = i % 10'000 == 0 ? 30'000 : 10;
    const std::string text = text_of(random() % (2 * aim));
    const bool inserts = random() % 4 != 0;
    REQUIRE(table.contains(text) == model.contains(text));
    if (inserts && model.insert(text).second) table.insert(text);
    if (!inserts && model.erase(text) == 1) table.erase(text);
    while (aim == 10 && model.size() > 10 && random() % 8 != 0) {
      const std::string first = *model.begin();
      model.erase(first);
      table.erase(first);
    }
    REQUIRE(table->size() == model.size());
    if (i % 1'000 == 0) table->verify();
  }
  table->verify();
  REQUIRE(contents(*table) == model);
}

TEST_CASE("a table of many segments has pages, and gives all of them back", "[element_table]") {
  OwnedTable table;
  constexpr size_t kMany = 100'000;
  for (size_t i = 0; i < kMany; ++i) table.insert(text_of(i));
  table->verify();
  REQUIRE(table->segments() > 2 * 512);
  // Overhead: about 11 bytes an element, never more than 13.
  REQUIRE(table->bytes() < 13 * kMany);
  for (size_t i = 0; i < kMany; ++i) {
    REQUIRE(table.contains(text_of(i)));
    REQUIRE(!table.contains(text_of(kMany + i)));
  }
  for (size_t i = 0; i < kMany - 1; ++i) table.erase(text_of(i));
  table->verify();
  REQUIRE(table->segments() == 1);
  REQUIRE(table.contains(text_of(kMany - 1)));
  table.erase(text_of(kMany - 1));
  table->verify();
  REQUIRE(table->bytes() <= 16);
}

TEST_CASE("an element may be replaced where it is", "[element_table]") {
  OwnedTable table;
  for (size_t i = 0; i < 500; ++i) table.insert(text_of(i));
  const Table::Place place = table->find(text_of(77));
  auto* other = new Element{text_of(77), 1};
  const std::unique_ptr<Element> old(place.element());
  table->replace(place, other);
  table->verify();
  REQUIRE(table->find(text_of(77)).element() == other);
}

TEST_CASE("scanning sees what is there all the time, while the table grows and shrinks",
          "[element_table]") {
  const auto seed = static_cast<uint64_t>(GENERATE(4, 5, 6, 7));
  std::mt19937_64 random(seed);
  OwnedTable table;
  std::set<std::string> steady;
  std::vector<std::string> others;
  for (size_t i = 0; i < 3'000; ++i) {
    steady.insert(text_of(i));
    table.insert(text_of(i));
  }
  size_t next = 3'000;
  std::set<std::string> seen;
  size_t visits = 0;
  uint64_t position = 0;
  do {
    position = table->scan(position, [&](const Element* element) {
      seen.insert(element->text);
      ++visits;
    });
    REQUIRE(position < Table::kPositions);
    // Now it grows by much, now it shrinks.
    const bool grows = others.size() < 200 || (others.size() < 60'000 && random() % 3 == 0);
    for (size_t i = 0; i < 2'000; ++i) {
      if (grows) {
        others.push_back(text_of(next++));
        table.insert(others.back());
      } else if (!others.empty()) {
        table.erase(others.back());
        others.pop_back();
      }
    }
  } while (position != 0);
  for (const std::string& text : steady) REQUIRE(seen.contains(text));
  // While nothing changes each is seen exactly once.
  visits = 0;
  do {
    position = table->scan(position, [&](const Element*) { ++visits; });
  } while (position != 0);
  REQUIRE(visits == table->size());
}

TEST_CASE("every element is as likely as any other", "[element_table]") {
  // Sizes at which segments of both depths are there.
  const size_t size = GENERATE(1, 7, 33, 150, 1'000);
  OwnedTable table;
  for (size_t i = 0; i < size; ++i) table.insert(text_of(i));
  std::map<std::string, size_t> drawn;
  const size_t draws = 200 * size;
  for (size_t i = 0; i < draws; ++i) ++drawn[table->random(i * 1'000'003).element()->text];
  // Chi-squared: its mean is size - 1, its standard deviation the root of twice that.
  double deviation = 0;
  for (size_t i = 0; i < size; ++i) {
    const double difference = static_cast<double>(drawn[text_of(i)]) - 200;
    deviation += difference * difference / 200;
  }
  const auto freedom = static_cast<double>(size - 1);
  REQUIRE(deviation <= freedom + 6 * std::sqrt(2 * freedom));
}

TEST_CASE("a table is released in slices", "[element_table]") {
  OwnedTable table;
  for (size_t i = 0; i < 10'000; ++i) table.insert(text_of(i));
  size_t released = 0;
  while (table->segments() > 0) {
    const size_t slice = table.release(100);
    REQUIRE(slice < 250);
    released += slice;
  }
  REQUIRE(released == 10'000);
  REQUIRE(table->bytes() == 0);
  REQUIRE(table->size() == 0);
}

TEST_CASE("visiting stops when it is told to", "[element_table]") {
  OwnedTable table;
  for (size_t i = 0; i < 100; ++i) table.insert(text_of(i));
  size_t visits = 0;
  REQUIRE(!table->visit([&](const Element*) { return ++visits < 10; }));
  REQUIRE(visits == 10);
  REQUIRE(table->visit([&](const Element*) { return true; }));
}

}  // namespace
}  // namespace larder::storage
