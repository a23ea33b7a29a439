"""Declarations that could be compiled, but by which messages would go nowhere in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.messaging.distributing import ServiceMap
from app.testing.flow import Flow
from ports.errors import CannotStart
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import (
    asynchronous,
    delayed,
    distributed,
    expiring,
    outside,
    time_limited,
)
from ports.inbound.handlers import (
    command_handler,
    contract,
    event_handler,
    named,
    query_handler,
)
from ports.inbound.projections import projection, resets
from ports.outbound.channels import ChannelDeclaration, ChannelKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    bell: str


@named("bells.bell_rang")
@dataclass(frozen=True, slots=True, kw_only=True)
class BellRang:
    bell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamelessEvent:
    bell: str


@named("bells.storm_came")
@dataclass(frozen=True, slots=True, kw_only=True)
class StormCame:
    strength: int


@contract("bells.ring_for_us")
@dataclass(frozen=True, slots=True, kw_only=True)
class RingForUs:
    bell: str


class HandlerOfNothing:
    def hear(self, event: BellRang) -> None: ...


class ServiceInPlaceOfTheMessage:
    @command_handler("bells.ring_now")
    def ring(self, commands: CommandBus) -> None: ...


class AsynchronousQuery:
    @query_handler()
    @asynchronous("tower")
    def ask(self, question: Ring) -> str: ...


class DistributedQuery:
    @distributed
    @query_handler("bells.ask")
    def ask(self, question: RingForUs) -> str: ...


class DistributedWithoutKey:
    @distributed
    @command_handler()
    def ring(self, command: RingForUs) -> None: ...


class DistributedWithoutMessage:
    @distributed
    @event_handler("bells.*")
    def hear(self) -> None: ...


class DistributedWithoutContract:
    @distributed
    @command_handler("bells.bell_rang")
    def ring(self, command: BellRang) -> None: ...


class DistributedUnderAnotherName:
    @distributed
    @command_handler("bells.ring")
    def ring(self, command: RingForUs) -> None: ...


class DistributedEventThatNeverMatches:
    @distributed
    @event_handler("clocks.*")
    def hear(self, event: RingForUs) -> None: ...


class CommandWithNothingToSend:
    @command_handler("bells.ring_all", endpoint="ring_all")
    @asynchronous("tower")
    def ring(self) -> None: ...


class ExpiresBeforeItIsDue:
    @event_handler(endpoint="too_late")
    @asynchronous("tower")
    @delayed(by=timedelta(minutes=5))
    @expiring(after=timedelta(minutes=5))
    def hear(self, event: BellRang) -> None: ...


class LimitedWhereNobodyWatches:
    @event_handler(endpoint="limited")
    @asynchronous("table")
    @time_limited(timedelta(seconds=1))
    def hear(self, event: BellRang) -> None: ...


class TakesAnEndpointOfTheRuntime:
    @event_handler(endpoint="distributed.event")
    def hear(self, event: BellRang) -> None: ...


@projection("rings", streams=("bell",), channel="tower")
class OutsideProjection:
    @event_handler()
    @outside()
    def hear(self, event: BellRang) -> None: ...

    @resets
    def reset(self) -> None: ...


@projection("rings", streams=("bell",), channel="tower")
class ProjectionOfWhatIsNeverStored:
    @event_handler()
    def hear(self, event: NamelessEvent) -> None: ...

    @resets
    def reset(self) -> None: ...


CHANNELS = ["tower", ChannelDeclaration(name="table", kind=ChannelKind.DATABASE)]


@pytest.mark.parametrize(
    ("handlers", "problem"),
    [
        ([HandlerOfNothing()], "none of its methods is marked as a handler"),
        ([ServiceInPlaceOfTheMessage()], "CommandBus stands where the message is expected"),
        ([AsynchronousQuery], "a class is given where an instance is needed"),
        ([AsynchronousQuery()], "a query handler is marked @asynchronous"),
        ([DistributedQuery()], "a query handler is marked @distributed"),
        ([DistributedWithoutKey()], "a distributed handler has no routing key"),
        ([DistributedWithoutMessage()], "a distributed handler takes no message"),
        ([DistributedWithoutContract()], "BellRang comes from another service and is no contract"),
        ([DistributedUnderAnotherName()], "would never arrive under 'bells.ring'"),
        ([DistributedEventThatNeverMatches()], "which 'clocks.*' does not match"),
        ([CommandWithNothingToSend()], "there is nothing to send over its channel"),
        ([ExpiresBeforeItIsDue()], "expire after 0:05:00, before they are due after 0:05:00"),
        ([LimitedWhereNobodyWatches()], "knows no time limits"),
        ([TakesAnEndpointOfTheRuntime()], "'distributed.event' is the runtime's own"),
        ([OutsideProjection()], "@outside() means nothing in a projection"),
        ([ProjectionOfWhatIsNeverStored()], "NamelessEvent is stored without a stable name"),
    ],
)
def test_a_handler_that_nothing_would_reach_is_refused(
    handlers: Sequence[object], problem: str
) -> None:
    with pytest.raises(CannotStart) as refused:
        Flow(handlers=handlers, channels=CHANNELS)

    [fault] = refused.value.faults
    assert problem in fault.problem
    assert fault.where.startswith("tests/messaging/test_refusing_silence.py:")
    assert fault.remedy


@event_sourced_aggregate("bell", identifier="bell")
class Bell:
    def __init__(self) -> None:
        self.bell = ""

    @applies
    def _rang(self, event: BellRang) -> None:
        self.bell = event.bell


@event_sourced_aggregate("bell", identifier="bell")
class CastTwice(Bell):
    @command_handler(endpoint="cast")
    @classmethod
    def cast(cls, command: Ring) -> list[BellRang]: ...

    @command_handler(endpoint="cast_again")
    @classmethod
    def cast_again(cls, command: Ring) -> list[BellRang]: ...


@event_sourced_aggregate("bell", identifier="bell")
class RungByTwo(Bell):
    @event_handler(endpoint="cast")
    @classmethod
    def cast(cls, event: BellRang) -> list[BellRang]: ...

    @event_handler(endpoint="ring")
    def ring(self, event: BellRang) -> list[BellRang]: ...

    @event_handler(endpoint="ring_too")
    def ring_too(self, event: BellRang) -> list[BellRang]: ...


@event_sourced_aggregate("bell", identifier="bell")
class AskedBeforeItIsThere(Bell):
    @query_handler()
    @classmethod
    def ask(cls, question: Ring) -> str: ...


@event_sourced_aggregate("bell", identifier="bell")
class OutsideFactory(Bell):
    @command_handler(endpoint="cast")
    @asynchronous("tower")
    @outside()
    @classmethod
    def cast(cls, command: BellRang) -> list[BellRang]: ...


@event_sourced_aggregate("bell", identifier="bell")
class HearsWhatDoesNotNameIt(Bell):
    @event_handler()
    def hear(self, event: StormCame) -> list[BellRang]: ...


@event_sourced_aggregate("bell", identifier="bell")
class ReturnsWhatHasNoName(Bell):
    @command_handler()
    def ring(self, command: Ring) -> list[BellRang | NamelessEvent] | None: ...


@event_sourced_aggregate("bell", identifier="bell")
class AppliesMoreThanTheEvent(Bell):
    @applies
    def _came(self, event: StormCame, clock: int) -> None: ...


@pytest.mark.parametrize(
    ("cls", "problem"),
    [
        (CastTwice, "a second factory for the message of CastTwice.cast"),
        (RungByTwo, "a second action beside a factory for the message of RungByTwo.cast"),
        (AskedBeforeItIsThere, "a query handler on an aggregate is a class method"),
        (OutsideFactory, "a handler on an aggregate is marked @outside()"),
        (HearsWhatDoesNotNameIt, "StormCame does not say which bell it concerns"),
        (ReturnsWhatHasNoName, "NamelessEvent is stored without a stable name"),
        (AppliesMoreThanTheEvent, "the event to apply is unclear"),
    ],
)
def test_an_aggregate_that_would_lose_something_is_refused(cls: type, problem: str) -> None:
    with pytest.raises(CannotStart) as refused:
        Flow(aggregates=[cls], channels=CHANNELS)

    assert any(problem in fault.problem for fault in refused.value.faults)


def test_two_aggregates_must_not_share_their_instances() -> None:
    with pytest.raises(CannotStart, match="the aggregate 'bell' is CastTwice already"):
        Flow(aggregates=[CastTwice, RungByTwo])


def test_two_projections_must_not_share_a_position() -> None:
    with pytest.raises(CannotStart, match="the projection 'rings' is OutsideProjection already"):
        Flow(handlers=[OutsideProjection(), ProjectionOfWhatIsNeverStored()], channels=CHANNELS)


def test_two_channels_must_not_share_a_name() -> None:
    with pytest.raises(CannotStart, match="two of its channels have the same name"):
        Flow(channels=["tower", ChannelDeclaration(name="tower", kind=ChannelKind.DIRECT)])


def test_a_service_must_declare_the_channel_by_which_others_reach_it() -> None:
    service_map = ServiceMap(channels={"testing": "testing.inbox"})

    with pytest.raises(CannotStart, match=r"testing\.inbox: by the service map"):
        Flow(channels=["tower"], service_map=service_map)
