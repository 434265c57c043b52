// The families of commands. Each family is one file: its handlers, and at its end their rows.
#pragma once

#include "server/command_table.h"

namespace larder::server {

CommandFamily string_commands();               // strings.cc, counters.cc
CommandFamily newer_string_commands();         // newer_strings.cc, lcs.cc
CommandFamily rate_limit_commands();           // rate_limits.cc, increx.cc
CommandFamily bitmap_commands();               // bits.cc, bitfield.cc
CommandFamily cardinality_commands();          // cardinality.cc
CommandFamily list_commands();                 // lists.cc, list_ends.cc
CommandFamily blocking_list_commands();        // blocking_lists.cc
CommandFamily set_commands();                  // sets.cc
CommandFamily set_algebra_commands();          // set_algebra.cc
CommandFamily sorted_set_commands();           // sorted_sets.cc, sorted_set_pops.cc
CommandFamily sorted_set_range_commands();     // sorted_set_ranges.cc
CommandFamily sorted_set_algebra_commands();   // sorted_set_algebra.cc
CommandFamily blocking_sorted_set_commands();  // blocking_sorted_sets.cc
CommandFamily geo_commands();                  // geo.cc
CommandFamily hash_commands();                 // hashes.cc
CommandFamily hash_walk_commands();            // hash_walks.cc
CommandFamily field_lifetime_commands();       // field_lifetimes.cc
CommandFamily sort_commands();                 // sort.cc
CommandFamily stream_commands();               // streams.cc
CommandFamily stream_read_commands();          // stream_reads.cc
CommandFamily stream_group_commands();         // stream_groups.cc
CommandFamily stream_info_commands();          // stream_info.cc
CommandFamily key_commands();                  // keys.cc, move_keys.cc, object.cc
CommandFamily dump_commands();                 // dump.cc
CommandFamily expiry_commands();               // expiry.cc
CommandFamily transaction_commands();          // transactions.cc
CommandFamily script_commands();               // scripting.cc
CommandFamily connection_commands();           // connection.cc, client.cc
CommandFamily pubsub_commands();               // pubsub.cc
CommandFamily server_commands();               // server.cc, and those in parts.h

}  // namespace larder::server
