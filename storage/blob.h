// Blob: the bytes of a large value, counted by reference, so that a reply can be sent from where
// they lie while the key is overwritten or deleted, and so that entries of any shards can have the
// same value without a copy of it.
//
// Invariants
//   * The bytes never change and never move while there is more than one reference.
//   * A further reference is taken by somebody who holds one; an entry's, under its shard's lock.
//     So the only holder of a blob stays the only one for as long as it wants to. Any thread may
//     give a reference back.
//   * Every entry's account counts the whole blob: entries that share one take less than is
//     counted, never more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace larder::storage {

// Values of at least this many bytes are blobs.
constexpr size_t kLargeValue = size_t{16} * 1024;

// Keeps the bytes of a large value alive until `release(owner)`, which any thread may call, once.
struct Pin {
  const char* data = nullptr;
  size_t size = 0;
  void* owner = nullptr;
  void (*release)(void* owner) = nullptr;
};

class Blob {
 public:
  // A blob with one reference and room for at least `capacity` bytes, size 0. Never null.
  static Blob* create(size_t capacity);
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  char* data() { return reinterpret_cast<char*>(this + 1) + begin_; }
  const char* data() const { return reinterpret_cast<const char*>(this + 1) + begin_; }
  size_t size() const { return size_; }
  // From data() on.
  size_t capacity() const { return room_ - begin_; }
  // What it takes from the allocator.
  size_t allocated_bytes() const { return sizeof(Blob) + room_; }

  // True while only the caller refers to it, so that the bytes may be changed in place.
  bool is_exclusive() const { return references_.load(std::memory_order_acquire) == 1; }
  // REQUIRES: is_exclusive(), size <= capacity().
  void set_size(size_t size) { size_ = size; }
  // What lies in it already, `begin` bytes behind the data() of a new blob, becomes its text
  // without a copy; what is before it stays unused. REQUIRES: is_exclusive(), it lies in the
  // capacity.
  void set_text(size_t begin, size_t size) {
    begin_ = begin;
    size_ = size;
  }

  // Takes a further reference.
  Blob* share() {
    references_.fetch_add(1, std::memory_order_relaxed);
    return this;
  }
  Pin pin();
  // Gives one reference back; the last one frees the blob.
  void release();

 private:
  explicit Blob(size_t room) : room_(room) {}

  std::atomic<uint64_t> references_{1};
  size_t size_ = 0;
  size_t begin_ = 0;
  size_t room_;
};

}  // namespace larder::storage
