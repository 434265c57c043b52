"""One cell: a line at one cache size. Two ways to give all of them a cache of the same size.

objects   maxmemory is tuned until so many objects are kept at the end of the trace (within 2 %): compares
          policies, whatever an object costs.
bytes     everybody gets the same bytes for data: maxmemory is what the empty server uses, plus the share of
          what redis-server needs for all keys of the trace. Compares servers.
"""

import dataclasses
import sys

TOLERANCE = 0.02
MAX_TRIES = 6
LEAST_CACHE_BYTES = 16 << 20  # of an objects cell: values are chosen for it
DOUBTFUL_BYTES = 4 << 20      # of a bytes cell: below it what a server uses for itself, which varies by
                              # tens of KiB, is more than 1 %
MIN_VALUE_BYTES = 64
MAX_VALUE_BYTES = 4096


@dataclasses.dataclass
class Footprint:
    """What a server uses when empty, and with every key of the trace in it, both with the buffers of the
    connection that the trace is played over."""
    empty: int
    full: int
    unique: int

    def data_bytes(self, objects):
        return (self.full - self.empty) * objects / self.unique


def note(text):
    print(text, file=sys.stderr, flush=True)


def sizes_of(unique, percents, least):
    """[(percent, objects)], without those that `least` makes equal."""
    sizes = []
    for percent in percents:
        objects = min(unique, max(least, round(unique * percent / 100)))
        if not sizes or objects > sizes[-1][1]:
            sizes.append((100 * objects / unique, objects))
    return sizes


def value_bytes_for(objects):
    """Of values that make a cache of so many objects large enough to be measured."""
    return max(MIN_VALUE_BYTES, min(MAX_VALUE_BYTES, LEAST_CACHE_BYTES // objects))


def measure_footprint(core, line, value_bytes):
    with line.start(0) as server:
        filled = core.replay(server.port, value_bytes, ["--play", "keys", "--at-end", "flush"])
    return Footprint(filled["emptied_memory"], filled["used_memory"], filled["kept"])


def result_of(line, mode, percent, objects, maxmemory, played, tries):
    result = {"line": line.name, "mode": mode, "percent": percent, "objects": objects,
              "maxmemory": int(maxmemory), "tries": tries}
    result.update((key, played[key]) for key in (
        "gets", "misses", "miss_ratio", "kept", "used_memory", "sets", "refused_sets",
        "first_error", "seconds"))
    return result


def play_objects(core, line, percent, objects, value_bytes, footprint, extra):
    """Tunes maxmemory. The result says by `kept` how near it came."""
    data = footprint.data_bytes(objects)
    best = None
    for attempt in range(1, MAX_TRIES + 1):
        maxmemory = footprint.empty + data
        with line.start(maxmemory) as server:
            played = core.replay(server.port, value_bytes, [*extra, *line.replay_options()])
        result = result_of(line, "objects", percent, objects, maxmemory, played, attempt)
        distance = abs(played["kept"] / objects - 1)
        if best is None or distance < abs(best["kept"] / objects - 1):
            best = result
        best["tries"] = attempt
        if distance <= TOLERANCE or played["kept"] == 0:
            break
        data *= objects / played["kept"]
    return best


def play_bytes(core, line, percent, objects, value_bytes, data, empty, extra):
    with line.start(empty + data) as server:
        played = core.replay(server.port, value_bytes, [*extra, *line.replay_options()])
    return result_of(line, "bytes", percent, objects, empty + data, played, 1)


def reference_results(core, mode, sizes, value_bytes, description, models):
    """Exact LRU and the optimum (or a clairvoyant cache, where that is none) at the same sizes, and
    further models where they apply."""
    in_bytes = mode == "bytes" and description["sized"]
    names = {"exact-lru": "model: exact LRU",
             "optimum": "model: clairvoyant" if in_bytes or description["ttl"]
                        else "model: optimum"}
    if mode == "objects":
        names.update((policy, "model: " + policy) for policy in models)
    capacity = {}
    for _, objects in sizes:
        share = objects / description["unique"]
        capacity[objects] = round(share * description["object_bytes"]) if in_bytes else objects
    ratios = core.model(list(names), capacity.values(), "bytes" if in_bytes else "objects",
                        value_bytes)
    return [{"line": names[policy], "mode": mode, "percent": percent, "objects": objects,
             "kept": None, "miss_ratio": ratios[policy, capacity[objects]]}
            for policy in names for percent, objects in sizes]


class Runner:
    """All cells of one trace in one mode, line by line."""

    def __init__(self, core, lines, models, baseline, extra):
        self.core = core
        self.models = models      # policies of policy_model.h
        self.lines = lines
        self.baseline = baseline  # the line whose bytes count for everybody
        self.extra = extra        # for the replay
        self.footprints = {}

    def footprint(self, line, value_bytes):
        key = (line.server, value_bytes)
        if key not in self.footprints:
            self.footprints[key] = measure_footprint(self.core, line, value_bytes)
        return self.footprints[key]

    def run(self, mode, sizes, description, value_bytes):
        """Yields results. `value_bytes` None: chosen (objects) or as the trace says (bytes)."""
        yield from reference_results(self.core, mode, sizes, value_bytes, description,
                                     self.models)
        for line in self.lines:
            for percent, objects in sizes:
                if mode == "objects":
                    value = value_bytes or value_bytes_for(objects)
                    result = play_objects(self.core, line, percent, objects, value,
                                          self.footprint(line, value), self.extra)
                else:
                    data = self.footprint(self.baseline, value_bytes).data_bytes(objects)
                    if data < DOUBTFUL_BYTES:
                        note("  only %.1f MiB of data: --copies would say more" % (data / 2**20))
                    result = play_bytes(self.core, line, percent, objects, value_bytes, data,
                                        self.footprint(line, value_bytes).empty, self.extra)
                note("  %-24s %-7s %5.1f %% of keys: %.4f missed, %d kept, %.1f s, tries %d" % (
                    line.name, mode, percent, result["miss_ratio"], result["kept"],
                    result["seconds"], result["tries"]))
                yield result
