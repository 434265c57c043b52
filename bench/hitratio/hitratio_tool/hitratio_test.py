"""The whole way, short: hitratio against the real redis-server, beside models. Argument: build directory."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(os.path.dirname(HERE), "hitratio")
sys.path[:0] = [os.path.dirname(HERE), os.path.dirname(os.path.dirname(HERE))]
sys.dont_write_bytecode = True

from hitratio_tool import cells, chart, report  # noqa: E402

BUILD = sys.argv.pop() if len(sys.argv) > 1 else "build/dev"
LRU, OPTIMUM = report.LRU, "model: optimum"


def run(*arguments):
    """Runs the tool; returns its output and what it wrote as JSON, by (line, mode, objects)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results.json")
        done = subprocess.run([sys.executable, TOOL, *arguments, "--build", BUILD, "--json", path,
                               "--svg", folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        charts = [name for name in os.listdir(folder) if name.endswith(".svg")]
        for name in charts:
            xml.dom.minidom.parse(os.path.join(folder, name))
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)
    results = {(r["line"], r["mode"], r["objects"]): r for each in runs for r in each["results"]}
    return done.stdout, results, charts


class Whole(unittest.TestCase):
    def test_policies_of_redis_beside_models(self):
        output, results, charts = run(
            "scan-zipf:keys=20000,requests=200000,scan=20,length=2000", "--percent", "10",
            "--lines", "redis:allkeys-lru,redis:allkeys-lfu,redis:allkeys-random",
            "--value-bytes", "1024", "--model", "s3fifo:small=25,f=1")
        self.assertEqual(len(charts), 2)
        objects = next(key[2] for key in results)
        lru, best = (results[name, "objects", objects]["miss_ratio"] for name in (LRU, OPTIMUM))
        redis = results["redis:allkeys-lru", "objects", objects]
        self.assertLess(abs(redis["kept"] / objects - 1), cells.TOLERANCE)
        # It samples, so it is near exact LRU, but not the same; random choice misses more.
        self.assertLess(abs(redis["miss_ratio"] / lru - 1), 0.03)
        self.assertGreater(results["redis:allkeys-random", "objects", objects]["miss_ratio"],
                           1.01 * redis["miss_ratio"])
        self.assertLess(results["model: s3fifo:small=25,f=1", "objects", objects]["miss_ratio"],
                        0.97 * lru)
        for (line, _, _), result in results.items():
            self.assertGreaterEqual(result["miss_ratio"], best, line)
            self.assertEqual(result.get("refused_sets", 0), 0, line)
        self.assertIn("| redis:allkeys-lfu |", output)

    def test_times_to_live(self):
        with tempfile.TemporaryDirectory() as folder:
            # Half of all objects live for a thousandth of the trace; nothing else ever goes.
            with open(os.path.join(folder, "twitter_2020Mar_stat.md"), "w", encoding="utf-8") as file:
                file.write("| cluster9 | 0 | 2 | 20 | 200 | 1.00 | 1 | 1 | 1 | 1d:0.50, 1s:0.50, "
                           "| 1 | 1 | get:0.90 set:0.10 | 0.9 |\n")
            _, results, _ = run(
                "cluster:number=9,keys=3000,requests=60000", "--traces", folder, "--percent", "100",
                "--lines", "redis:allkeys-lru", "--seconds", "3")
        modes = {mode for _, mode, _ in results}
        self.assertEqual(modes, {"bytes"})
        (redis,) = [r for (line, _, _), r in results.items() if line.startswith("redis")]
        (model,) = [r for (line, _, _), r in results.items() if line == LRU]
        # At least what expires is missed; on a slow machine more has expired.
        self.assertGreater(redis["miss_ratio"], 0.9 * model["miss_ratio"])
        self.assertGreater(model["miss_ratio"], 2 * 3000 / 60000)

    def test_deletions_come_between_the_same_reads_as_in_the_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "twitter_2020Mar_stat.md"), "w", encoding="utf-8") as file:
                file.write("| cluster9 | 0 | 2 | 20 | 200 | 99.00 | 1 | 1 | 1 | 9d:1.00, "
                           "| 1 | 1 | get:0.70 delete:0.20 set:0.10 | 1.1 |\n")
            _, results, _ = run(
                "cluster:number=9,keys=1000,requests=20000", "--traces", folder, "--percent", "100",
                "--copies", "3", "--lines", "redis:allkeys-random", "--seconds", "1")
        (redis,) = [r for (line, _, _), r in results.items() if line.startswith("redis")]
        (model,) = [r for (line, _, _), r in results.items() if line == LRU]
        # Room for everything: only deletions decide, and so the figures are the same.
        self.assertAlmostEqual(redis["miss_ratio"], model["miss_ratio"], 5)

    def test_noeviction_refuses_what_does_not_fit(self):
        _, results, _ = run("loop:keys=3000,requests=6000", "--percent", "50", "--modes", "bytes",
                            "--lines", "redis:noeviction", "--value-bytes", "1000")
        (redis,) = [r for (line, _, _), r in results.items() if line.startswith("redis")]
        self.assertGreater(redis["refused_sets"], 1000)
        self.assertIn("OOM", redis["first_error"])


class Parts(unittest.TestCase):
    def test_sizes_that_the_least_makes_equal_are_one(self):
        self.assertEqual([objects for _, objects in cells.sizes_of(20000, [1, 3, 10, 30], 1000)],
                         [1000, 2000, 6000])
        self.assertEqual(cells.sizes_of(500, [1, 30], 1000), [(100, 500)])

    def test_a_chart_has_a_point_for_every_result(self):
        results = [{"line": line, "objects": objects, "percent": objects / 100, "kept": None,
                    "miss_ratio": ratio / objects}
                   for objects in (100, 300) for line, ratio in ((LRU, 50), ("redis:x<y", 60))]
        drawn = chart.draw("a & b", report.by_line(results))
        xml.dom.minidom.parseString(drawn)
        self.assertEqual(drawn.count("<polyline"), 2)
        self.assertEqual(drawn.count("<circle"), 2 + 1)  # and one in the legend

    def test_steps_of_an_axis(self):
        self.assertAlmostEqual(chart.nice_step(1.0, 7), 0.2)
        self.assertAlmostEqual(chart.nice_step(0.3, 7), 0.05)

    def test_a_table_names_what_was_kept_only_where_it_matters(self):
        lru = {"miss_ratio": 0.5, "kept": None, "objects": 100}
        near = {"miss_ratio": 0.55, "kept": 101, "objects": 100}
        far = {"miss_ratio": 0.45, "kept": 120, "objects": 100}
        self.assertEqual(report.cell_text(near, lru, "objects"), "0.5500 (+10.0 %)")
        self.assertEqual(report.cell_text(far, lru, "objects"), "0.4500 (-10.0 %), 120 kept")
        self.assertEqual(report.cell_text(near, lru, "bytes"), "0.5500 (+10.0 %), 101 kept")


if __name__ == "__main__":
    unittest.main()
