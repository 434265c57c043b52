#!/usr/bin/env python3
"""What compare concludes from figures must be right: ratios, verdicts, checks of runs."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from compare_tool import cells, loads, pairs, report, servers  # noqa: E402


def run_report(throughput, cpu_us):
    return {"requests_per_second": throughput, "server_cpu_us_per_request": cpu_us,
            "server_cores_busy": 0.9, "client_cores_busy": 0.5,
            "latency_us": {"p50": 1.0, "p99": 2.0, "p99.9": 3.0}}


def cell_of(load_name, pipeline, rounds):
    """`rounds`: name -> [(throughput, CPU), ...]"""
    load = next(load for load in loads.LOADS if load.name == load_name)
    cell = cells.Cell(load, pipeline, list(rounds))
    for name, reports in rounds.items():
        for throughput, cpu_us in reports:
            cell.series[name].add(run_report(throughput, cpu_us))
    return cell


class Pairs(unittest.TestCase):
    def test_quantiles(self):
        self.assertEqual(pairs.median([3, 1, 2]), 2)
        self.assertEqual(pairs.median([1, 2, 3, 4]), 2.5)
        self.assertEqual(pairs.quantile([1, 2, 3, 4, 5], 0.25), 2)
        self.assertEqual(pairs.quantile([7], 0.75), 7)

    def test_ratio_is_of_pairs_and_not_of_medians(self):
        # The machine halves its speed in some rounds; the ratio in each round is 2.
        ratio = pairs.Ratio([200, 100, 200, 100, 100], [100, 50, 100, 50, 50])
        self.assertEqual((ratio.median, ratio.low, ratio.high, ratio.pairs), (2, 2, 2, 5))
        with self.assertRaises(ValueError):
            pairs.Ratio([1, 2], [1])


class Targets(unittest.TestCase):
    def test_met_and_missed(self):
        fast = cell_of("get64", 16, {"larder": [(300, 0.3)] * 5, "redis": [(100, 1.0)] * 5})
        self.assertEqual(report.missed_targets([fast], "redis", {}), (0, 2))
        slow = cell_of("get64", 16, {"larder": [(260, 0.36)] * 5, "redis": [(100, 1.0)] * 5})
        self.assertEqual(report.missed_targets([slow], "redis", {}), (2, 2))

    def test_only_larder_against_redis_at_known_depths(self):
        other = cell_of("get64", 16, {"valkey": [(100, 1.0)], "redis": [(100, 1.0)]})
        self.assertEqual(report.missed_targets([other], "redis", {}), (0, 0))
        depth = cell_of("get64", 32, {"larder": [(100, 1.0)], "redis": [(100, 1.0)]})
        self.assertEqual(report.missed_targets([depth], "redis", {}), (0, 0))
        self.assertIsNone(loads.target_of("larder", "memcached", "get64", 16))

    def test_idle_memory(self):
        idle = {"larder": {"never used": (900, 900), "after PING": (3000, 1025)}}
        self.assertEqual(report.missed_targets([], "redis", idle), (1, 1))
        idle["larder"]["after PING"] = (3000, 1024)
        self.assertEqual(report.missed_targets([], "redis", idle), (0, 1))

    def test_table_marks_both(self):
        cell = cell_of("set64", 64, {"larder": [(600, 0.2)], "redis": [(100, 1.0)]})
        row = report.cells_table([cell], "redis").rows[0]
        self.assertIn("met (at least 5.00)", row)
        self.assertIn("MISSED (at most 0.18)", row)


class Checks(unittest.TestCase):
    class FakeServer:
        name = "fake"

    def refused(self, **changes):
        good = {"requests": 10, "nils": 0, "received_bytes": 710}
        get64 = loads.LOADS[0]
        loads.check(self.FakeServer, get64, good)
        with self.assertRaises(servers.Failure):
            loads.check(self.FakeServer, get64, {**good, **changes})

    def test_runs_that_did_something_else_are_refused(self):
        self.refused(requests=0)
        self.refused(nils=1)
        self.refused(received_bytes=50)

    def test_custom_servers_need_a_port(self):
        kind = servers.custom_kind("valkey=valkey-server --port {port} --save ''")
        self.assertEqual(kind.command(7000, 1, 0),
                         ["valkey-server", "--port", "7000", "--save", ""])
        with self.assertRaises(servers.Failure):
            servers.custom_kind("valkey=valkey-server")


if __name__ == "__main__":
    unittest.main()
