"""A runtime that cannot work does not start, and says everything that is wrong at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.testing.flow import Flow
from ports.errors import CannotStart
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.delivery import asynchronous, delayed, outside, prioritised, time_limited
from ports.inbound.handlers import command_handler, event_handler, named, query_handler
from ports.inbound.projections import projection
from ports.outbound.channels import ChannelDeclaration, ChannelKind


@named("starting.knock")
@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    door: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameless:
    door: str


class Unheard:
    pass


class KnocksOnce:
    def __init__(self) -> None:
        self.doors: list[str] = []

    @command_handler()
    def knock(self, command: Knock) -> None:
        self.doors.append(command.door)


class KnocksToo:
    @command_handler()
    def knock(self, command: Knock) -> None: ...


class WithoutEndpoint:
    @event_handler()
    @asynchronous("somewhere")
    def hear(self, event: Knock) -> None: ...


class WithNamelessMessage:
    @event_handler(endpoint="nameless")
    @asynchronous("somewhere")
    def hear(self, event: Nameless) -> None: ...


class OnUnknownChannel:
    @event_handler(endpoint="lost")
    @asynchronous("nowhere")
    def hear(self, event: Knock) -> None: ...


class OutsideInTheTransaction:
    @event_handler(endpoint="outside")
    @outside()
    def hear(self, event: Knock) -> None: ...


class DelayedAtOnce:
    @event_handler()
    @delayed(by=timedelta(seconds=1))
    def hear(self, event: Knock) -> None: ...


class LimitedAtOnce:
    @event_handler()
    @time_limited(timedelta(seconds=1))
    def hear(self, event: Knock) -> None: ...


class LimitedOnChannel:
    @event_handler(endpoint="limited")
    @asynchronous("somewhere")
    @time_limited(timedelta(seconds=7))
    def hear(self, event: Knock) -> None: ...


class DelayedOnDirectChannel:
    @event_handler(endpoint="late")
    @asynchronous("direct")
    @delayed(by=timedelta(seconds=1))
    def hear(self, event: Knock) -> None: ...


class UrgentOnPlainQueue:
    @event_handler(endpoint="urgent")
    @asynchronous("somewhere")
    @prioritised(9)
    def hear(self, event: Knock) -> None: ...


class WantsWhatIsNotThere:
    @query_handler()
    def ask(self, question: Knock, helper: Unheard) -> str: ...


class WithoutTypes:
    @event_handler()
    def hear(self, event) -> None: ...  # type: ignore[no-untyped-def]


class Private:
    @event_handler()
    def _hear(self, event: Knock) -> None: ...


class SameEndpointTwice:
    @event_handler(endpoint="one")
    def hear(self, event: Knock) -> None: ...

    @event_handler(endpoint="one")
    def listen(self, event: Knock) -> None: ...


@projection("doors", streams=("door",), channel="somewhere")
class NeverReset:
    @event_handler()
    def hear(self, event: Knock) -> None: ...


@event_sourced_aggregate("door", identifier="door")
class NeverFolded:
    @command_handler()
    def knock(self, command: Knock) -> list[object]: ...


@event_sourced_aggregate("gate", identifier="door")
class NeedsArguments:
    def __init__(self, door: str) -> None:
        self.door = door

    @applies
    def _knocked(self, event: Knock) -> None: ...


CHANNELS = [
    "somewhere",
    ChannelDeclaration(name="direct", kind=ChannelKind.DIRECT),
]


@pytest.mark.parametrize(
    ("handlers", "problem"),
    [
        ([KnocksOnce(), KnocksToo()], "Knock already has the command handler KnocksOnce.knock"),
        ([WithoutEndpoint()], "an asynchronous handler has no endpoint id"),
        ([WithNamelessMessage()], "Nameless travels over a channel without a stable name"),
        ([OnUnknownChannel()], "there is no channel 'nowhere'"),
        ([OutsideInTheTransaction()], "@outside() needs a channel"),
        ([DelayedAtOnce()], "@delayed needs a channel"),
        ([LimitedAtOnce()], "@time_limited needs a channel"),
        ([DelayedOnDirectChannel()], "knows no delays"),
        ([WantsWhatIsNotThere()], "asks for the service Unheard"),
        ([WithoutTypes()], "parameter 'event' has no type"),
        ([Private()], "a handler is private"),
        ([SameEndpointTwice()], "endpoint id 'one' belongs to SameEndpointTwice.hear already"),
        ([NeverReset()], "the projection cannot be rebuilt"),
    ],
)
def test_a_faulty_handler_is_refused(handlers: Sequence[object], problem: str) -> None:
    with pytest.raises(CannotStart) as refused:
        Flow(handlers=handlers, channels=CHANNELS)

    assert problem in str(refused.value)
    [fault] = refused.value.faults
    assert fault.where.startswith("tests/messaging/test_starting.py:")
    assert fault.remedy


def test_priorities_need_a_channel_that_was_declared_with_them() -> None:
    with pytest.raises(CannotStart, match="knows no priorities"):
        Flow(
            handlers=[UrgentOnPlainQueue()],
            channels=[ChannelDeclaration(name="somewhere", kind=ChannelKind.CELERY)],
        )


@pytest.mark.parametrize(
    ("aggregate", "problem"),
    [
        (NeverFolded, "applies no event"),
        (NeedsArguments, "cannot be constructed without arguments"),
        (Unheard, "given as an aggregate but not marked"),
    ],
)
def test_a_faulty_aggregate_is_refused(aggregate: type, problem: str) -> None:
    with pytest.raises(CannotStart) as refused:
        Flow(aggregates=[aggregate])

    assert problem in str(refused.value)


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(CannotStart) as refused:
        Flow(
            handlers=[KnocksOnce(), KnocksToo(), OutsideInTheTransaction(), OnUnknownChannel()],
            channels=CHANNELS,
        )

    assert len(refused.value.faults) == 3


def test_a_handler_may_have_a_time_limit_of_its_own() -> None:
    flow = Flow(handlers=[LimitedOnChannel()], channels=CHANNELS)

    assert flow.runtime.endpoints["limited"].time_limit == timedelta(seconds=7)


def test_two_runtimes_live_side_by_side() -> None:
    one, other = KnocksOnce(), KnocksOnce()
    first, second = Flow(handlers=[one]), Flow(handlers=[other])

    first.send(Knock(door="front"))
    second.send(Knock(door="back"))

    assert (one.doors, other.doors) == (["front"], ["back"])
