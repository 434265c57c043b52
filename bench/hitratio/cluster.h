// Loads like those of a key-value cluster in production, drawn from one row of Twitter's published
// table (2020Mar_stat.md, CC BY): "cluster:number=52,requests=1000000,keys=100000,seed=1".
//
// From the row: Zipf skew, share of reads (gets count as reads, everything that writes as a set,
// delete as del), times to live with their shares, mean key and value size, requests per second.
// Not in the table, so chosen here: how many keys, sizes log-normal about the mean (sigma 1),
// requests at equal intervals, every operation's key from the same distribution, no drift of what
// is popular.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/hitratio/trace.h"

namespace larder::bench {

struct ClusterRow {
  double key_bytes = 0.0;
  double value_bytes = 0.0;
  double requests_per_second = 0.0;
  double zipf_skew = 0.0;
  std::vector<std::pair<double, double>> ttl_seconds;  // with its share
  double reads = 0.0;  // shares of all operations; they need not add up to 1
  double writes = 0.0;
  double deletes = 0.0;
};

// Finds the row of cluster `number` in the table. False and `error` when it is not there or lacks
// what is needed (some rows say N/A, some have no skew).
[[nodiscard]] bool find_cluster(const std::string& table, size_t number, ClusterRow& row,
                                std::string& error);

[[nodiscard]] bool is_cluster(const std::string& name);

// `table` is the text of the statistics file.
[[nodiscard]] bool generate_cluster(const std::string& name, const std::string& table, Trace& trace,
                                    std::string& error);

}  // namespace larder::bench
