"""The main measurement: every load at every pipeline depth, servers taking turns.

All servers of one data set run at once, pinned to the same core, and are measured in turn: A B C,
C B A, A B C ... An idle one costs the others nothing that can be measured. Each data set gets fresh
processes.
"""

import contextlib

from .pairs import Series
from .servers import Server


class Plan:
    """What to run: chosen by the command line."""

    def __init__(self, kinds, loads, pipelines, rounds_of, seconds, warmup, server_core):
        self.kinds = kinds
        self.loads = loads
        self.pipelines = pipelines
        self.rounds_of = rounds_of  # pipeline -> rounds
        self.seconds = seconds
        self.warmup = warmup
        self.server_core = server_core


class Cell:
    """One load at one depth: a Series per server."""

    def __init__(self, load, pipeline, names):
        self.load = load
        self.pipeline = pipeline
        self.series = {name: Series() for name in names}


class Fleet:
    """The running servers of one data set. A floor server answers one size of reply, so it runs
    once per size."""

    def __init__(self, plan, loads, stack):
        self._servers = {}
        sizes = sorted({load.reply_bytes for load in loads})
        for kind in plan.kinds:
            for size in sizes if kind.floor else [0]:
                self._servers[kind.name, size] = stack.enter_context(
                    Server(kind, {plan.server_core}, reply_bytes=size))

    def for_load(self, kind, load):
        return self._servers[kind.name, load.reply_bytes if kind.floor else 0]


def measure_cells(plan, generator, say):
    """Runs the plan. Returns the cells, and per server the memory that filling took per key."""
    cells = []
    key_memory = {}
    for data_set in sorted({load.data_set for load in plan.loads}):
        loads = [load for load in plan.loads if load.data_set == data_set]
        with contextlib.ExitStack() as stack:
            fleet = Fleet(plan, loads, stack)
            filled = set()
            for load in loads:
                if load.prefix not in filled:
                    fill_all(plan, fleet, load, generator, say, key_memory)
                    filled.add(load.prefix)
                for pipeline in plan.pipelines:
                    say("%s, pipeline %d" % (load.title, pipeline))
                    cells.append(measure_cell(plan, fleet, load, pipeline, generator))
    return cells, key_memory


def fill_all(plan, fleet, load, generator, say, key_memory):
    for kind in plan.kinds:
        if kind.floor or not load.fits(kind) or load.filled_by is None:
            continue
        say("filling %s: %d keys of %s" % (kind.name, generator.keys, load.title))
        server = fleet.for_load(kind, load)
        before = server.resident_bytes()
        generator.fill(server, load)
        if load.prefix == "key:":
            grown = (server.resident_bytes() - before) / generator.keys
            key_memory.setdefault(kind.name, {})[load.value_bytes] = grown


def measure_cell(plan, fleet, load, pipeline, generator):
    kinds = [kind for kind in plan.kinds if load.fits(kind)]
    cell = Cell(load, pipeline, [kind.name for kind in kinds])
    for turn in range(plan.rounds_of(pipeline)):
        # Back and forth, so that nobody always runs after the same neighbour.
        order = kinds if turn % 2 == 0 else kinds[::-1]
        for kind in order:
            server = fleet.for_load(kind, load)
            report = generator.measure(server, load, pipeline, plan.seconds, plan.warmup, turn + 1)
            cell.series[kind.name].add(report)
    return cell
