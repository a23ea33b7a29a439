"""What handlers are given, and which instance they are called on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.time import VirtualClock
from app.messaging.invocation import _RUNTIME_HEADERS
from app.testing.flow import Flow
from ports.errors import ConversionFailed, HeaderIsReserved, MissingHeader, MissingIdentifier
from ports.headers import CORRELATION_ID, PARENT_ID, RESERVED, TIMESTAMP
from ports.inbound.aggregates import aggregate, applies, event_sourced_aggregate
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import asynchronous
from ports.inbound.handlers import command_handler, event_handler, named, query_handler
from ports.inbound.parameters import AllHeaders, Header, Service
from ports.messages import HeaderValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Weigh:
    grams: int


@named("invoking.base")
@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    pass


@named("invoking.child")
@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Base):
    pass


class Scales:
    def __init__(self) -> None:
        self.seen: list[object] = []

    @command_handler("scales.weigh")
    def weigh(self, command: Weigh) -> int:
        return command.grams

    @command_handler("scales.raw")
    def raw(self, command: bytes) -> bytes:
        return command

    @query_handler("scales.optional")
    def optional(self, note: Annotated[str | None, Header("note")]) -> object:
        return note

    @query_handler("scales.number")
    def number(self, number: Annotated[int | None, Header("number")] = None) -> object:
        return number

    @query_handler("scales.parent")
    def parent(self, parent: Annotated[str, Header(PARENT_ID)]) -> str:
        return parent

    @query_handler("scales.no_parent")
    def no_parent(self, parent: Annotated[str | None, Header(PARENT_ID)]) -> object:
        return parent

    @query_handler("scales.moment")
    def moment(self, moment: Annotated[datetime, Header(TIMESTAMP)]) -> datetime:
        return moment

    @query_handler("scales.moment_in_words")
    def moment_in_words(self, moment: Annotated[str, Header(TIMESTAMP)]) -> str:
        return moment

    @command_handler("scales.nested")
    def nested(self, commands: Annotated[CommandBus, Service()]) -> None:
        commands.send_to("scales.innermost", headers={"note": "inner", "extra": 1})

    @command_handler("scales.innermost")
    def innermost(
        self,
        headers: Annotated[dict[str, HeaderValue], AllHeaders()],
        correlation_id: Annotated[str, Header(CORRELATION_ID)],
    ) -> None:
        self.seen.append((dict(headers), correlation_id))

    @event_handler("invoking.*", endpoint="scales.any", priority=3)
    def any_of_that_name(self) -> None:
        self.seen.append("any")

    @event_handler(endpoint="scales.base", priority=2)
    def base(self, event: Base) -> None:
        self.seen.append("base")

    @event_handler("invoking.*", endpoint="scales.child", priority=1)
    def child(self, event: Child) -> None:
        self.seen.append("child")

    @event_handler("*.BASE", endpoint="scales.only_base", priority=0)
    def only_base(self, event: Base) -> None:
        self.seen.append("only base")


class HearsNames:
    def __init__(self) -> None:
        self.later: list[str] = []

    @event_handler("invoking.*", endpoint="hears.names")
    @asynchronous("later")
    def on_any(self) -> None:
        self.later.append("any")


@pytest.fixture
def scales() -> Scales:
    return Scales()


@pytest.fixture
def flow(scales: Scales) -> Flow:
    return Flow(handlers=[scales])


def test_bytes_become_what_the_handler_declares_named_or_not(flow: Flow) -> None:
    assert flow.runtime.commands.send_to("scales.weigh", b'{"grams": 5}') == 5


def test_bytes_stay_bytes_for_a_handler_that_takes_bytes(flow: Flow) -> None:
    assert flow.runtime.commands.send_to("scales.raw", b"\xff") == b"\xff"


def test_bytes_that_do_not_fit_are_refused(flow: Flow) -> None:
    with pytest.raises(ConversionFailed, match="grams"):
        flow.runtime.commands.send_to("scales.weigh", b'{"kilos": 5}')


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), (5, "5"), (True, "true"), (None, None)]
)
def test_an_optional_header_is_converted_like_any_other(
    flow: Flow, value: HeaderValue | None, expected: object
) -> None:
    headers = {} if value is None else {"note": value}

    assert flow.runtime.queries.ask_at("scales.optional", headers=headers) == expected


def test_a_header_in_words_becomes_the_number_asked_for(flow: Flow) -> None:
    answer = flow.runtime.queries.ask_at("scales.number", headers={"number": "12"})

    assert answer == 12


def test_a_header_of_the_runtime_that_is_missing_says_so(flow: Flow) -> None:
    with pytest.raises(MissingHeader, match="parent_id"):
        flow.runtime.queries.ask_at("scales.parent")

    assert flow.runtime.queries.ask_at("scales.no_parent") is None


def test_a_header_of_the_runtime_comes_in_the_type_asked_for(flow: Flow) -> None:
    moment = flow.runtime.queries.ask_at("scales.moment")
    words = flow.runtime.queries.ask_at("scales.moment_in_words")

    assert moment == flow.clock.now()
    assert words == moment.isoformat()


def test_headers_given_beat_inherited_ones_but_the_conversation_stays(
    flow: Flow, scales: Scales
) -> None:
    flow.runtime.commands.send_to(
        "scales.nested", headers={"note": "outer", "actor": "ada"}, correlation_id="c-1"
    )

    assert scales.seen == [({"note": "inner", "extra": 1, "actor": "ada"}, "c-1")]


@pytest.mark.parametrize("header", sorted(RESERVED))
def test_a_header_that_the_runtime_fills_in_cannot_be_given(
    flow: Flow, scales: Scales, header: str
) -> None:
    runtime, headers = flow.runtime, {"note": "x", header: "made up"}

    with pytest.raises(HeaderIsReserved, match=f"'{header}'"):
        runtime.commands.send_to("scales.nested", headers=headers)
    with pytest.raises(HeaderIsReserved):
        runtime.queries.ask_at("scales.number", headers=headers)
    with pytest.raises(HeaderIsReserved):
        runtime.events.publish(Child(), headers=headers)

    assert scales.seen == []


def test_every_header_that_handlers_get_from_the_runtime_is_reserved() -> None:
    assert _RUNTIME_HEADERS.keys() <= RESERVED


def test_an_event_reaches_its_class_its_parents_and_its_name(flow: Flow, scales: Scales) -> None:
    flow.publish(Child())

    assert scales.seen == ["any", "base", "child"]


def test_a_routing_key_does_not_bring_an_event_to_a_handler_of_another_class(
    flow: Flow, scales: Scales
) -> None:
    flow.publish(Base())

    assert scales.seen == ["any", "base", "only base"]


def test_a_handler_that_takes_no_payload_hears_what_this_release_cannot_read() -> None:
    clock, database = VirtualClock(), MemoryDatabase()
    sender = Flow(handlers=[HearsNames()], channels=["later"], clock=clock, database=database)
    sender.publish(Child())
    receiving = HearsNames()
    receiver = Flow(handlers=[receiving], channels=["later"], clock=clock, database=database)

    receiver.run("later")

    assert receiving.later == ["any"]
    assert receiver.failed_messages() == []


@named("invoking.minted")
@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    coin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    coin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    coin: str | None


@event_sourced_aggregate("coin", identifier="coin")
class Coin:
    def __init__(self) -> None:
        self.coin: str | None = None

    @command_handler()
    @classmethod
    def mint(cls, command: Mint) -> list[Minted]:
        return [Minted(coin=command.coin)]

    @applies
    def _minted(self, event: Minted) -> None:
        self.coin = event.coin


@aggregate("forgery", identifier="coin")
class Forgery:
    def __init__(self, coin: str | None) -> None:
        self.coin = coin

    @command_handler()
    @classmethod
    def forge(cls, command: Forge) -> "Forgery":
        return cls(command.coin)


@pytest.mark.parametrize("command", [Mint(coin=None), Mint(coin=""), Forge(coin=None)])
def test_an_instance_without_an_identifier_is_never_kept(command: object) -> None:
    flow = Flow(aggregates=[Coin, Forgery])

    with pytest.raises(MissingIdentifier, match="does not say which"):
        flow.send(command)

    assert flow.published() == []
