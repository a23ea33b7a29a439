"""Numbers turned into the coordinates of small drawings.

Widths and positions are SVG attributes: the content security policy allows no style in a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.web.time_axis import Cut, TimeAxis

SPARKLINE_WIDTH = 96
SPARKLINE_HEIGHT = 24
_PADDING = 2
WATERFALL_WIDTH = 1000
# A span that took no measurable time is still drawn, three thousandths of the width.
_NARROWEST = 3


def sparkline_points(values: Sequence[float]) -> str:
    """The ``points`` of a polyline, oldest value left; the scale begins at zero.

    Empty for fewer than two values, which make no line.
    """
    if len(values) < 2:
        return ""
    top = max(*values, 0) or 1
    step = (SPARKLINE_WIDTH - 2 * _PADDING) / (len(values) - 1)
    height = SPARKLINE_HEIGHT - 2 * _PADDING
    return " ".join(
        f"{_PADDING + number * step:.1f},{_PADDING + height * (1 - max(value, 0) / top):.1f}"
        for number, value in enumerate(values)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One step of a trace as the waterfall needs it; ``parent`` is another span's id or none."""

    id: str
    parent: str | None
    name: str
    service: str
    started_at: datetime
    took: timedelta
    error: str | None = None
    url: str | None = None
    waited: timedelta = timedelta(0)
    """How long it lay somewhere before it began."""
    waited_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanBar:
    span: Span
    depth: int
    left: float
    width: float
    wait_left: float
    wait_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Bars in reading order: a parent before its children, children by their start."""

    bars: tuple[SpanBar, ...]
    total: timedelta
    marks: tuple[timedelta, ...]
    """Five labels of the ruler, evenly spaced, from zero to ``total``."""
    cuts: tuple[Cut, ...] = ()
    """Stretches without any work that are drawn shorter than they were."""


def waterfall(spans: Sequence[Span]) -> Waterfall:
    """Arrange the spans of one trace. Those whose parent is missing stand at the left edge."""
    if not spans:
        return Waterfall(bars=(), total=timedelta(0), marks=())
    axis = TimeAxis(
        ((span.started_at, span.started_at + span.took) for span in spans), width=WATERFALL_WIDTH
    )
    return Waterfall(
        bars=tuple(_bar(axis, span, depth) for span, depth in _in_reading_order(spans)),
        total=axis.total,
        marks=tuple(axis.passed_at(WATERFALL_WIDTH * step / 4) for step in range(5)),
        cuts=tuple(axis.cuts),
    )


def _bar(axis: TimeAxis, span: Span, depth: int) -> SpanBar:
    left, right = axis.place(span.started_at), axis.place(span.started_at + span.took)
    waiting = axis.place(span.started_at - span.waited)
    return SpanBar(
        span=span,
        depth=depth,
        left=round(min(left, WATERFALL_WIDTH - _NARROWEST), 2),
        width=round(max(right - left, _NARROWEST), 2),
        wait_left=round(waiting, 2),
        wait_width=round(left - waiting, 2),
    )


def _in_reading_order(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    known = {span.id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.started_at):
        parent = span.parent if span.parent in known and span.parent != span.id else None
        children.setdefault(parent, []).append(span)

    # A stack, not recursion: traces are written by other programs and may be deep.
    waiting = [(span, 0) for span in reversed(children.get(None, []))]
    seen: set[str] = set()
    while waiting:
        span, depth = waiting.pop()
        if span.id in seen:
            continue
        seen.add(span.id)
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span.id, []))]
