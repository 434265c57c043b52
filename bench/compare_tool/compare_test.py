#!/usr/bin/env python3
"""What compare concludes from figures must be right: ratios, verdicts, checks of runs."""

import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from compare_tool import (cells, expiry, fan_out, loads, memory, pairs, probe,  # noqa: E402
                          report, resp, servers, stalls)


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

    def test_only_cpu_is_promised_of_lists(self):
        cell = cell_of("lpush", 16, {"larder": [(100, 0.5)], "redis": [(100, 1.0)]})
        self.assertEqual(report.missed_targets([cell], "redis", {}), (0, 1))
        cell = cell_of("lpush", 16, {"larder": [(900, 0.7)], "redis": [(100, 1.0)]})
        self.assertEqual(report.missed_targets([cell], "redis", {}), (1, 1))
        row = report.cells_table([cell], "redis").rows[0]
        self.assertIn("MISSED (at most 0.60)", row)

    def test_lists_need_a_server_with_data(self):
        lpush = next(load for load in loads.LOADS if load.name == "lpush")
        for protocol, floor, fits in (("resp", False, True), ("resp", True, False),
                                      ("memcached", False, False)):
            self.assertEqual(lpush.fits(servers.Kind("x", None, protocol, floor)), fits)

    def test_a_transaction_counts_when_it_was_executed(self):
        multi = next(load for load in loads.LOADS if load.name == "multi5")
        whole = {"requests": 10, "nils": 0, "received_bytes": 790}
        loads.check(Checks.FakeServer, multi, whole)
        with self.assertRaises(servers.Failure):
            loads.check(Checks.FakeServer, multi, {**whole, "received_bytes": 789})

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


class Spans(unittest.TestCase):
    def test_only_requests_due_within_count(self):
        samples = [(due, due + 5, due + 1000 * (due + 1)) for due in range(100)]
        seen = probe.Spans(samples, [(10, 20), (90, 95)])
        self.assertEqual(len(seen.latencies_ns), 15)
        self.assertEqual(seen.at(100), 95)  # us: of the request due at 94
        self.assertEqual(seen.at(50), 18)  # the eighth of fifteen
        self.assertEqual(seen.late_max_ns, 5)
        self.assertAlmostEqual(seen.to_json()["max_at_s"], 84e-9)
        self.assertAlmostEqual(seen.seconds, 15e-9)

    def test_percentiles_are_of_requests(self):
        seen = probe.Spans([(0, 0, 1000)] * 999 + [(0, 0, 7000)], [(0, 1)])
        self.assertEqual((seen.at(99), seen.at(99.9), seen.at(100)), (1, 1, 7))
        seen = probe.Spans([(0, 0, 1000)] * 998 + [(0, 0, 7000)] * 2, [(0, 1)])
        self.assertEqual(seen.at(99.9), 7)

    def test_background_hands_on_what_happened(self):
        self.assertEqual(probe.in_background(lambda: 7), 7)
        with self.assertRaises(servers.Failure):
            probe.in_background(self.fail_in_background)

    @staticmethod
    def fail_in_background():
        raise servers.Failure("as it should")


def stall_round(quiet, disturbed):
    """Each: (p99.9, max) in us."""
    return {state: {"p99": 1.0, "p99.9": figures[0], "max": figures[1], "late_max": 1.0,
                    "seconds": 1.0} for state, figures in (("quiet", quiet),
                                                           ("disturbed", disturbed))
            } | {"steps": {"deleted": {"max": 5000.0}}}


class Stalls(unittest.TestCase):
    def missed(self, rounds, judged=True):
        row = {"disturbance": "grow", "title": "", "server": "larder", "judged": judged,
               "rounds": rounds}
        table = stalls.table([row])
        self.assertEqual(len(table.rows), 1)
        self.assertIn("deleted 5.0", table.notes[-1])
        return stalls.missed_targets([row])

    def test_median_of_rounds_decides(self):
        good = stall_round((100, 1000), (200, 6000))
        bad = stall_round((100, 1000), (201, 6001))
        self.assertEqual(self.missed([good, good, bad]), (0, 2))
        self.assertEqual(self.missed([good, bad, bad]), (2, 2))
        self.assertEqual(self.missed([bad], judged=False), (0, 0))

    def test_ratio_is_of_pairs(self):
        # The machine is ten times slower in one round, quiet and disturbed alike.
        self.assertEqual(self.missed([stall_round((100, 100), (150, 150)),
                                      stall_round((1000, 1000), (1500, 1500))]), (0, 2))


class FakeSizes:
    """A server's databases, as DBSIZE tells of them at successive polls."""

    name = "fake"

    def __init__(self, *polls):
        self._polls = list(polls)

    def call_all(self, commands):
        sizes = self._polls.pop(0) if len(self._polls) > 1 else self._polls[0]
        return [answer for size in sizes for answer in ("OK", size)]


