// MemoryFigures: what data, clients and the process take, for INFO and MEMORY, so that both say the
// same.
//
// "Used" is what the data takes and maxmemory limits: keys and values, and the tables that find
// them (the overhead). What clients' buffers and the server itself take is no part of it.
#pragma once

#include <cstdint>

#include "server/contexts.h"

namespace larder::server {

struct ClientMemory {
  uint64_t clients = 0;
  uint64_t bytes = 0;

  void add(const ConnectionFacts& facts) {
    ++clients;
    bytes += facts.total_bytes;
  }
  void add(const ClientMemory& other) {
    clients += other.clients;
    bytes += other.bytes;
  }
};

struct MemoryFigures {
  uint64_t used_bytes = 0;
  uint64_t overhead_bytes = 0;
  uint64_t peak_bytes = 0;
  uint64_t limit_bytes = 0;  // 0: none
  uint64_t keys = 0;
  ClientMemory clients;
  ScriptEngine::Usage scripts;
  ProcessFacts process;

  uint64_t dataset_bytes() const { return used_bytes - overhead_bytes; }
};

// REQUIRES: all shards are held. Asks the system; some tens of microseconds.
MemoryFigures measure_memory(FinishContext& context, const ClientMemory& clients);

// 0 if there is no whole.
double ratio(uint64_t part, uint64_t whole);
int64_t difference(uint64_t from, uint64_t subtracted);

}  // namespace larder::server
