// InputBuffer: bytes of one client that could not be used yet: the beginning of an unfinished
// request, or requests that wait until the connection may go on.
//
// Its memory is a blob, so that a large value which came in a request can become that of a key
// where it lies (share()), without a copy.
//
// Invariants
//   * size() bytes from data() on are the client's, in order. Takes no memory while empty.
//   * Shared memory is never written to; what comes then goes to new memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "storage/blob.h"

namespace larder::server {

class InputBuffer {
 public:
  char* data() { return bytes_ + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  size_t capacity() const { return blob_ == nullptr ? 0 : capacity_; }

  // Amortised O(count).
  void append(const char* bytes, size_t count) {
    if (count == 0) return;
    if (capacity_ - end_ < count || is_shared()) make_room(size() + count, 2 * capacity_);
    std::memcpy(bytes_ + end_, bytes, count);
    end_ += count;
  }

  // Drops `count` bytes from the front.
  void consume(size_t count) {
    begin_ += count;
    if (begin_ == end_) free_memory();
  }

  // Room for `total` bytes in all, so that a request of known size is moved once at most.
  void reserve(size_t total) {
    if (total > size() && (capacity_ - begin_ < total || is_shared())) make_room(total, 0);
  }

  void free_memory() {
    blob_.reset();
    bytes_ = nullptr;
    begin_ = end_ = capacity_ = 0;
  }

  // The blob whose text is `text` by now, a part of this buffer's bytes, if they lie in this buffer
  // and take most of its memory; null otherwise. The caller shares it before the buffer changes.
  storage::Blob* share(std::string_view text) {
    if (blob_ == nullptr || text.data() < bytes_ || text.data() >= bytes_ + end_) return nullptr;
    if (text.size() < blob_->allocated_bytes() / 4 * 3 || is_shared()) return nullptr;
    blob_->set_text(static_cast<size_t>(text.data() - bytes_), text.size());
    return blob_.get();
  }

 private:
  struct Release {
    void operator()(storage::Blob* blob) const { blob->release(); }
  };

  bool is_shared() const { return blob_ != nullptr && !blob_->is_exclusive(); }

  void make_room(size_t needed, size_t wanted) {
    if (begin_ >= size() && capacity_ >= needed && !is_shared()) {  // the front half is free
      std::memmove(bytes_, data(), size());
    } else {
      std::unique_ptr<storage::Blob, Release> blob(
          storage::Blob::create(needed > wanted ? needed : wanted));
      if (size() > 0) std::memcpy(blob->data(), data(), size());
      blob_ = std::move(blob);
      bytes_ = blob_->data();
      capacity_ = blob_->capacity();
    }
    end_ -= begin_;
    begin_ = 0;
  }

  std::unique_ptr<storage::Blob, Release> blob_;
  char* bytes_ = nullptr;  // where the blob's data() was at first
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;  // from bytes_ on
};

}  // namespace larder::server
