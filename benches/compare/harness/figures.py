"""Medians, spreads, ratios within a round, slopes."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    median: float
    least: float
    most: float

    @staticmethod
    def of(values):
        values = list(values)
        return Spread(statistics.median(values), min(values), max(values))

    def __truediv__(self, unit):
        return Spread(self.median / unit, self.least / unit, self.most / unit)


def by_round(runs, value, /, **wanted):
    """The figure of each round, of those runs that have what is wanted."""
    chosen = [run for run in runs if all(run.get(name) == given for name, given in wanted.items())]
    return {run["round"]: value(run) for run in chosen}


def spread(of_rounds):
    return Spread.of(of_rounds.values()) if of_rounds else None


def ratio(above, below):
    """The median of the ratios within each round, which is not the ratio of the medians."""
    rounds = above.keys() & below.keys()
    return Spread.of(above[number] / below[number] for number in rounds) if rounds else None


def line(points):
    """Slope and intercept of the line of least squares."""
    found = statistics.linear_regression(*zip(*points))
    return found.slope, found.intercept


def slope(points):
    return line(points)[0]
