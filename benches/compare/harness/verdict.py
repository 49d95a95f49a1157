"""A figure held against what the project asks for."""

from dataclasses import dataclass

from figures import Spread
from table import number, shown


@dataclass(frozen=True)
class Verdict:
    item: str
    what: str
    # A Spread or a number, judged by its median.
    measured: object
    unit: str
    # None where the project names no figure.
    target: float | None = None
    # Whether more is better, as it is for how many times faster we are.
    more: bool = False
    # Above it (below it, where less is better) the other one is ahead; None where there is no other.
    even: float | None = None

    @property
    def value(self):
        return self.measured.median if isinstance(self.measured, Spread) else self.measured

    def beyond(self, bound):
        return self.value < bound if self.more else self.value > bound

    @property
    def missed(self):
        return self.target is not None and self.beyond(self.target)

    @property
    def behind(self):
        return self.even is not None and self.beyond(self.even)

    @property
    def asked(self):
        if self.target is None:
            return "–"
        return f"{'≥' if self.more else '≤'} {number(self.target)}{self.unit}"

    @property
    def word(self):
        words = ["**missed**"] if self.missed else [] if self.target is None else ["met"]
        if self.behind:
            words.append("**behind**")
        return ", ".join(words) or "–"

    def row(self):
        return [self.item, self.what, shown(self.measured) + self.unit, self.asked, self.word]
