#include "storage/region_source.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <vector>

namespace larder::storage {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr size_t kPagesPerSpan = 64;
constexpr size_t kSpanBytes = kPagesPerSpan * kHugePageBytes;
constexpr unsigned kRegionsPerPage = kHugePageBytes / kRegionBytes;
constexpr uint64_t kAllFree = UINT64_MAX;
static_assert(kRegionsPerPage == 64);

class RegionSource {
 public:
  char* take() {
    const std::lock_guard lock(mutex_);
    while (first_open_ < pages_.size() && pages_[first_open_] == 0) ++first_open_;
    if (first_open_ == pages_.size()) add_span();
    const auto index = static_cast<unsigned>(std::countr_zero(pages_[first_open_]));
    pages_[first_open_] &= pages_[first_open_] - 1;
    return page_address(first_open_) + index * kRegionBytes;
  }

  void give(char* region) {
    const std::lock_guard lock(mutex_);
    const auto span = std::find_if(spans_.begin(), spans_.end(), [region](const char* base) {
      return base <= region && region < base + kSpanBytes;
    });
    const auto offset = static_cast<size_t>(region - *span);
    const size_t page =
        static_cast<size_t>(span - spans_.begin()) * kPagesPerSpan + offset / kHugePageBytes;
    pages_[page] |= uint64_t{1} << (offset % kHugePageBytes / kRegionBytes);
    first_open_ = std::min(first_open_, page);
    // Without effect on the content of any region in use; if it fails, the memory just stays.
    if (pages_[page] == kAllFree) madvise(page_address(page), kHugePageBytes, MADV_DONTNEED);
  }

 private:
  char* page_address(size_t page) const {
    return spans_[page / kPagesPerSpan] + page % kPagesPerSpan * kHugePageBytes;
  }

  void add_span() {
    // One huge page more than needed, so that the span can begin at one.
    void* memory = mmap(nullptr, kSpanBytes + kHugePageBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::fprintf(stderr, "out of memory: %zu bytes could not be mapped\n", kSpanBytes);
      std::abort();
    }
    const auto address = reinterpret_cast<uintptr_t>(memory);
    const uintptr_t begin = (address + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
    if (begin > address) munmap(memory, begin - address);
    const uintptr_t end = address + kSpanBytes + kHugePageBytes;
    if (begin + kSpanBytes < end) {
      munmap(reinterpret_cast<void*>(begin + kSpanBytes), end - begin - kSpanBytes);
    }
    auto* span = reinterpret_cast<char*>(begin);
    // A table of a million keys is out of reach of the TLB otherwise. Refused where huge pages are
    // switched off: then it is slower, no more.
    madvise(span, kSpanBytes, MADV_HUGEPAGE);
    spans_.push_back(span);
    pages_.resize(pages_.size() + kPagesPerSpan, kAllFree);
  }

  std::mutex mutex_;
  std::vector<char*> spans_;     // never given back
  std::vector<uint64_t> pages_;  // free regions of each huge page, as bits
  size_t first_open_ = 0;        // no page before it has a free region
};

RegionSource& source() {
  // Never destroyed: stores may outlive any other static object.
  static RegionSource& instance = *new RegionSource;
  return instance;
}

}  // namespace

char* take_region() {
  return source().take();
}
void give_region(char* region) {
  source().give(region);
}

}  // namespace larder::storage
