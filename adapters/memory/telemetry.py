"""Telemetry that goes nowhere, and telemetry that a test can look at."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ports.outbound.telemetry import NO_ATTRIBUTES, Span, SpanKind, SpanValue


class _NoSpan(AbstractContextManager["Span"]):
    """A span and its own context manager; one serves all, because it holds nothing."""

    __slots__ = ()
    trace = ""

    def set(self, name: str, value: SpanValue) -> None:
        """Nothing records."""

    def fail(self, error: BaseException) -> None:
        """Nothing records."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


_NO_SPAN = _NoSpan()


class NoTracer:
    recording = False

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, SpanValue] = NO_ATTRIBUTES,
    ) -> AbstractContextManager[Span]:
        return _NO_SPAN

    def muted(self) -> AbstractContextManager[object]:
        return _NO_SPAN

    def current_trace(self) -> str:
        return ""


@dataclass(slots=True, kw_only=True)
class RecordedSpan:
    """``parent`` is the ``traceparent`` of the span above, empty for the first of a trace."""

    name: str
    kind: SpanKind
    trace: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, SpanValue]
    error: BaseException | None = None

    @property
    def trace_id(self) -> str:
        """What all spans of one trace have in common."""
        return self.trace.split("-")[1]

    def set(self, name: str, value: SpanValue) -> None:
        self.attributes[name] = value

    def fail(self, error: BaseException) -> None:
        self.error = error


class RecordingTracer:
    """Keeps every span that has ended in ``finished``, in the order of their ends.

    Trace and span ids count from 1, so that they are the same on every run."""

    recording = True

    def __init__(self) -> None:
        self.finished: list[RecordedSpan] = []
        self._trace_ids = itertools.count(1)
        self._span_ids = itertools.count(1)
        self._current: ContextVar[RecordedSpan | None] = ContextVar("current span", default=None)
        self._muted: ContextVar[bool] = ContextVar("nothing is recorded", default=False)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, SpanValue] = NO_ATTRIBUTES,
    ) -> Iterator[Span]:
        if self._muted.get():
            yield _NO_SPAN
            return
        above = self.current_trace() if parent is None else parent
        trace_id = above.split("-")[1] if above else f"{next(self._trace_ids):032x}"
        span = RecordedSpan(
            name=name,
            kind=kind,
            trace=f"00-{trace_id}-{next(self._span_ids):016x}-01",
            parent=above,
            links=tuple(links),
            attributes=dict(attributes),
        )
        token = self._current.set(span)
        try:
            yield span
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            self._current.reset(token)
            self.finished.append(span)

    @contextmanager
    def muted(self) -> Iterator[None]:
        current, muted = self._current.set(None), self._muted.set(True)
        try:
            yield
        finally:
            self._muted.reset(muted)
            self._current.reset(current)

    def current_trace(self) -> str:
        current = self._current.get()
        return current.trace if current is not None else ""

    def named(self, name: str) -> list[RecordedSpan]:
        return [span for span in self.finished if span.name == name]


class NoMetrics:
    def delivery(self, *, context: str, channel: str, endpoint: str, outcome: str) -> None:
        """Nobody counts."""

    def handled(self, *, context: str, endpoint: str, seconds: float) -> None:
        """Nobody measures."""

    def relayed(self, *, context: str, channel: str, outcome: str, count: int) -> None:
        """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDelivery:
    context: str
    channel: str
    endpoint: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedHandling:
    context: str
    endpoint: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRelay:
    context: str
    channel: str
    outcome: str
    count: int


@dataclass(slots=True)
class RecordingMetrics:
    deliveries: list[CountedDelivery] = field(default_factory=list)
    handlings: list[TimedHandling] = field(default_factory=list)
    relays: list[CountedRelay] = field(default_factory=list)

    def delivery(self, *, context: str, channel: str, endpoint: str, outcome: str) -> None:
        self.deliveries.append(
            CountedDelivery(context=context, channel=channel, endpoint=endpoint, outcome=outcome)
        )

    def handled(self, *, context: str, endpoint: str, seconds: float) -> None:
        self.handlings.append(TimedHandling(context=context, endpoint=endpoint, seconds=seconds))

    def relayed(self, *, context: str, channel: str, outcome: str, count: int) -> None:
        self.relays.append(
            CountedRelay(context=context, channel=channel, outcome=outcome, count=count)
        )
