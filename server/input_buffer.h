// InputBuffer: bytes of one client that could not be used yet: the beginning of an unfinished
// request, or requests that wait until the connection may go on.
//
// Invariant: size() bytes from data() on are the client's, in order. Takes no memory while empty.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace larder::server {

class InputBuffer {
 public:
  char* data() { return bytes_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  size_t capacity() const { return capacity_; }

  // Amortised O(count).
  void append(const char* bytes, size_t count) {
    if (count == 0) return;
    if (capacity_ - end_ < count) make_room(count);
    std::memcpy(bytes_.get() + end_, bytes, count);
    end_ += count;
  }

  // Drops `count` bytes from the front.
  void consume(size_t count) {
    begin_ += count;
    if (begin_ == end_) free_memory();
  }

  // Room for `total` bytes in all, so that a request of known size is moved once at most.
  void reserve(size_t total) {
    if (total > size() && capacity_ - begin_ < total) make_room(total - size());
  }

  void free_memory() {
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };

  void make_room(size_t count) {
    const size_t needed = size() + count;
    if (begin_ >= size() && capacity_ >= needed) {  // the front half is free: move down
      std::memmove(bytes_.get(), data(), size());
    } else {
      const size_t capacity = needed > 2 * capacity_ ? needed : 2 * capacity_;
      auto* bytes = static_cast<char*>(std::malloc(capacity));
      if (bytes == nullptr) throw std::bad_alloc();
      if (size() > 0) std::memcpy(bytes, data(), size());
      bytes_.reset(bytes);
      capacity_ = capacity;
    }
    end_ = size();
    begin_ = 0;
  }

  std::unique_ptr<char[], Free> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
};

}  // namespace larder::server
