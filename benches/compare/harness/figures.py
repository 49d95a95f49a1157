"""Medians, spreads, ratios within a round, slopes."""

import math
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    median: float
    least: float
    most: float
    # How many figures it is of: rounds, as a rule.
    count: int

    @staticmethod
    def of(values):
        """None of no values."""
        values = list(values)
        return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None

    def __truediv__(self, unit):
        return Spread(self.median / unit, self.least / unit, self.most / unit, self.count)


def by_round(runs, value, /, **wanted):
    """The figure of each round, of those runs that have what is wanted."""
    chosen = [run for run in runs if all(run.get(name) == given for name, given in wanted.items())]
    return {run["round"]: value(run) for run in chosen}


def spread(of_rounds):
    return Spread.of(of_rounds.values())


def differences(above, below):
    return {number: above[number] - below[number] for number in above.keys() & below.keys()}


def ratio(above, below):
    """The median of the ratios within each round, which is not the ratio of the medians."""
    return Spread.of(above[number] / below[number] for number in above.keys() & below.keys())


def line(points):
    """Slope and intercept of the line of least squares; None if there are not two points."""
    if len({x for x, _ in points}) < 2:
        return None
    found = statistics.linear_regression(*zip(*points))
    return found.slope, found.intercept


def slope(points):
    """That of the line of least squares, as one figure with twice its standard error to both sides. None of fewer than
    three points."""
    if len(points) < 3 or (found := line(points)) is None:
        return None
    by_x, fixed = found
    middle = statistics.fmean(x for x, _ in points)
    off = sum((y - fixed - by_x * x) ** 2 for x, y in points)
    error = math.sqrt(off / (len(points) - 2) / sum((x - middle) ** 2 for x, _ in points))
    return Spread(by_x, by_x - 2 * error, by_x + 2 * error, 1)
