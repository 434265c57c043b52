"""Medians of pair ratios.

Machines drift between two speeds within seconds, so a figure of one server is compared only with
the baseline's figure of the same round. A Ratio is the median of those ratios with the quartiles
as its spread; it says nothing about absolute speed.
"""


def median(values):
    return quantile(values, 0.5)


def quantile(values, fraction):
    """Linear interpolation between the order statistics; `values` is not empty."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


class Ratio:
    def __init__(self, values, baseline):
        if len(values) != len(baseline):
            raise ValueError("pairs need one value of each side per round")
        ratios = [value / base for value, base in zip(values, baseline)]
        self.median = median(ratios)
        self.low = quantile(ratios, 0.25)
        self.high = quantile(ratios, 0.75)
        self.pairs = len(ratios)

    def __str__(self):
        return "%.2f [%.2f-%.2f]" % (self.median, self.low, self.high)

    def to_json(self):
        return {"median": self.median, "q1": self.low, "q3": self.high, "pairs": self.pairs}


class Series:
    """What one server did in one cell, round by round."""

    FIGURES = {
        "throughput": lambda report: report["requests_per_second"],
        "cpu_us": lambda report: report["server_cpu_us_per_request"],
        "busy": lambda report: report["server_cores_busy"],
        "client_busy": lambda report: report["client_cores_busy"],
        "p50_us": lambda report: report["latency_us"]["p50"],
        "p99_us": lambda report: report["latency_us"]["p99"],
        "p99.9_us": lambda report: report["latency_us"]["p99.9"],
    }

    def __init__(self):
        self.rounds = {name: [] for name in self.FIGURES}

    def add(self, report):
        for name, figure in self.FIGURES.items():
            self.rounds[name].append(figure(report))

    def median(self, name):
        return median(self.rounds[name])

    def ratio(self, name, baseline):
        return Ratio(self.rounds[name], baseline.rounds[name])
