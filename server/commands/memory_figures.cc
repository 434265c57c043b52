#include "server/commands/memory_figures.h"

#include <algorithm>

namespace larder::server {

MemoryFigures measure_memory(FinishContext& context, const ClientMemory& clients) {
  MemoryFigures figures{.clients = clients,
                        .scripts = context.scripts.usage(),
                        .process = context.services.process_facts()};
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    const storage::Shard& shard = context.keys->shard(i);
    figures.used_bytes += shard.bytes();
    figures.overhead_bytes += shard.table_bytes();
    for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
      figures.keys += shard.size(database);
    }
  }
  const MemoryAccount& account = context.keys->environment().memory->account();
  figures.peak_bytes = std::max(figures.used_bytes, account.peak());
  figures.limit_bytes = account.limit();
  return figures;
}

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

int64_t difference(uint64_t from, uint64_t subtracted) {
  return static_cast<int64_t>(from) - static_cast<int64_t>(subtracted);
}

}  // namespace larder::server
