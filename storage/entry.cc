#include "storage/entry.h"

#include <charconv>
#include <utility>

#include "storage/check.h"

namespace larder::storage {

size_t Entry::length() const {
  switch (item_->kind()) {
    case Kind::text:
      return item_->text_length();
    case Kind::blob:
      return item_->blob()->size();
    case Kind::object:
      fail_check("an object has no text");
    case Kind::integer:
    case Kind::free:
      break;
  }
  NumberText scratch;
  return text(scratch).size();
}

std::string_view Entry::text(NumberText& scratch) const {
  switch (item_->kind()) {
    case Kind::text:
      return {std::as_const(*item_).value(), item_->text_length()};
    case Kind::blob:
      return {item_->blob()->data(), item_->blob()->size()};
    case Kind::object:
      fail_check("an object has no text");
    case Kind::integer:
    case Kind::free:
      break;
  }
  const char* end =
      std::to_chars(scratch.bytes, scratch.bytes + sizeof scratch.bytes, item_->integer()).ptr;
  return {scratch.bytes, static_cast<size_t>(end - scratch.bytes)};
}

}  // namespace larder::storage
