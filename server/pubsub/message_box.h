// MessageBox: letters on their way to one worker, in the order they were posted.
//
// Whoever publishes posts while it holds the locks of what it publishes to (channel_registry.h), so
// that what is in the box when those locks are taken is exactly what was published before.
//
// Bounded: beyond kCongestedBytes commands that may publish wait (Dispatcher), and what still comes
// beyond kMostBytes, from within one transaction, is dropped; the worker then closes its
// subscribers, for better no subscriber than one that misses something, and tells those who track
// to forget everything. The letter that crosses kMostBytes still has room: one alone, of whatever
// size, concerns its own receivers only.
//
// Thread: any; the lock is held for the moving of a few pointers.
#pragma once

#include <atomic>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "server/pubsub/letter.h"
#include "server/spin_lock.h"

namespace larder::server {

class alignas(64) MessageBox {
 public:
  static constexpr size_t kCongestedBytes = 64 << 20;
  static constexpr size_t kMostBytes = 256 << 20;

  // `congested` counts the boxes that are.
  explicit MessageBox(std::atomic<int>& congested) : congested_(congested) {}

  void post(Letter letter) {
    const size_t bytes = letter.bytes();
    std::lock_guard guard(lock_);
    if (bytes_ > kMostBytes) {
      lost_ = true;
    } else {
      if (bytes_ <= kCongestedBytes && bytes_ + bytes > kCongestedBytes) congested_.fetch_add(1);
      bytes_ += bytes;
      letters_.push_back(std::move(letter));
    }
    has_mail_.store(true, std::memory_order_release);
    wants_wake_.store(true, std::memory_order_release);
  }

  bool has_mail() const { return has_mail_.load(std::memory_order_acquire); }

  // Appends everything to `out`; true if something was dropped since the last time.
  bool take(std::vector<Letter>& out) {
    std::lock_guard guard(lock_);
    has_mail_.store(false, std::memory_order_relaxed);
    wants_wake_.store(false, std::memory_order_relaxed);
    if (bytes_ > kCongestedBytes) congested_.fetch_sub(1);
    bytes_ = 0;
    if (out.empty()) {
      out.swap(letters_);
    } else {
      std::move(letters_.begin(), letters_.end(), std::back_inserter(out));
      letters_.clear();
    }
    return std::exchange(lost_, false);
  }

  // True for one of those who posted since the last take(): it must wake the owner.
  bool claim_wake() {
    return wants_wake_.load(std::memory_order_relaxed) &&
           wants_wake_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  SpinLock lock_;
  std::atomic<bool> has_mail_{false};
  std::atomic<bool> wants_wake_{false};
  bool lost_ = false;
  std::vector<Letter> letters_;
  size_t bytes_ = 0;
  std::atomic<int>& congested_;
};

}  // namespace larder::server
