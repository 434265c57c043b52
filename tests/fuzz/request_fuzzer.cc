// Requests cut from arbitrary bytes in arbitrary pieces: RequestParser against the reference.
//
//   input := limits split stream;  limits and split are one byte each
//
// `limits` chooses bounds small enough to be met; `split` seeds how the stream is cut up.
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>

#include "protocol/request_parser.h"
#include "tests/support/reference_parser.h"
#include "tests/support/split_reader.h"

namespace {

larder::protocol::RequestLimits choose_limits(uint8_t choice) {
  using larder::protocol::RequestLimits;
  switch (choice % 4) {
    case 0:
      return {};
    case 1:
      return RequestLimits::unauthenticated();
    case 2:
      return {.max_bulk_bytes = 40,
              .max_arguments = 5,
              .max_inline_bytes = 32,
              .max_request_bytes = 90,
              .authenticated = true};
    default:
      return {.max_bulk_bytes = 1000,
              .max_arguments = 20,
              .max_inline_bytes = 50,
              .max_request_bytes = choice,
              .authenticated = false};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto limits = choose_limits(data[0]);
  const std::string_view stream(reinterpret_cast<const char*>(data + 2), size - 2);

  std::minstd_rand random(data[1]);
  const size_t longest_piece = size_t{1} << (data[1] % 8);
  larder::reference::SplitReader reader(limits);
  for (size_t at = 0; at < stream.size();) {
    const size_t piece = 1 + random() % longest_piece;
    reader.receive(stream.substr(at, piece));
    at += piece;
  }
  if (reader.finish() != larder::reference::read_all(std::string(stream), limits)) {
    __builtin_trap();  // the parser and the reference disagree
  }
  return 0;
}
