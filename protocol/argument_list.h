// ArgumentList: where the arguments of cut requests are collected, a whole batch at a time.
//
// Owns only the bytes of inline arguments that had to be decoded. All other views point into the
// input they were cut from, and hold only as long as that.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace larder::protocol {

// The arguments of one request, the command's name first.
using Arguments = std::span<const std::string_view>;

struct ArgumentList {
  // Room for more than this is given back: one giant request must not cost its memory for ever.
  static constexpr size_t kMostKeptViews = 16 << 10;

  std::vector<std::string_view> views;  // into the input, or into `decoded`
  std::deque<std::string> decoded;      // inline arguments that had quotes; addresses are stable

  void clear() {
    if (views.capacity() > kMostKeptViews) [[unlikely]]
      std::vector<std::string_view>().swap(views);
    views.clear();
    if (!decoded.empty()) decoded.clear();
  }
};

}  // namespace larder::protocol
