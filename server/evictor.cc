#include "server/evictor.h"

#include "server/key_context.h"

namespace larder::server {

Room Evictor::make_room() {
  return environment_->memory->is_over_limit() ? Room::none : Room::enough;
}

bool Evictor::run_slice() {
  return false;
}

}  // namespace larder::server
