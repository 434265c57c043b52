// ReceiveBuffers: the memory that received bytes land in, shared by all connections of a driver.
//
//   | headroom | buffer 0 | headroom | buffer 1 | ...
//
// Each buffer has kReceiveHeadroom writable bytes in front (event.h, C1). Pages are touched only
// when bytes arrive. Owned by the driver's thread.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "server/driver/event.h"

namespace larder::server {

class ReceiveBuffers {
 public:
  ReceiveBuffers(uint32_t count, uint32_t buffer_bytes)
      : count_(count), buffer_bytes_(buffer_bytes) {
    void* memory = mmap(nullptr, mapped_bytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) memory_ = static_cast<char*>(memory);
  }
  ~ReceiveBuffers() {
    if (memory_ != nullptr) munmap(memory_, mapped_bytes());
  }
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

  bool valid() const { return memory_ != nullptr; }
  uint32_t count() const { return count_; }
  uint32_t buffer_bytes() const { return buffer_bytes_; }
  char* buffer(uint32_t index) const { return memory_ + index * stride() + kReceiveHeadroom; }

 private:
  size_t stride() const { return kReceiveHeadroom + buffer_bytes_; }
  size_t mapped_bytes() const { return count_ * stride(); }

  char* memory_ = nullptr;
  uint32_t count_;
  uint32_t buffer_bytes_;
};

}  // namespace larder::server
