"""Spans, as the engine and the adapters record them. The adapter behind may be OpenTelemetry or
nothing; when nothing records, a span costs next to nothing."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

SpanValue = str | int | float | bool
NO_ATTRIBUTES: Mapping[str, SpanValue] = {}


class SpanKind(StrEnum):
    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    @property
    def trace(self) -> str:
        """This span as a W3C ``traceparent``; empty when nothing records."""

    def set(self, name: str, value: SpanValue) -> None: ...

    def fail(self, error: BaseException) -> None:
        """Mark as failed and keep the exception with its stack trace. A span that an exception
        passes through is failed by itself."""


class Tracer(Protocol):
    @property
    def recording(self) -> bool:
        """False: callers on the hot path need not even build names and attributes."""

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        links: Sequence[str] = (),
        attributes: Mapping[str, SpanValue] = NO_ATTRIBUTES,
    ) -> AbstractContextManager[Span]:
        """A child of the current span, or of ``parent`` (a ``traceparent``) when given. Never put
        payloads, addresses or tokens into attributes."""

    def muted(self) -> AbstractContextManager[object]:
        """Nothing that is done within is recorded, in whichever service. Messages that are sent
        within begin traces of their own where they are received."""

    def current_trace(self) -> str:
        """The current span as a ``traceparent``; empty when there is none, or it is muted."""
