"""Tables (markdown) of results."""

LRU = "model: exact LRU"


def by_line(results):
    """{line: {objects: result}}, in order of first appearance."""
    lines = {}
    for result in results:
        lines.setdefault(result["line"], {})[result["objects"]] = result
    return lines


def cell_text(result, lru, mode):
    if result is None:
        return ""
    text = "%.4f" % result["miss_ratio"]
    if lru and result is not lru and lru["miss_ratio"] > 0:
        text += " (%+.1f %%)" % (100 * (result["miss_ratio"] / lru["miss_ratio"] - 1))
    kept = result["kept"]
    if kept is not None and (mode == "bytes" or abs(kept / result["objects"] - 1) > 0.02):
        text += ", %d kept" % kept
    if result.get("refused_sets"):
        text += ", %d SETs refused" % result["refused_sets"]
    return text


def table(description, mode, results):
    lines = by_line(results)
    sizes = sorted({(result["objects"], result["percent"]) for result in results})
    heads = ["%.3g %% = %d objects" % (percent, objects) for objects, percent in sizes]
    rows = ["| %s | %s | mean |" % (mode, " | ".join(heads)), "|---" * (len(heads) + 2) + "|"]
    for name, cells in lines.items():
        texts = [cell_text(cells.get(objects), lines[LRU].get(objects), mode)
                 for objects, _ in sizes]
        rows.append("| %s | %s | %s |" % (name, " | ".join(texts), mean_text(cells, lines[LRU])))
    title = "### %s: %d requests, %d keys" % (
        description["trace"], description["requests"], description["unique"])
    return "\n".join([title, "", *rows, ""])


def mean_text(cells, lru):
    changes = [cells[objects]["miss_ratio"] / lru[objects]["miss_ratio"] - 1
               for objects in cells if lru[objects]["miss_ratio"] > 0]
    return "%+.1f %%" % (100 * sum(changes) / len(changes)) if changes else ""


HEADER = {
    "objects": "Misses per read at the same number of objects; in brackets against exact LRU (fewer is "
               "better). Where another number was kept than asked for (by more than 2 %), it says so.",
    "bytes": "Misses per read with the same bytes of data, as many as redis-server needs for so many "
             "objects; in brackets against exact LRU of so many objects; objects kept at the end.",
}
