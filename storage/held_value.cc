#include "storage/held_value.h"

namespace larder::storage {

HeldValue::HeldValue(const Entry& entry) {
  if (entry.is_large()) {
    blob_ = entry.item_->blob()->share();
    return;
  }
  NumberText scratch;
  text_ = entry.text(scratch);
}

HeldValue::HeldValue(size_t length) {
  if (length < kLargeValue) {
    text_.resize(length);
    return;
  }
  blob_ = Blob::create(length);
  blob_->set_size(length);
}

HeldValue::~HeldValue() {
  if (blob_ != nullptr) blob_->release();
}

}  // namespace larder::storage
