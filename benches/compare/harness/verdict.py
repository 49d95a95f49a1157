"""A figure held against what the project asks for, and against the others."""

from dataclasses import dataclass

from figures import Spread
from table import number, shown

HEAD = ["item", "what", ">measured", ">rounds", ">asked", "verdict"]


@dataclass(frozen=True)
class Verdict:
    item: str
    what: str
    # Judged by its median and its spread; None if it was not measured.
    measured: Spread | None
    unit: str
    # None where the project names no figure.
    target: float | None = None
    # Whether more is better, as it is for how many times faster we are.
    more: bool = False
    # Where the other one is as good; None where there is no other.
    even: float | None = None

    def spans(self, bound):
        return self.measured.least < bound < self.measured.most

    @property
    def is_uncertain(self):
        return self.target is not None and self.spans(self.target)

    @property
    def is_missed(self):
        if self.target is None or self.is_uncertain:
            return False
        return self.measured.median < self.target if self.more else self.measured.median > self.target

    @property
    def is_behind(self):
        if self.even is None:
            return False
        return self.measured.median <= self.even if self.more else self.measured.median >= self.even

    @property
    def is_lost(self):
        """Whether it is one of those that a page without them would be dishonest."""
        return self.is_missed or self.is_uncertain or self.is_behind

    @property
    def asked(self):
        if self.target is None:
            return "–"
        return f"{'≥' if self.more else '≤'} {number(self.target)}{self.unit}"

    @property
    def word(self):
        words = []
        if self.target is not None:
            words.append("**uncertain**" if self.is_uncertain else "**missed**" if self.is_missed else "met")
        if self.even is not None:
            word = "**behind**" if self.is_behind else "ahead"
            words.append(f"{word} within the spread" if self.spans(self.even) else word)
        return ", ".join(words) or "–"

    def row(self):
        return [
            self.item,
            self.what,
            shown(self.measured) + self.unit,
            str(self.measured.count),
            self.asked,
            self.word,
        ]
