"""Tables: plain text or Markdown, and everything as JSON.

A table is a title, a list of column names and rows of strings. Numbers are formatted here and
nowhere else.
"""

from .extras import SHARED_CONNECTIONS
from .loads import IDLE_TARGET_BYTES, TARGET_BASELINE, TARGET_SERVER, target_of


class Table:
    def __init__(self, title, columns, rows, notes=()):
        self.title = title
        self.columns = columns
        self.rows = rows
        self.notes = list(notes)

    def text(self):
        widths = [max(len(row[i]) for row in [self.columns] + self.rows)
                  for i in range(len(self.columns))]
        lines = [self.title, ""]
        for row in [self.columns, ["-" * width for width in widths]] + self.rows:
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        return "\n".join(lines + [""] + self.notes) + "\n"

    def markdown(self):
        lines = ["### " + self.title, "", "| " + " | ".join(self.columns) + " |",
                 "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines + [""] + self.notes) + "\n"


def verdict(value, limit, at_least):
    met = value >= limit if at_least else value <= limit
    return "%s (%s %.2f)" % ("met" if met else "MISSED", "at least" if at_least else "at most",
                             limit)


def cells_table(cells, baseline):
    columns = ["load", "pipeline", "server", "k ops/s", "CPU us/op", "core busy", "p50 us",
               "p99 us", "p99.9 us"]
    if baseline:
        columns += ["x throughput", "x CPU", "target throughput", "target CPU"]
    rows = []
    for cell in cells:
        for name, series in cell.series.items():
            row = [cell.load.title, str(cell.pipeline), name,
                   "%.0f" % (series.median("throughput") / 1000.0),
                   "%.3f" % series.median("cpu_us"), "%.0f %%" % (100 * series.median("busy")),
                   "%.0f" % series.median("p50_us"), "%.0f" % series.median("p99_us"),
                   "%.0f" % series.median("p99.9_us")]
            if baseline:
                row += ratio_columns(cell, name, baseline)
            rows.append(row)
    notes = ["Medians of the rounds; ratios are medians of pair ratios against %s with their "
             "quartiles." % baseline if baseline else "Medians of the rounds."]
    return Table("Throughput, server CPU, latency", columns, rows, notes)


def ratio_columns(cell, name, baseline):
    if name == baseline:
        return ["1", "1", "", ""]
    if baseline not in cell.series:
        return ["", "", "", ""]
    series, base = cell.series[name], cell.series[baseline]
    throughput, cpu = series.ratio("throughput", base), series.ratio("cpu_us", base)
    target = target_of(name, baseline, cell.load.name, cell.pipeline)
    if target is None:
        return [str(throughput), str(cpu), "", ""]
    return [str(throughput), str(cpu),
            "" if target[0] is None else verdict(throughput.median, target[0], True),
            verdict(cpu.median, target[1], False)]


def missed_targets(cells, baseline, idle):
    """How many of the targets that were measured are missed, and how many there were."""
    missed = count = 0
    for cell in cells:
        target = target_of(TARGET_SERVER, baseline, cell.load.name, cell.pipeline)
        if target is None or not {TARGET_SERVER, baseline} <= set(cell.series):
            continue
        series, base = cell.series[TARGET_SERVER], cell.series[baseline]
        count += 1 if target[0] is None else 2
        if target[0] is not None:
            missed += series.ratio("throughput", base).median < target[0]
        missed += series.ratio("cpu_us", base).median > target[1]
    if TARGET_SERVER in idle:
        count += 1
        missed += idle[TARGET_SERVER]["after PING"][1] > IDLE_TARGET_BYTES
    return missed, count


def process_table(names, key_memory, idle, starts):
    """Per server: memory per key and per idle connection, start time."""
    value_sizes = sorted({size for sizes in key_memory.values() for size in sizes})
    columns = ["server"] + ["B/key over key + %d B value" % size for size in value_sizes]
    if idle:
        columns += ["idle: B/connection", "after PING, at once", "after PING, settled", "target"]
    if starts:
        columns += ["start to first answer, ms"]
    rows = []
    for name in names:
        row = [name]
        for size in value_sizes:
            grown = key_memory.get(name, {}).get(size)
            row.append("" if grown is None else "%.1f" % (grown - size - 16))
        if idle:
            row += idle_columns(name, idle[name])
        if starts:
            row.append("%.1f" % (1000.0 * starts[name]))
        rows.append(row)
    return Table("Memory and start", columns, rows, [
        "Growth of resident memory. Connections: beyond the first %d, which pay for what all share."
        % SHARED_CONNECTIONS])


def idle_columns(name, measured):
    settled = measured["after PING"][1]
    target = "" if name != TARGET_SERVER else "%s (at most %d)" % (
        "met" if settled <= IDLE_TARGET_BYTES else "MISSED", IDLE_TARGET_BYTES)
    return ["%.0f" % measured["never used"][1], "%.0f" % measured["after PING"][0],
            "%.0f" % settled, target]


def workers_table(title, rows, against):
    columns = ["server", "load", "pipeline", "workers", "k ops/s", "CPU us/op",
               "x throughput", "x CPU", "cores"]
    return Table(title, columns, [[
        row["server"], row["load"], str(row["pipeline"]), str(row["threads"]),
        "%.0f" % (row["throughput"] / 1000.0), "%.3f" % row["cpu_us"],
        str(row["throughput_ratio"]), str(row["cpu_ratio"]),
        "shared with clients" if row["shares_cores"] else "own",
    ] for row in rows], ["Ratios against %s." % against])


def to_json(cells, baseline, key_memory, idle, starts, curve, hot):
    """Everything that was measured, round by round."""
    def plain(row):
        return {key: value.to_json() if hasattr(value, "to_json") else value
                for key, value in row.items()}

    result = {"cells": [], "bytes_per_key": key_memory, "idle_bytes": idle, "start_s": starts,
              "threads_curve": [plain(row) for row in curve],
              "hot_key": [plain(row) for row in hot]}
    for cell in cells:
        for name, series in cell.series.items():
            entry = {"load": cell.load.name, "pipeline": cell.pipeline, "server": name,
                     "rounds": series.rounds}
            if name != baseline and baseline in cell.series:
                base = cell.series[baseline]
                entry["throughput_ratio"] = series.ratio("throughput", base).to_json()
                entry["cpu_ratio"] = series.ratio("cpu_us", base).to_json()
                entry["target"] = target_of(name, baseline, cell.load.name, cell.pipeline)
            result["cells"].append(entry)
    return result
