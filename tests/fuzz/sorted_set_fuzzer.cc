// A sorted set against a slow one, the operations taken from the input.
//
// Input: operations of three bytes: what, which member, and which score; missing bytes are 0. Of
// 256 members some are too long to be packed, and there is room for more than can be packed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "tests/support/sorted_set_model.h"

namespace {

struct Require {
  void operator()(bool holds, const char* message) const {
    if (holds) return;
    std::fprintf(stderr, "%s\n", message);
    std::abort();
  }
};

std::string member_of(uint8_t choice) {
  if (choice % 32 == 31) return std::string(60 + choice % 10, static_cast<char>('a' + choice / 32));
  if (choice % 2 == 0) return std::to_string(int{choice} * 77 - 5'000);
  return std::string(1, static_cast<char>(choice)) + "m";
}

double score_of(uint8_t choice) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (choice >> 5) {
    case 0:
      return choice;
    case 1:
      return (choice - 48) * 0.1;
    case 2:
      return choice * 1e15;
    case 3:
      return choice % 2 == 0 ? kInfinity : -kInfinity;
    case 4:
      return choice % 2 == 0 ? 0.0 : -0.0;
    default:
      return choice % 7;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 1'200;
  if (size > kLongest) return 0;
  larder::support::SortedSetPair<Require> pair{Require()};
  for (size_t at = 0; at < size; at += 3) {
    const uint8_t which = at + 1 < size ? data[at + 1] : uint8_t{0};
    const uint8_t score = at + 2 < size ? data[at + 2] : uint8_t{0};
    switch (data[at] % 8) {
      case 0:
      case 1:
        pair.put(member_of(which), score_of(score));
        break;
      case 2:
        for (uint8_t i = 0; i < score; ++i) {
          pair.put(member_of(static_cast<uint8_t>(which + i)), score_of(i));
        }
        break;
      case 3:
        pair.erase(member_of(which));
        break;
      case 4:
        if (pair.size() > 0) {
          const size_t rank = which * pair.size() / 256;
          pair.erase_range(rank, score * (pair.size() - rank) / 256);
        }
        break;
      case 5:
        pair.look(score_of(score));
        break;
      case 6:
        pair.compare();
        break;
      default:
        pair.copy();
    }
  }
  pair.compare();
  return 0;
}
