"""Moments as places in a drawing.

A message that waits for a person, or for its next try, makes a trace of minutes whose work took
milliseconds. Stretches in which nothing happened are therefore cut short once they are longer than
all the work together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

_WIDTH_OF_CUT = 50
_MOST_FOR_CUTS = 400

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    left: float
    width: float
    took: timedelta


class TimeAxis:
    """``busy`` are the stretches in which something happened, in any order; at least one."""

    def __init__(self, busy: Iterable[Stretch], *, width: int) -> None:
        merged = _merged(busy)
        self.begin, self.end = merged[0][0], merged[-1][1]
        self.total = max(self.end - self.begin, timedelta(microseconds=1))
        worked = sum((end - start for start, end in merged), timedelta(0))
        idle = [(earlier[1], later[0]) for earlier, later in pairwise(merged)]
        cut = [one for one in idle if worked and one[1] - one[0] > worked]
        short = min(_WIDTH_OF_CUT, _MOST_FOR_CUTS / max(len(cut), 1))
        drawn = self.total - sum((end - start for start, end in cut), timedelta(0))
        room = width - short * len(cut)

        self.cuts: list[Cut] = []
        # Where the drawing bends: moments and their places, from the beginning to the end.
        self._bends: list[tuple[timedelta, float]] = [(timedelta(0), 0.0)]
        for start, end in cut:
            passed, place = self._bends[-1]
            left = place + (start - self.begin - passed) / drawn * room
            self.cuts.append(Cut(left=round(left, 2), width=round(short, 2), took=end - start))
            self._bends += [(start - self.begin, left), (end - self.begin, left + short)]
        self._bends.append((self.total, float(width)))

    def place(self, moment: datetime) -> float:
        """Moments outside are put to the edge."""
        passed = min(max(moment - self.begin, timedelta(0)), self.total)
        for (start, left), (end, right) in pairwise(self._bends):
            if passed <= end:
                part = (passed - start) / (end - start) if end > start else 0
                return left + part * (right - left)
        return self._bends[-1][1]

    def passed_at(self, place: float) -> timedelta:
        """Time since the beginning."""
        for (start, left), (end, right) in pairwise(self._bends):
            if place <= right:
                part = (place - left) / (right - left) if right > left else 0
                return start + part * (end - start)
        return self.total


def _merged(busy: Iterable[Stretch]) -> Sequence[Stretch]:
    merged: list[Stretch] = []
    for start, end in sorted(busy):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
