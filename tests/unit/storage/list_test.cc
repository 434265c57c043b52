#include "storage/list/list.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <string>

namespace larder::storage {
namespace {

class OwnedList {
 public:
  OwnedList() : list_(List::create()) {}
  explicit OwnedList(List* list) : list_(list) {}
  ~OwnedList() { Object::release(list_); }
  OwnedList(const OwnedList&) = delete;
  OwnedList& operator=(const OwnedList&) = delete;

  List* operator->() { return list_; }
  List& operator*() { return *list_; }

 private:
  List* list_;
};

std::string text_of(const List::Element& element) {
  NumberText scratch;
  return std::string(element.bytes(scratch));
}

std::deque<std::string> contents(const List& list) {
  std::deque<std::string> elements;
  for (List::Cursor at = list.first(End::front); at; at.next()) {
    elements.push_back(text_of(at.element()));
  }
  return elements;
}

std::deque<std::string> backwards(const List& list) {
  std::deque<std::string> elements;
  for (List::Cursor at = list.first(End::back); at; at.previous()) {
    elements.push_front(text_of(at.element()));
  }
  return elements;
}

// A list and a deque that get the same operations.
class Pair {
 public:
  explicit Pair(uint64_t seed, size_t longest) : random_(seed), longest_(longest) {}

  size_t below(size_t count) { return random_() % count; }

  void operate() {
    const size_t size = model_.size();
    switch (below(12)) {
      case 0:
      case 1:
      case 2: {
        const End end = some_end();
        for (size_t left = 1 + below(20); left > 0; --left) push(end);
        break;
      }
      case 3:
        for (size_t left = below(15); left > 0 && !model_.empty(); --left) pop(some_end());
        break;
      case 4:
      case 5:
        if (size > 0) insert();
        break;
      case 6:
      case 7:
        if (size > 0) replace();
        break;
      case 8:
        if (size > 0) erase(below(size), below(4) == 0 ? below(size) : below(5));
        break;
      case 9:
        if (size > 0) remove(model_[below(size)]);
        break;
      case 10:
        remove(some_text());
        break;
      default:
        look();
    }
    REQUIRE(list_->size() == model_.size());
  }

  void compare() {
    list_->verify();
    REQUIRE(contents(*list_) == model_);
    REQUIRE(backwards(*list_) == model_);
    OwnedList copy(list_->copy());
    copy->verify();
    REQUIRE(contents(*copy) == model_);
  }

 private:
  End some_end() { return below(2) == 0 ? End::front : End::back; }
  std::string some_text() {
    switch (below(6)) {
      case 0:
        return std::to_string(static_cast<int64_t>(random_()) >> below(64));
      case 1:
        return std::string(below(longest_), static_cast<char>('a' + below(4)));
      default:
        return std::string(below(12), static_cast<char>('a' + below(3)));
    }
  }

  void push(End end) {
    const std::string text = some_text();
    list_->push(end, text);
    end == End::front ? model_.push_front(text) : model_.push_back(text);
  }
  void pop(End end) {
    REQUIRE(text_of(list_->peek(end)) == (end == End::front ? model_.front() : model_.back()));
    list_->pop(end);
    end == End::front ? model_.pop_front() : model_.pop_back();
  }
  void insert() {
    const size_t index = below(model_.size());
    const End side = some_end();
    const std::string text = some_text();
    list_->insert(list_->at(index), side, text);
    model_.insert(model_.begin() + static_cast<ptrdiff_t>(index + (side == End::back ? 1 : 0)),
                  text);
  }
  void replace() {
    const size_t index = below(model_.size());
    const std::string text = some_text();
    list_->replace(list_->at(index), text);
    model_[index] = text;
  }
  void erase(size_t index, size_t count) {
    count = std::min(count, model_.size() - index);
    list_->erase(index, count);
    const auto first = model_.begin() + static_cast<ptrdiff_t>(index);
    model_.erase(first, first + static_cast<ptrdiff_t>(count));
  }
  void remove(const std::string& text) {
    const End from = some_end();
    const size_t most = below(3) == 0 ? SIZE_MAX : 1 + below(4);
    size_t expected = 0;
    std::deque<std::string> kept;
    const auto keep = [&](const std::string& element) {
      const bool goes = element == text && expected < most;
      expected += goes ? 1 : 0;
      return !goes;
    };
    if (from == End::front) {
      std::copy_if(model_.begin(), model_.end(), std::back_inserter(kept), keep);
    } else {
      std::copy_if(model_.rbegin(), model_.rend(), std::front_inserter(kept), keep);
    }
    REQUIRE(list_->remove(text, from, most) == expected);
    model_ = kept;
  }
  void look() {
    if (model_.empty()) return;
    const size_t index = below(model_.size());
    REQUIRE(text_of(list_->at(index).element()) == model_[index]);
    const std::string text = some_text();
    REQUIRE(list_->at(index).is_at(List::Sought(text)) == (text == model_[index]));
    REQUIRE(list_->at(index).is_at(List::Sought(model_[index])));
  }

