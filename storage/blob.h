// Blob: the bytes of a large value, counted by reference, so that a reply can be sent from where
// they lie while the key is overwritten or deleted.
//
// Invariants
//   * The bytes never change and never move while anybody but the owning entry holds a reference.
//   * References are taken under the shard's lock; any thread may give one back.
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

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // What it takes from the allocator.
  size_t allocated_bytes() const { return sizeof(Blob) + capacity_; }

  // True while only the owning entry refers to it, so that the bytes may be changed in place.
  bool is_exclusive() const { return references_.load(std::memory_order_acquire) == 1; }
  // REQUIRES: is_exclusive(), size <= capacity().
  void set_size(size_t size) { size_ = size; }

  Pin pin();
  // Gives one reference back; the last one frees the blob.
  void release();

 private:
  explicit Blob(size_t capacity) : capacity_(capacity) {}

  std::atomic<uint64_t> references_{1};
  size_t size_ = 0;
  size_t capacity_;
};

}  // namespace larder::storage
