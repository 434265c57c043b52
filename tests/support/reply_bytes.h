// What a client would receive of a reply buffer, with what was not copied into it (large values).
#pragma once

#include <string>
#include <vector>

#include "protocol/reply_buffer.h"

namespace larder::support {

inline std::string reply_bytes(const protocol::ReplyBuffer& buffer) {
  std::vector<protocol::ReplyBuffer::Piece> pieces;
  buffer.pieces_after(0, pieces);
  std::string bytes;
  for (const protocol::ReplyBuffer::Piece& piece : pieces) bytes.append(piece.data, piece.size);
  return bytes;
}

}  // namespace larder::support
