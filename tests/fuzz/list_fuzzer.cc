// A list against a std::deque, the operations taken from the input.
//
// Input: operations of three bytes: what, where, and which element; missing bytes are 0. Elements
// are short texts, numbers, and now and then some that nearly fill a chunk or do not fit into one.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

#include "storage/list/list.h"

namespace {

using larder::storage::End;
using larder::storage::List;
using larder::storage::NumberText;
using larder::storage::Object;

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

std::string element_of(uint8_t choice) {
  switch (choice >> 6) {
    case 0:
      return std::to_string((int{choice} - 32) * (choice % 2 == 0 ? 1 : 100'003));
    case 1:
      return std::string(choice & 0x3f, static_cast<char>('a' + choice % 3));
    case 2:
      return std::string(size_t{choice & 0x3fu} * 67, 'm');
    default:
      return std::string(8'150 + (choice & 0x3fu), 'l');
  }
}

class Run {
 public:
  Run() : list_(List::create()) {}
  ~Run() { Object::release(list_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void operate(uint8_t what, uint8_t where, uint8_t which) {
    const End end = (what & 0x80) != 0 ? End::back : End::front;
    const std::string element = element_of(which);
    switch (what % 10) {
      case 0:
        return push(end, element, 1);
      case 1:
        return push(end, element, where);
      case 2:
        return pop(end, 1);
      case 3:
        return pop(end, where);
      case 4:
        return insert(index_at(where), end, element);
      case 5:
        return replace(index_at(where), element);
      case 6:
        return erase(index_at(where), which);
      case 7:
        return remove(end, element, where == 0 ? SIZE_MAX : where);
      case 8:
        return look(index_at(where), element);
      default:
        return copy();
    }
  }

  void finish() {
    list_->verify();
    compare(*list_);
  }

 private:
  // Spread over the whole list.
  size_t index_at(uint8_t where) const { return model_.empty() ? 0 : where * model_.size() / 256; }
  auto place(size_t index) { return model_.begin() + static_cast<std::ptrdiff_t>(index); }

  static std::string text_of(const List::Element& element) {
    NumberText scratch;
    return std::string(element.bytes(scratch));
  }

  void push(End end, const std::string& element, size_t count) {
    if (element.size() > 1'000) count = std::min<size_t>(count, 4);
    for (; count > 0; --count) {
      list_->push(end, element);
      end == End::front ? model_.push_front(element) : model_.push_back(element);
    }
  }
  void pop(End end, size_t count) {
    for (; count > 0 && !model_.empty(); --count) {
      require(text_of(list_->peek(end)) == (end == End::front ? model_.front() : model_.back()),
              "the ends differ");
      list_->pop(end);
      end == End::front ? model_.pop_front() : model_.pop_back();
    }
  }
  void insert(size_t index, End side, const std::string& element) {
    if (model_.empty()) return;
    list_->insert(list_->at(index), side, element);
    model_.insert(place(index + (side == End::back ? 1 : 0)), element);
  }
  void replace(size_t index, const std::string& element) {
    if (model_.empty()) return;
    list_->replace(list_->at(index), element);
    model_[index] = element;
  }
  void erase(size_t index, size_t count) {
    count = std::min(count, model_.size() - index);
    if (count == 0) return;
    list_->erase(index, count);
    model_.erase(place(index), place(index + count));
  }
  void remove(End from, const std::string& element, size_t most) {
    size_t expected = 0;
    const auto goes = [&](const std::string& each) {
      if (each != element || expected == most) return false;
      ++expected;
      return true;
    };
    if (from == End::back) std::reverse(model_.begin(), model_.end());
    std::erase_if(model_, goes);
    if (from == End::back) std::reverse(model_.begin(), model_.end());
    require(list_->remove(element, from, most) == expected, "other numbers were removed");
  }
  void look(size_t index, const std::string& element) {
    if (model_.empty()) return;
    const List::Cursor at = list_->at(index);
    require(text_of(at.element()) == model_[index], "an element differs");
    require(at.is_at(List::Sought(element)) == (element == model_[index]), "comparing differs");
    require(at.is_at(List::Sought(model_[index])), "an element does not equal itself");
  }
  void copy() {
    List* copied = list_->copy();
    copied->verify();
    compare(*copied);
    Object::release(list_);
    list_ = copied;
  }

  void compare(const List& list) const {
    require(list.size() == model_.size(), "the sizes differ");
    size_t index = 0;
    for (List::Cursor at = list.first(End::front); at; at.next()) {
      require(text_of(at.element()) == model_[index++], "an element differs");
    }
    require(index == model_.size(), "the end is too early");
    for (List::Cursor at = list.first(End::back); at; at.previous()) {
      require(text_of(at.element()) == model_[--index], "an element differs, seen from the end");
    }
    require(index == 0, "the beginning is too early");
  }

  List* list_;
  std::deque<std::string> model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 600;
  if (size > kLongest) return 0;
  Run run;
  for (size_t at = 0; at < size; at += 3) {
    run.operate(data[at], at + 1 < size ? data[at + 1] : uint8_t{0},
                at + 2 < size ? data[at + 2] : uint8_t{0});
  }
  run.finish();
  return 0;
}
