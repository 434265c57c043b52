// DriverOptions: what a driver is made of, and the two functions that make one.
//
// Any thread may make a driver; the thread of the first turn() owns it from then on. A driver is
// destroyed when its thread has ended or by that thread; that closes every socket it still has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/driver/driver.h"
#include "server/driver/listener.h"

namespace larder::server {

struct DriverOptions {
  // The sockets to accept on: empty for all workers but one.
  std::vector<ListenSocket> listeners;

  // Every worker's driver by its index, for op `wake`. Filled before the first turn() of any of
  // them, outlives them all. May be null where there is one worker only.
  const std::vector<Driver*>* peers = nullptr;

  // Receive buffers shared by all connections of this driver; the number is a power of two.
  // 64 KiB because smaller ones cost up to a tenth with deep pipelines and large values.
  uint32_t receive_buffer_count = 64;
  uint32_t receive_buffer_bytes = 64 * 1024;
};

// Each returns null and says in `why_not`, in one line, what is missing and what can be done about
// it. `options.listeners` are taken only on success, so the other driver can be tried with them.
std::unique_ptr<Driver> make_uring_driver(DriverOptions& options, std::string& why_not);
std::unique_ptr<Driver> make_epoll_driver(DriverOptions& options, std::string& why_not);

}  // namespace larder::server
