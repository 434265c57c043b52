#include "storage/item_ref.h"

#include "storage/memory.h"

namespace larder::storage {

Item* ItemAllocator::allocate(unsigned size_class) {
  return static_cast<Item*>(take_memory(size_of_class(size_class)));
}

void ItemAllocator::release(Item* item) {
  free_memory(item);
}

}  // namespace larder::storage
