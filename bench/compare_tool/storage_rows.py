"""The measurements of storage that compare makes instead of throughput: what was asked for, at
which size, in one place. The measurements themselves are in stalls.py, expiry.py, memory.py and
collection_memory.py."""

import os

from . import collection_memory, expiry, extras, memory, stalls


def names(text):
    return text.split(",")


def numbers(text):
    return [int(part) for part in text.split(",")]


def add_arguments(parser):
    add = parser.add_argument_group(
        "instead of throughput, any of these together (RESP servers; by default larder and redis)"
    ).add_argument
    add("--stalls", action="store_true",
        help="a light probe while the table grows, keys expire, large values go, FLUSHALL ASYNC")
    add("--expiry", action="store_true", help="how late keys go, and whether an idle server wakes")
    add("--memory", action="store_true", help="process memory per key")
    add("--memory-policies", action="store_true",
        help="process memory per key under each maxmemory-policy")
    add("--size-mix", action="store_true",
        help="process memory over maxmemory while the sizes of values change")
    add("--memory-collections", action="store_true",
        help="process memory per element of lists, sets, hashes, sorted sets, streams")
    there = [disturbance.name for disturbance in stalls.DISTURBANCES]
    add("--disturbances", type=names, default=there, metavar="NAME,...",
        help="of --stalls: %s (all)" % ",".join(there))
    add("--grow-keys", type=int, default=10000000, metavar="N",
        help="keys of --stalls that fill and flush (10000000; redis takes 1.9 GB for them)")
    add("--expiring-keys", type=int, default=1000000, metavar="N",
        help="keys of --stalls that expire within a second (1000000)")
    add("--large-bytes", type=int, default=100000000, metavar="N",
        help="size of each of the 9 large values of --stalls (100000000)")
    add("--elements", type=int, default=1000000, metavar="N",
        help="of the collections of --stalls, and of each row of --memory-collections (1000000)")
    add("--fill-rate", type=int, default=200000, metavar="R",
        help="SETs a second while the table grows (200000)")
    add("--probe-rate", type=int, default=10000, metavar="R",
        help="requests a second of the probe (10000)")
    add("--quiet-seconds", type=float, default=5.0, metavar="S",
        help="at least so long before the disturbance, and again after it (5)")
    add("--disturber-core", type=int, metavar="N",
        help="(one that neither server nor client has, else the client's)")
    add("--late-keys", type=int, default=200000, metavar="N", help="keys of --expiry (200000)")
    add("--idle-seconds", type=float, default=5.0, metavar="S",
        help="how long --expiry watches an idle server (5)")
    add("--memory-keys", type=numbers, default=[3000000, 5000000, 7000000], metavar="N,...",
        help="ascending; targets are for the middle one (3000000,5000000,7000000)")
    add("--mix-megabytes", type=int, default=512, metavar="N",
        help="maxmemory of --size-mix in MiB (512)")


def make_quick(arguments):
    """Small enough that each row takes seconds."""
    arguments.grow_keys = min(arguments.grow_keys, 50000)
    arguments.expiring_keys = min(arguments.expiring_keys, 20000)
    arguments.large_bytes = min(arguments.large_bytes, 1000000)
    arguments.elements = min(arguments.elements, 5000)
    arguments.fill_rate = min(arguments.fill_rate, 50000)
    arguments.probe_rate = min(arguments.probe_rate, 1000)
    arguments.quiet_seconds = min(arguments.quiet_seconds, 0.2)
    arguments.late_keys = min(arguments.late_keys, 1600)
    arguments.idle_seconds = min(arguments.idle_seconds, 1.0)
    arguments.memory_keys = [min(keys, 10000 * (i + 1))
                             for i, keys in enumerate(arguments.memory_keys)]
    arguments.mix_megabytes = min(arguments.mix_megabytes, 8)


def complaint(arguments):
    """Why the arguments make no sense; empty when they do."""
    unknown = set(arguments.disturbances) - {one.name for one in stalls.DISTURBANCES}
    if unknown:
        return "--disturbances: no such: %s" % ", ".join(sorted(unknown))
    if arguments.memory_keys != sorted(set(arguments.memory_keys)) or arguments.memory_keys[0] < 1:
        return "--memory-keys: not ascending"
    if arguments.expiring_keys < stalls.EXPIRY_GROUPS:
        return "--expiring-keys: at least %d" % stalls.EXPIRY_GROUPS
    return ""


def wanted(arguments):
    return (arguments.stalls or arguments.expiry or arguments.memory or
            arguments.memory_policies or arguments.size_mix or arguments.memory_collections)


def measure(arguments, kinds, generator, say):
    """Returns (tables, JSON, missed targets, targets)."""
    tables, result, verdicts = [], {}, []
    core = arguments.server_core
    if arguments.stalls:
        rows = measure_stalls(arguments, kinds, generator, say)
        result["stalls"] = rows
        tables.append(stalls.table(rows))
        verdicts.append(stalls.missed_targets(rows))
    if arguments.expiry:
        rows = expiry.measure(kinds, core, generator, arguments.late_keys,
                              arguments.idle_seconds, say)
        result["expiry"] = rows
        tables.append(expiry.table(rows))
        verdicts.append(expiry.missed_targets(rows))
    growth, mixes = [], []
    setting = memory.Setting(generator, core, 1 if arguments.quick else extras.SETTLED_STEPS, say)
    if arguments.memory:
        rows = memory.measure_growth(kinds, arguments.memory_keys, setting)
        tables.append(memory.growth_table("Memory per key", rows))
        growth += rows
    if arguments.memory_policies:
        middle = arguments.memory_keys[len(arguments.memory_keys) // 2]
        rows = memory.measure_policies(kinds, middle, setting)
        tables.append(memory.growth_table("Memory per key by policy", rows))
        growth += rows
    if arguments.size_mix:
        mixes = memory.measure_mixes(kinds, arguments.mix_megabytes << 20, setting)
        tables.append(memory.mixes_table(mixes))
    if growth or mixes:
        result["memory"], result["mixes"] = growth, mixes
        verdicts.append(memory.missed_targets(growth, mixes))
    if arguments.memory_collections:
        settled_steps = 0 if arguments.quick else extras.SETTLED_STEPS
        rows = collection_memory.measure(kinds, arguments.elements, settled_steps, core, say)
        result["collections"] = rows
        tables.append(collection_memory.table(rows))
        verdicts.append(collection_memory.missed_targets(rows))
    missed, targets = (sum(part) for part in zip(*verdicts))
    return tables, result, missed, targets


def measure_stalls(arguments, kinds, generator, say):
    spare = sorted(os.sched_getaffinity(0) - {arguments.server_core, arguments.client_core})
    disturber_core = arguments.disturber_core
    if disturber_core is None:
        disturber_core = spare[-1] if spare else arguments.client_core
    # This script disturbs, too: it takes no time from the server, nor on more cores from the probe.
    os.sched_setaffinity(0, {disturber_core})
    sizes = stalls.Sizes(arguments.grow_keys, arguments.expiring_keys, arguments.large_bytes,
                         arguments.fill_rate, arguments.probe_rate, arguments.quiet_seconds, arguments.elements)
    setting = stalls.Setting(generator, arguments.server_core, disturber_core, sizes, say)
    chosen = [one for one in stalls.DISTURBANCES if one.name in arguments.disturbances]
    return stalls.measure(kinds, chosen, arguments.rounds or 3, setting)
