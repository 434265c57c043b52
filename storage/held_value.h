// HeldValue: a value apart from any entry, to become an entry's: the value of another one, or a new
// one, written before an entry has it.
//
// Owns a copy of a small value and a reference to a large one: entries that are given it share its
// bytes (blob.h), so that no large value is copied on its way.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/blob.h"
#include "storage/entry.h"

namespace larder::storage {

class HeldValue {
 public:
  // The value that the entry has now, whatever becomes of the entry. REQUIRES: not null.
  explicit HeldValue(const Entry& entry);
  // The blob's text. REQUIRES: not null; the caller holds a reference, which stays the caller's.
  explicit HeldValue(Blob* blob) : blob_(blob->share()) {}
  // A text of so many bytes, which the caller writes to data().
  explicit HeldValue(size_t length);
  ~HeldValue();
  HeldValue(const HeldValue&) = delete;
  HeldValue& operator=(const HeldValue&) = delete;

  // REQUIRES: made by length, and no entry has been given it.
  char* data() { return blob_ != nullptr ? blob_->data() : text_.data(); }
  std::string_view text() const {
    return blob_ != nullptr ? std::string_view(blob_->data(), blob_->size()) : text_;
  }

 private:
  friend class Shard;

  Blob* blob_ = nullptr;  // of a large value
  std::string text_;      // any other
};

}  // namespace larder::storage