  std::mt19937_64 random_;
  size_t longest_;
  OwnedList list_;
  std::deque<std::string> model_;
};

}  // namespace

TEST_CASE("a list does what a deque does") {
  for (const size_t longest : {20u, 400u, 5'000u, 30'000u}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      INFO("longest " << longest << " seed " << seed);
      Pair pair(seed, longest);
      for (int i = 0; i < 1'500; ++i) {
        pair.operate();
        if (i % 50 == 0) pair.compare();
      }
      pair.compare();
    }
  }
}

TEST_CASE("a list that is used as a queue stays small, whatever passes through it") {
  for (const End in : {End::front, End::back}) {
    OwnedList list;
    for (int i = 0; i < 100; ++i) list->push(in, "element " + std::to_string(i));
    const size_t bytes = list->bytes();
    for (int i = 100; i < 20'000; ++i) {
      list->push(in, "element " + std::to_string(i));
      CHECK(text_of(list->peek(opposite(in))) == "element " + std::to_string(i - 100));
      list->pop(opposite(in));
      REQUIRE(list->bytes() <= 2 * bytes);
    }
    list->verify();
  }
}

TEST_CASE("a list that has become short gives memory back") {
  OwnedList list;
  for (int i = 0; i < 100'000; ++i) list->push(End::back, "element " + std::to_string(i));
  CHECK(list->bytes() > 1'400'000);
  CHECK(list->bytes() < 1'600'000);
  SECTION("from one end") {
    while (list->size() > 3) list->pop(End::front);
  }
  SECTION("from both ends") {
    while (list->size() > 3) list->pop(list->size() % 2 == 0 ? End::front : End::back);
  }
  SECTION("in the middle") { list->erase(1, list->size() - 3); }
  SECTION("here and there") {
    for (size_t i = list->size() - 1; list->size() > 3; i = i < 7 ? list->size() - 1 : i - 7) {
      list->erase(i, 1);
    }
  }
  list->verify();
  CHECK(list->bytes() < 300);
}

TEST_CASE("underfull neighbours join, so that thinning a list out makes it smaller") {
  OwnedList list;
  for (int i = 0; i < 50'000; ++i) list->push(End::back, "element " + std::to_string(i));
  const size_t bytes = list->bytes();
  for (size_t i = 0; i < list->size(); ++i) list->erase(i, std::min<size_t>(9, list->size() - i));
  CHECK(list->size() == 5'000);
  list->verify();
  CHECK(list->bytes() < bytes / 4);
}

TEST_CASE("a list with an element too large for a chunk keeps it apart") {
  OwnedList list;
  const std::string large(100'000, 'x');
  list->push(End::back, "a");
  list->push(End::back, large);
  list->push(End::back, "b");
  CHECK(list->at(1).element().blob != nullptr);
  CHECK(list->bytes() > large.size());
  const Pin pin = list->at(1).element().blob->pin();
  CHECK(list->remove(large, End::front, SIZE_MAX) == 1);
  CHECK(list->bytes() < 200);
  CHECK(std::string_view(pin.data, pin.size) == large);
  pin.release(pin.owner);
  CHECK(contents(*list) == std::deque<std::string>{"a", "b"});
  list->verify();
}

TEST_CASE("a list is freed in slices") {
  List* list = List::create();
  for (int i = 0; i < 100'000; ++i) list->push(End::back, "element " + std::to_string(i));
  const size_t parts = list->parts();
  CHECK(parts > 100);
  Object* object = list;
  size_t released = 0;
  size_t slices = 0;
  while (object != nullptr) {
    const size_t step = Object::release_slice(object, 10);
    CHECK(step <= 10);
    released += step;
    ++slices;
  }
  CHECK(released == parts);
  CHECK(slices >= parts / 10);
}

}  // namespace larder::storage