class Expiry(unittest.TestCase):
    def test_lateness_is_weighted_by_keys(self):
        late = expiry.Lateness()
        late.add(300, 1)
        late.add(10, 98)
        late.add(20, 1)
        late.add(999, 0)
        self.assertEqual((late.at(50), late.at(99), late.at(100)), (10, 20, 300))

    def test_watch_counts_from_each_deadline(self):
        now_ms = time.time() * 1000
        fake = FakeSizes([5, 5], [0, 4], [0, 0])
        seen = expiry.watch(fake, fake, 5, [now_ms - 1000, now_ms - 50000])
        self.assertGreaterEqual(seen["p50_ms"], 1000)
        self.assertLess(seen["p50_ms"], 50000)
        self.assertGreaterEqual(seen["p99_ms"], 50000)

    def test_what_goes_early_or_never_is_a_failure(self):
        soon_ms = time.time() * 1000 + 60000
        fake = FakeSizes([4])
        with self.assertRaises(servers.Failure):
            expiry.watch(fake, fake, 5, [soon_ms])
        fake = FakeSizes([5])
        with self.assertRaises(servers.Failure):
            expiry.watch(fake, fake, 5, [soon_ms - 60000 - expiry.GIVE_UP_S * 1000])

    def test_targets(self):
        row = {"server": "larder", "judged": True, "p99_ms": 150.0, "wakes": 0}
        self.assertEqual(expiry.missed_targets([row]), (0, 2))
        self.assertEqual(expiry.missed_targets([dict(row, p99_ms=150.1, wakes=1)]), (2, 2))
        self.assertEqual(expiry.missed_targets([dict(row, judged=False)]), (0, 0))


class FanOut(unittest.TestCase):
    def test_targets_are_of_pairs_at_known_depths(self):
        def row(server, pipeline, cpu_us):
            return {"server": server, "subscribers": 9, "pipeline": pipeline, "cpu_us": cpu_us}

        rows = [row("larder", 1, [0.8, 1.6]), row("redis", 1, [1.0, 2.0]),
                row("larder", 16, [0.7, 1.4]), row("redis", 16, [1.0, 2.0]),
                row("larder", 4, [9.0, 9.0]), row("redis", 4, [1.0, 2.0])]
        self.assertEqual(fan_out.missed_targets(rows), (1, 2))
        self.assertEqual(fan_out.missed_targets(rows[:1]), (0, 0))
        lines = fan_out.table(rows).rows
        self.assertEqual(lines[0], ["1", "larder", "1.200", "0.80 [0.80-0.80]",
                                    "met (at most 0.80)"])
        self.assertIn("MISSED (at most 0.60)", lines[2])
        self.assertEqual(lines[1][3:], ["", ""])

    def test_an_audience_that_hears_too_much_is_a_failure(self):
        class FakeServer:
            name = "fake"

            def __init__(self):
                self.ends = []

            def connect(self):
                client, end = socket.socketpair()
                end.sendall(b"x" * fan_out.CONFIRMED_BYTES)
                self.ends.append(end)
                return client

        server = FakeServer()
        audience = fan_out.Audience(server, 3)
        for end in server.ends:
            end.sendall(b"12345")
        audience.wait_for(5)
        server.ends[1].sendall(b"123456")
        self.assertRaises(servers.Failure, audience.wait_for, 5)
        audience.close()
        for end in server.ends:
            end.close()


class Memory(unittest.TestCase):
    def test_targets_of_growth(self):
        counts = [3, 5, 7]
        target = memory.growth_target
        self.assertEqual(target("larder", counts, 5, 64, False), 16.0)
        self.assertEqual(target("larder", counts, 5, 64, True), 25.0)
        self.assertAlmostEqual(target("larder", counts, 7, 64, False), 17.6)
        self.assertIsNone(target("larder", counts, 5, 8, False))
        self.assertIsNone(target("redis", counts, 5, 64, False))

    def test_refused_is_missed(self):
        row = {"server": "larder", "policy": "auto", "keys": 5, "value_bytes": 64, "ttl": False,
               "over": 19.0, "target": 19.0}
        self.assertEqual(memory.missed_targets([row], []), (0, 1))
        self.assertEqual(memory.missed_targets([dict(row, over=19.1)], []), (1, 1))
        self.assertEqual(memory.missed_targets([dict(row, over=None)], []), (1, 1))
        self.assertEqual(memory.missed_targets([dict(row, target=None)], []), (0, 0))

    def test_worst_phase_of_a_mix_decides(self):
        mix = {"phases": [(1.1, 1.0), (1.49, 1.0), (1.2, 1.0)], "target": 1.5}
        self.assertEqual(memory.missed_targets([], [mix]), (0, 1))
        mix["phases"][0] = (1.51, 1.0)
        self.assertEqual(memory.missed_targets([], [mix]), (1, 1))
        self.assertEqual(memory.missed_targets([], [dict(mix, phases=None)]), (1, 1))


class Resp(unittest.TestCase):
    class FakeServer:
        name = "fake"

        def __init__(self, answer):
            self.here, self._there = socket.socketpair()
            self._there.sendall(answer)
            self._there.shutdown(socket.SHUT_WR)

        def connect(self):
            return self.here

        def received(self):
            return self._there.recv(4096)

        def close(self):
            self._there.close()

    def test_replies(self):
        server = self.FakeServer(b"+OK\r\n:-5\r\n$4\r\na\r\nb\r\n$-1\r\n*2\r\n:1\r\n$0\r\n\r\n"
                                 b"-ERR no\r\n?\r\n")
        with resp.Client(server) as client:
            self.assertEqual(client.call_all([("A", 1), (b"\xff",)]), ["OK", -5])
            self.assertEqual(server.received(), b"*2\r\n$1\r\nA\r\n$1\r\n1\r\n*1\r\n$1\r\n\xff\r\n")
            self.assertEqual([client.read() for _ in range(3)], [b"a\r\nb", None, [1, b""]])
            with self.assertRaises(resp.ErrorReply):
                client.read()
            for _ in range(2):  # nonsense, then the end
                with self.assertRaises(servers.Failure):
                    client.read()
        server.close()


if __name__ == "__main__":
    unittest.main()
