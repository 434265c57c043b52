"""An SVG chart: miss ratio over cache size, one line per policy. Written by hand, no dependency."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 900, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 230, 50, 60
LABEL_WIDTH = 50
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f00",
           "#b22222", "#4b0082"]
REFERENCES = ("model: exact LRU", "model: optimum", "model: clairvoyant")
MARKERS = ["circle", "square", "diamond", "triangle"]


def nice_step(span, count):
    """1, 2 or 5 times a power of ten, for about `count` steps."""
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        if factor * power >= raw:
            return factor * power
    return 10 * power


class Scale:
    def __init__(self, low, high, start, end, logarithmic=False):
        self.map = math.log if logarithmic else float
        self.low, self.high = self.map(low), self.map(high)
        self.start, self.end = start, end

    def __call__(self, value):
        if self.high == self.low:
            return (self.start + self.end) / 2
        share = (self.map(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def text(x, y, words, anchor="middle", more=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
        x, y, anchor, more, escape(words))


def marker(shape, x, y, colour):
    if shape == "circle":
        return '<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>' % (x, y, colour)
    corners = {"square": [(-3, -3), (3, -3), (3, 3), (-3, 3)],
               "diamond": [(0, -4.5), (4.5, 0), (0, 4.5), (-4.5, 0)],
               "triangle": [(0, -4.5), (4, 3.5), (-4, 3.5)]}[shape]
    points = " ".join("%.1f,%.1f" % (x + dx, y + dy) for dx, dy in corners)
    return '<polygon points="%s" fill="%s"/>' % (points, colour)


def axes(across, up, sizes, low, high):
    parts = []
    step = nice_step(high - low, 7)
    decimals = max(0, -math.floor(math.log10(step)))
    value = math.ceil(low / step - 1e-9) * step
    while value <= high + 1e-9:
        y = up(value)
        parts.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>' % (
            LEFT, y, WIDTH - RIGHT, y))
        parts.append(text(LEFT - 8, y + 4, "%.*f" % (decimals, value), "end"))
        value += step
    labelled = -math.inf
    for objects, percent in sizes:
        x = across(objects)
        parts.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>' % (
            x, TOP, x, HEIGHT - BOTTOM))
        if x - labelled < LABEL_WIDTH:
            continue
        labelled = x
        parts.append(text(x, HEIGHT - BOTTOM + 17, "%d" % objects))
        parts.append(text(x, HEIGHT - BOTTOM + 31, "%.3g %%" % percent, more=' fill="#666"'))
    parts.append('<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#444"/>' % (
        LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10,
                      "cache size: objects, and percent of the trace's keys (logarithmic)"))
    parts.append(text(18, middle, "misses per read", more=' transform="rotate(-90 18 %.1f)"' % middle))
    return parts


def style_of(name, number):
    """Colour, marker and dashes; models are dashed, those for reference black and without markers."""
    if name in REFERENCES:
        return "#000", None, "6 3" if "LRU" in name else "2 3"
    return (COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)],
            "4 2" if name.startswith("model") else None)


def draw(title, lines):
    """`lines` as report.by_line gives them. The legend is in order of the lines' right ends."""
    results = [result for cells in lines.values() for result in cells.values()]
    sizes = sorted({(result["objects"], result["percent"]) for result in results})
    ratios = [result["miss_ratio"] for result in results]
    margin = 0.05 * (max(ratios) - min(ratios)) or 0.01
    low, high = max(0.0, min(ratios) - margin), max(ratios) + margin
    across = Scale(sizes[0][0], sizes[-1][0], LEFT + 25, WIDTH - RIGHT - 25, True)
    up = Scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
             'font-size="12">' % (WIDTH, HEIGHT),
             '<rect width="%d" height="%d" fill="#fff"/>' % (WIDTH, HEIGHT),
             text(LEFT, 28, title, "start", ' font-size="15"'), *axes(across, up, sizes, low, high)]
    styles = {}
    servers = [name for name in lines if name not in REFERENCES]
    for name, cells in lines.items():
        number = servers.index(name) if name in servers else 0
        colour, shape, dashes = styles[name] = style_of(name, number)
        points = [(across(objects), up(cells[objects]["miss_ratio"])) for objects in sorted(cells)]
        parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"%s/>' % (
            " ".join("%.1f,%.1f" % point for point in points), colour,
            ' stroke-dasharray="%s"' % dashes if dashes else ""))
        if shape:
            parts += [marker(shape, x, y, colour) for x, y in points]
    ends = sorted(lines, key=lambda name: -lines[name][max(lines[name])]["miss_ratio"])
    for row, name in enumerate(ends):
        colour, shape, dashes = styles[name]
        x, y = WIDTH - RIGHT + 15, TOP + 10 + 20 * row
        parts.append('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="1.6"%s/>' % (
            x, y, x + 26, y, colour, ' stroke-dasharray="%s"' % dashes if dashes else ""))
        if shape:
            parts.append(marker(shape, x + 13, y, colour))
        parts.append(text(x + 33, y + 4, name, "start"))
    return "\n".join(parts + ["</svg>", ""])
