#include "server/commands/gcra.h"

#include <algorithm>
#include <limits>

namespace larder::server {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMs = 1'000'000;

// Holds the product of any two int64_t, and that plus some more of them.
__extension__ using Wide = __int128;

}  // namespace

RateFault make_rate(int64_t max_burst, int64_t count, int64_t period_s, Rate& rate) {
  if (max_burst < 0 || max_burst == kMax || count < 0 || period_s < 0) {
    return RateFault::out_of_range;
  }
  if (count == 0 || period_s == 0) return RateFault::zero;
  const Wide interval = Wide{period_s} * kNsPerSecond / count;
  if (interval == 0) return RateFault::zero;
  if (interval > kMax) return RateFault::out_of_range;
  rate = {.limit = max_burst + 1, .interval_ns = static_cast<int64_t>(interval)};
  return RateFault::none;
}

std::optional<Verdict> judge(const Rate& rate, std::optional<int64_t> stored_ns, int64_t now_ns,
                             int64_t quantity) {
  const int64_t before_ns = std::max(stored_ns.value_or(now_ns), now_ns);
  const Wide tolerance = Wide{rate.interval_ns} * rate.limit;
  const Wide increment = Wide{rate.interval_ns} * quantity;
  const Wide wait = before_ns + increment - tolerance - now_ns;

  Verdict verdict;
  verdict.limited = wait > 0;
  int64_t after_ns = before_ns;
  if (verdict.limited) {
    if (increment <= tolerance) verdict.retry_after_ns = static_cast<int64_t>(wait);
  } else if (quantity > 0) {
    if (before_ns + increment > kMax) return std::nullopt;
    after_ns = static_cast<int64_t>(before_ns + increment);
    verdict.arrival_ns = after_ns;
  }
  verdict.reset_after_ns = after_ns - now_ns;
  const Wide left = (tolerance - verdict.reset_after_ns) / rate.interval_ns;
  verdict.remaining = static_cast<int64_t>(std::max<Wide>(left, 0));
  return verdict;
}

int64_t reply_seconds(int64_t ns) {
  return ns / kNsPerSecond + (ns % kNsPerSecond >= kNsPerMs ? 1 : 0);
}

int64_t arrival_deadline_ms(int64_t arrival_ns) {
  return arrival_ns / kNsPerMs + (arrival_ns % kNsPerMs > 0 ? 1 : 0);
}

}  // namespace larder::server
