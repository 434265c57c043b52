#include "server/key_walk.h"

#include "server/key_context.h"
#include "storage/block.h"

namespace larder::server {
namespace {

// Large enough that they are few, small enough that growing to it is no work.
constexpr size_t kChunkBytes = 64 << 10;

void release_chunk(void* chunk) {
  delete static_cast<protocol::ReplyBuffer*>(chunk);
}

}  // namespace

bool KeyWalk::go_on(KeyContext& context, std::string_view pattern, size_t most) {
  const bool matches_all = text::glob_matches_all(pattern);
  size_t visited = 0;
  for (; shard_ < storage::kShardCount; ++shard_) {
    if (visited >= most || !context.try_lock_also(shard_)) return false;
    storage::Shard& shard = context.shard(shard_);
    do {
      const uint64_t begin = position_;
      position_ = shard.scan(context.database(), begin, [&](const storage::Entry& entry) {
        ++visited;
        if (context.is_due(entry)) return;
        const std::string_view key = entry.key();
        if (!matches_all && !text::glob_match(pattern, key, text::GlobCase::exact, budget_)) {
          return;
        }
        // A block may have grown over what was looked at before.
        if (begin != 0 && storage::directory_bits(context.hasher()(key)) < begin) return;
        add(key);
      });
      if (is_too_dear()) return true;
    } while (position_ != 0 && visited < most);
    if (position_ != 0) return false;
  }
  return true;
}

void KeyWalk::add(std::string_view key) {
  if (chunks_.empty() || chunks_.back()->size() + key.size() > kChunkBytes) {
    chunks_.push_back(std::make_unique<protocol::ReplyBuffer>());
  }
  protocol::ReplyBuffer& chunk = *chunks_.back();
  const size_t before = chunk.size();
  protocol::Reply(chunk, protocol::Dialect::resp3).bulk(key);  // the same in either
  bytes_ += chunk.size() - before;
  ++count_;
}

void KeyWalk::answer(protocol::Reply& reply) {
  reply.array(count_);
  if (chunks_.size() == 1) return reply.buffer().append(chunks_.front()->view());
  for (auto& chunk : chunks_) {
    const std::string_view text = chunk->view();
    reply.buffer().append_pinned({text.data(), text.size(), chunk.release(), release_chunk});
  }
  chunks_.clear();
}

}  // namespace larder::server
