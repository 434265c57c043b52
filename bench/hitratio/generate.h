// Generated traces, named by a line of text; the same line gives the same trace.
//
//   zipf:skew=1,keys=100000,requests=1000000,seed=1
//   scan-zipf:...,scan=20     also: every `every` requests a scan over keys never seen before or
//   after;
//                             `scan` is its share of all requests in percent, `length` its length
//   loop:keys=20000,...       keys in order, again and again
//   shift:..., every=100000   zipf whose ranks move to other keys every so many requests
#pragma once

#include <string>

#include "bench/hitratio/trace.h"

namespace larder::bench {

// Whether this is the name of a generated trace, and not of a file.
[[nodiscard]] bool is_generated(const std::string& name);

// False and `error` when the line makes no sense.
[[nodiscard]] bool generate_trace(const std::string& name, Trace& trace, std::string& error);

}  // namespace larder::bench
