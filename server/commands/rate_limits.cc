// Commands for rate limits: the row of INCREX, with which a counter limits itself.
#include "server/commands/families.h"
#include "server/commands/increx.h"

namespace larder::server {
namespace {

// ---- rows ---------------------------------------------------------------------------------------

constexpr KeyPositions kChangeKey{1, 1, 1, kKeyReadWrite | kKeyAccess | kKeyUpdate};

constexpr auto kRows = checked({
    {.name = "increx",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kStringCategory,
     .keys = kChangeKey,
     .locks = LockPlan::keys,
     .handler = increx,
     .docs = {.summary = "Adds to a number within bounds, and says how long the key lives.",
              .since = "8.8.0",
              .group = "string",
              .complexity = "O(1)",
              .syntax = "key [BYFLOAT float | BYINT integer] [LBOUND lowerbound] "
                        "[UBOUND upperbound] [SATURATE] [EX seconds | PX milliseconds | "
                        "EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] [ENX] "
                        "[NX | XX]"}},
});

}  // namespace

CommandFamily rate_limit_commands() {
  return kRows;
}

}  // namespace larder::server
