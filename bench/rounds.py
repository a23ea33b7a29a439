"""How often and how long something is measured, and what is made of it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


class FigureFailed(Exception):
    """What is to be measured does not even work."""


@dataclass(frozen=True, slots=True)
class Effort:
    """A share of the full measurement: 1 for figures to be believed, less to see that it works."""

    share: float = 1.0

    def count(self, full: int, *, least: int = 1) -> int:
        return max(least, round(full * self.share))

    def seconds(self, full: float, *, least: float = 0.5) -> float:
        return max(least, full * self.share)


def interleaved(works: Mapping[str, Callable[[int], float]], *, rounds: int) -> dict[str, float]:
    """The median of what each work returns, called in turn with the number of the round: whatever
    else the machine does, it does to all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            found[name].append(work(number))
    return {name: statistics.median(values) for name, values in found.items()}


def per_second(work: Callable[[str], object], keys: Sequence[str]) -> float:
    began = time.perf_counter()
    for key in keys:
        work(key)
    return len(keys) / (time.perf_counter() - began)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    place = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(place) - 1)]


def wait_until(
    condition: Callable[[], object], *, limit_s: float, what: str, every_s: float = 0.02
) -> None:
    """Raises:
    TimeoutError
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(every_s)
