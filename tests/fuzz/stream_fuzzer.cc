// A stream against a model of maps, the operations taken from the input.
//
// Input: operations of three bytes: what, where, and which; missing bytes are 0.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/support/stream_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 600;
  if (size > kLongest) return 0;
  larder::testing::StreamRun run([](bool holds, const char* message) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", message);
    std::abort();
  });
  for (size_t at = 0; at < size; at += 3) {
    run.operate(data[at], at + 1 < size ? data[at + 1] : uint8_t{0},
                at + 2 < size ? data[at + 2] : uint8_t{0});
  }
  run.finish();
  return 0;
}
