#include "server/commands/families.h"

#include <array>

namespace larder::server {

std::span<const CommandFamily> all_families() {
  static const std::array families{connection_commands(),
                                   key_commands(),
                                   dump_commands(),
                                   expiry_commands(),
                                   string_commands(),
                                   newer_string_commands(),
                                   rate_limit_commands(),
                                   bitmap_commands(),
                                   cardinality_commands(),
                                   list_commands(),
                                   blocking_list_commands(),
                                   set_commands(),
                                   set_algebra_commands(),
                                   sorted_set_commands(),
                                   sorted_set_range_commands(),
                                   sorted_set_algebra_commands(),
                                   blocking_sorted_set_commands(),
                                   geo_commands(),
                                   hash_commands(),
                                   hash_walk_commands(),
                                   field_lifetime_commands(),
                                   sort_commands(),
                                   stream_commands(),
                                   stream_read_commands(),
                                   stream_group_commands(),
                                   stream_info_commands(),
                                   server_commands(),
                                   transaction_commands(),
                                   pubsub_commands(),
                                   script_commands()};
  return families;
}

}  // namespace larder::server
