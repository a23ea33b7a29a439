"""What a figure comes to: a line of the table, and whether it is as wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Cells = Mapping[str, str | float | None]


class Unit(StrEnum):
    PER_SECOND = "/s"
    MICROSECONDS = "µs"
    MILLISECONDS = "ms"
    SECONDS = "s"
    MEGABYTES = "MB"
    PERCENT_OF_A_CORE = "% of a core"


class Verdict(StrEnum):
    OK = "ok"
    MISSED = "missed"
    INFORMAL = "informal"  # nothing was promised of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A bound of the ratio of ours to the floor, or of ours itself."""

    bound: float
    of_ratio: bool
    at_least: bool

    def holds(self, line: "Line") -> bool:
        value = line.ratio if self.of_ratio else line.ours
        if value is None:
            return False
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


def ratio_at_least(bound: float) -> Wanted:
    return Wanted(bound=bound, of_ratio=True, at_least=True)


def ratio_at_most(bound: float) -> Wanted:
    return Wanted(bound=bound, of_ratio=True, at_least=False)


def at_most(bound: float) -> Wanted:
    return Wanted(bound=bound, of_ratio=False, at_least=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``floor`` is what the same costs by hand, in the same unit and the same run."""

    figure: str
    what: str
    ours: float
    unit: Unit
    floor: float | None = None
    wanted: Wanted | None = None
    load: float | None = None  # the machine's, over the last minute

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def verdict(self) -> Verdict:
        if self.wanted is None:
            return Verdict.INFORMAL
        return Verdict.OK if self.wanted.holds(self) else Verdict.MISSED

    @property
    def is_missed(self) -> bool:
        return self.verdict is Verdict.MISSED

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.cells().items() if value)

    def cells(self) -> Cells:
        """For people, rounded to what may be believed."""
        return {
            "figure": self.figure,
            "what": self.what,
            "ours": _rounded(self.ours, self.unit),
            "floor": "" if self.floor is None else _rounded(self.floor, self.unit),
            "ratio": "" if self.ratio is None else f"{self.ratio:.2f}",
            "wanted": "" if self.wanted is None else _bound(self.wanted, self.unit),
            "verdict": self.verdict.value,
            "load": "" if self.load is None else f"{self.load:.1f}",
        }

    def values(self) -> Cells:
        """For programs."""
        return {
            "figure": self.figure,
            "what": self.what,
            "ours": self.ours,
            "floor": self.floor,
            "unit": self.unit.value,
            "ratio": self.ratio,
            "wanted": None if self.wanted is None else _bound(self.wanted, self.unit),
            "verdict": self.verdict.value,
            "load": self.load,
        }


def _bound(wanted: Wanted, unit: Unit) -> str:
    return f"ratio {wanted}" if wanted.of_ratio else f"{wanted} {unit.value}"


def _rounded(value: float, unit: Unit) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    gap = "" if unit is Unit.PER_SECOND else " "
    return f"{value:.{digits}f}{gap}{unit.value}"
