#include "protocol/reply_buffer.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <utility>

namespace larder::protocol {
namespace {

// A first reply is small more often than not; an idle client should not pay for more.
constexpr size_t kSmallestCapacity = 512;

}  // namespace

ReplyBuffer::~ReplyBuffer() {
  free_memory();
}

void ReplyBuffer::grow(size_t count) {
  if (is_over_limit()) {
    drop_content();
    if (count <= capacity_) return;
  }
  const size_t needed = used_ + count;
  if (needed < used_) std::abort();  // no such memory
  const size_t capacity = std::max({kSmallestCapacity, needed, capacity_ * 2});
  char* const bytes = static_cast<char*>(std::realloc(bytes_, capacity));
  if (bytes == nullptr) std::abort();
  bytes_ = bytes;
  capacity_ = capacity;
}

// Leaves it as large as it takes to be beyond the limit.
void ReplyBuffer::drop_content() {
  clear();
  pinned_bytes_ = limit_ + 1;
  has_lost_content_ = true;
}

void ReplyBuffer::append_pinned(const PinnedBytes& pinned) {
  if (is_over_limit()) [[unlikely]] {
    drop_content();
    if (pinned.release != nullptr) pinned.release(pinned.owner);
    return;
  }
  pins_.push_back({used_, pinned});
  pinned_bytes_ += pinned.size;
}

void ReplyBuffer::append_all_of(ReplyBuffer& other) {
  append(other.view());
  const size_t before = used_ - other.used_;
  for (const Pin& pin : other.pins_) pins_.push_back({before + pin.position, pin.bytes});
  pinned_bytes_ += other.pinned_bytes_;
  has_lost_content_ = has_lost_content_ || other.has_lost_content_;
  other.pins_.clear();
  other.clear();
}

void ReplyBuffer::insert(size_t position, std::string_view text) {
  reserve(text.size());
  if (has_lost_content_) return;
  assert(position <= used_);
  std::memmove(bytes_ + position + text.size(), bytes_ + position, used_ - position);
  std::memcpy(bytes_ + position, text.data(), text.size());
  used_ += text.size();
  for (Pin& pin : pins_) {
    if (pin.position > position) pin.position += text.size();
  }
}

void ReplyBuffer::truncate(size_t size) {
  assert(size <= used_);
  assert(pins_.empty() || pins_.back().position <= size);
  used_ = size;
}

void ReplyBuffer::pieces_after(size_t sent, std::vector<Piece>& pieces) const {
  assert(sent <= size());
  // Leaves out of each stretch in turn what was sent of it.
  const auto add = [&](const char* data, size_t size) {
    const size_t skipped = std::min(sent, size);
    sent -= skipped;
    if (skipped < size) pieces.push_back({data + skipped, size - skipped});
  };
  size_t position = 0;
  for (const Pin& pin : pins_) {
    add(bytes_ + position, pin.position - position);
    add(pin.bytes.data, pin.bytes.size);
    position = pin.position;
  }
  add(bytes_ + position, used_ - position);
}

void ReplyBuffer::release_pins() {
  // Emptied first, so that a release function which comes back here finds nothing to do twice.
  std::vector<Pin> pins;
  pins.swap(pins_);
  pinned_bytes_ = 0;
  has_lost_content_ = false;
  for (const Pin& pin : pins) {
    if (pin.bytes.release != nullptr) pin.bytes.release(pin.bytes.owner);
  }
}

void ReplyBuffer::clear() {
  used_ = 0;
  if (!pins_.empty() || pinned_bytes_ != 0) release_pins();
}

void ReplyBuffer::free_memory() {
  clear();
  std::free(bytes_);
  bytes_ = nullptr;
  capacity_ = 0;
}

void ReplyBuffer::swap(ReplyBuffer& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(used_, other.used_);
  std::swap(capacity_, other.capacity_);
  std::swap(pinned_bytes_, other.pinned_bytes_);
  std::swap(limit_, other.limit_);
  std::swap(has_lost_content_, other.has_lost_content_);
  pins_.swap(other.pins_);
}

}  // namespace larder::protocol
