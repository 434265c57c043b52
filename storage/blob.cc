#include "storage/blob.h"

#include <new>

#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage {

Blob* Blob::create(size_t capacity) {
  const size_t bytes = round_to_class(sizeof(Blob) + capacity);
  return new (take_memory(bytes)) Blob(bytes - sizeof(Blob));
}

Pin Blob::pin() {
  return {data(), size_, share(), [](void* owner) { static_cast<Blob*>(owner)->release(); }};
}

void Blob::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Blob();
  free_memory(this);
}

}  // namespace larder::storage
