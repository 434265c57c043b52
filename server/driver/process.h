// What the machine says about this process, and what the process asks of the machine once at start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/contexts.h"

namespace larder::server {

// Reads /proc and the allocator's statistics. Some tens of microseconds; any thread.
ProcessFacts read_process_facts();

// Gives memory that the allocator keeps unused back to the system; false if that failed. Takes as
// long as there is memory to give back; any thread.
bool release_unused_memory();

// What the allocator says about itself, for people; empty if it says nothing. Any thread.
std::string allocator_report();

// Raises the limit of open files so far that `clients` connections fit, if the system lets us;
// returns how many then fit.
uint32_t allow_clients(uint32_t clients);

// Cores that this process may run on, at least 1.
unsigned usable_cores();

// 64 bits from the system's generator.
uint64_t random_seed();

// "Linux 6.1.0 x86_64"
std::string operating_system();
std::string allocator_name();
std::string executable_path();

// The whole file; nothing if it cannot be read. "-": standard input.
std::optional<std::string> read_file(const std::string& path);

}  // namespace larder::server
