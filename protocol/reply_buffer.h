// ReplyBuffer: the bytes on their way to one client.
//
// Owns a growable run of bytes plus, for large values, references ("pins") to bytes that live
// elsewhere and are spliced in between when the buffer is sent. Never looks at what it carries.
//
// Invariants
//   * `used_ <= capacity_`; growing never initialises bytes.
//   * Every pin has a position in [0, used_] and positions never decrease.
//   * A pin's release function is called exactly once: when the buffer is cleared or destroyed.
//
// Memory: doubles as it grows, so that appending is amortised O(1); kept over clear(), given back
// by free_memory(). One with a limit never takes much more than twice that: once its content is
// larger it is lost, for nobody is going to read it. Thread: the owner's only. Errors: none;
// running out of memory ends the process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace larder::protocol {

// Bytes that somebody else keeps alive until `release(owner)`; the bytes never change meanwhile.
// `release` may be null for bytes that outlive every buffer.
struct PinnedBytes {
  const char* data = nullptr;
  size_t size = 0;
  void* owner = nullptr;
  void (*release)(void* owner) = nullptr;
};

class ReplyBuffer {
 public:
  ReplyBuffer() = default;
  // The moved-from buffer takes over what this one held.
  ReplyBuffer(ReplyBuffer&& other) noexcept { swap(other); }
  ReplyBuffer& operator=(ReplyBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;
  ~ReplyBuffer();

  // Room for `count` more bytes; write there, then commit what was written. The room is gone with
  // the next call that changes the buffer.
  char* reserve(size_t count) {
    if (capacity_ - used_ < count) grow(count);
    return bytes_ + used_;
  }
  void commit(size_t count) { used_ += count; }
  // About so many bytes are going to be added. Room is taken for all of them at once, where growing
  // again and again would copy, and touch new memory three times as large.
  void expect(size_t count) { reserve(limit_ == 0 ? count : std::min(count, limit_)); }

  void append(std::string_view text) {
    if (text.empty()) return;  // memcpy takes no null, not even for nothing
    std::memcpy(reserve(text.size()), text.data(), text.size());
    commit(text.size());
  }

  // Splices `pinned` in after the bytes so far, without copying it. Takes over the duty to release.
  void append_pinned(const PinnedBytes& pinned);

  // Moves all that `other` holds behind what is here, and leaves it empty.
  void append_all_of(ReplyBuffer& other);

  // Content of more bytes than this (0: of any) may be dropped; size() is beyond the limit from
  // then on, until the buffer is cleared. Holds for what is added from now on.
  void set_limit(size_t bytes) { limit_ = bytes; }

  // Would so many bytes more be beyond the limit?
  bool is_beyond_limit(size_t more) const { return limit_ != 0 && size() + more > limit_; }

  // Whether something was dropped because of a limit, be it of another size since.
  bool has_lost_content() const { return has_lost_content_; }

  // Bytes a client would receive: own bytes plus pinned ones.
  size_t size() const { return used_ + pinned_bytes_; }
  bool empty() const { return size() == 0; }
  size_t capacity() const { return capacity_; }

  // Puts `text` in behind the first `position` own bytes and what is pinned up to there. O(what
  // stands behind).
  void insert(size_t position, std::string_view text);

  // How much of size() lies elsewhere.
  size_t pinned_bytes() const { return pinned_bytes_; }

  // Drops everything after the first `size` own bytes. REQUIRES: nothing was pinned after them.
  void truncate(size_t size);

  // One stretch of contiguous bytes to send.
  struct Piece {
    const char* data;
    size_t size;
  };
  // Appends to `pieces` what remains to be sent after the first `sent` bytes of size(), in order
  // and without empty ones. They hold until the buffer is changed. O(pins).
  void pieces_after(size_t sent, std::vector<Piece>& pieces) const;

  // Own bytes: the whole of it when nothing is pinned.
  std::string_view view() const { return {bytes_, used_}; }

  // Empties the buffer and releases its pins; keeps the memory for reuse.
  void clear();
  // Empties it and gives the memory back.
  void free_memory();

  void swap(ReplyBuffer& other) noexcept;

 private:
  struct Pin {
    size_t position;
    PinnedBytes bytes;
  };
  bool is_over_limit() const { return limit_ != 0 && size() > limit_; }
  void grow(size_t count);
  void drop_content();
  void release_pins();

  char* bytes_ = nullptr;
  size_t used_ = 0;
  size_t capacity_ = 0;
  size_t pinned_bytes_ = 0;  // or, without a pin, how many were dropped
  size_t limit_ = 0;
  bool has_lost_content_ = false;  // then there are pinned_bytes_, too
  std::vector<Pin> pins_;
};

}  // namespace larder::protocol
