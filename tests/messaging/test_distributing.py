from dataclasses import dataclass, replace
from typing import Annotated

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.time import VirtualClock
from app.messaging.distributing import DISTRIBUTED_COMMAND, ServiceMap, Subscription
from app.testing.flow import Flow
from ports.errors import UnknownService
from ports.headers import ATTEMPT, CORRELATION_ID, REPLAYED, SOURCE
from ports.inbound.buses import DistributedBus
from ports.inbound.delivery import asynchronous, distributed
from ports.inbound.handlers import command_handler, contract, event_handler
from ports.inbound.parameters import Header
from ports.messages import Delivery, Envelope, Metadata


@contract("harbour.unload")
@dataclass(frozen=True, slots=True, kw_only=True)
class Unload:
    ship: str


@contract("harbour.ship_was_unloaded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShipWasUnloaded:
    ship: str


@contract("harbour.weather_changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherChanged:
    wind: int


@contract("harbour.ship_sank")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShipSank:
    ship: str


@contract("harbour.ship_was_painted")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShipWasPainted:
    """Known to the sender alone."""

    ship: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnloading:
    ship: str


class Agency:
    def __init__(self) -> None:
        self.unloaded: list[tuple[str, str, str]] = []
        self.billed: list[str] = []
        self.sunk: list[str] = []
        self.overheard: list[str] = []
        self.replayed: list[tuple[int, bool]] = []

    @command_handler()
    def order(self, command: OrderUnloading, distributed_bus: DistributedBus) -> None:
        distributed_bus.send_command("harbour", Unload(ship=command.ship))

    @distributed
    @event_handler("harbour.ship_*", endpoint="agency.note")
    def note(
        self,
        event: ShipWasUnloaded,
        source: Annotated[str, Header(SOURCE)],
        correlation_id: Annotated[str, Header(CORRELATION_ID)],
        attempt: Annotated[int, Header(ATTEMPT)],
        replayed: Annotated[bool, Header(REPLAYED)],
    ) -> None:
        self.unloaded.append((event.ship, source, correlation_id))
        if replayed:
            self.replayed.append((attempt, replayed))

    @distributed
    @event_handler("harbour.ship_*", endpoint="agency.mourn")
    def mourn(self, event: ShipSank) -> None:
        self.sunk.append(event.ship)

    @event_handler(endpoint="agency.overhear")
    def overhear(self, event: ShipWasUnloaded) -> None:
        self.overheard.append(event.ship)

    @distributed
    @event_handler("harbour.ship_*", endpoint="agency.bill")
    @asynchronous("bills")
    def bill(self, event: ShipWasUnloaded) -> None:
        self.billed.append(event.ship)


class Quay:
    def __init__(self) -> None:
        self.done: list[str] = []

    @distributed
    @command_handler("harbour.unload", endpoint="quay.unload")
    def unload(self, command: Unload, bus: DistributedBus) -> None:
        self.done.append(command.ship)
        bus.publish_event(ShipWasUnloaded(ship=command.ship))
        bus.publish_event(WeatherChanged(wind=3))

    @command_handler("harbour.blow_up", endpoint="quay.blow_up")
    def blow_up(self, command: ShipWasUnloaded) -> None:
        self.done.append("blown up")


SERVICE_MAP = ServiceMap(
    channels={"agency": "agency.distribution", "harbour": "harbour.distribution"},
    subscriptions=(Subscription(service="agency", keys=("harbour.*",)),),
)


class Coast:
    """Two services that talk by the network only, although they share a database."""

    def __init__(self) -> None:
        clock, database = VirtualClock(), MemoryDatabase()
        network: dict[str, MemoryChannel] = {}
        self.agency, self.quay = Agency(), Quay()
        self.office = Flow(
            context="agency",
            handlers=[self.agency],
            channels=["distribution", "bills"],
            service_map=SERVICE_MAP,
            clock=clock,
            database=database,
            network=network,
        )
        self.harbour = Flow(
            context="harbour",
            handlers=[self.quay],
            channels=["distribution"],
            service_map=SERVICE_MAP,
            clock=clock,
            database=database,
            network=network,
        )

    def settle(self) -> None:
        while any(
            [
                self.office.relay(),
                self.harbour.run_all(),
                self.harbour.relay(),
                self.office.run_all(),
            ]
        ):
            pass


def test_a_command_reaches_the_other_service_and_its_events_come_back() -> None:
    coast = Coast()

    coast.office.send(OrderUnloading(ship="Ada"), correlation_id="c-7")
    coast.settle()

    assert coast.quay.done == ["Ada"]
    assert coast.agency.unloaded == [("Ada", "harbour", "c-7")]


def test_the_receiver_fans_an_event_out_to_its_own_asynchronous_handlers() -> None:
    coast = Coast()

    coast.office.send(OrderUnloading(ship="Ada"))
    coast.settle()

    assert coast.agency.billed == ["Ada"]


def test_an_event_that_concerns_nobody_is_no_failure() -> None:
    coast = Coast()

    coast.office.send(OrderUnloading(ship="Ada"))
    coast.settle()

    assert coast.office.failed_messages() == []


def test_a_handler_without_the_distributed_mark_is_out_of_reach() -> None:
    coast = Coast()

    coast.harbour.runtime.receive(
        Delivery(
            envelope=Envelope(
                payload=b'{"ship": "Ada"}', name="harbour.blow_up", metadata=some_metadata(coast)
            ),
            channel="harbour.distribution",
            endpoint=DISTRIBUTED_COMMAND,
        )
    )

    assert coast.quay.done == []
    [failed] = coast.harbour.failed_messages()
    assert "no distributed command handler for harbour.blow_up" in failed.failure.reason


def test_a_contract_that_does_not_fit_names_the_field() -> None:
    coast = Coast()

    coast.harbour.runtime.receive(
        Delivery(
            envelope=Envelope(
                payload=b'{"vessel": "Ada"}', name="harbour.unload", metadata=some_metadata(coast)
            ),
            channel="harbour.distribution",
            endpoint=DISTRIBUTED_COMMAND,
        )
    )

    [failed] = coast.harbour.failed_messages()
    assert failed.failure.exception == "ports.errors.ConversionFailed"
    assert "ship" in failed.failure.reason


def test_a_service_that_the_map_does_not_know_is_refused_when_sending() -> None:
    coast = Coast()

    with pytest.raises(UnknownService, match="moon"):
        coast.office.runtime.distributed.send_command("moon", Unload(ship="Ada"))


def test_a_service_map_must_have_a_channel_for_every_subscriber() -> None:
    with pytest.raises(UnknownService, match="agency"):
        ServiceMap(channels={}, subscriptions=(Subscription(service="agency", keys=("*",)),))


def some_metadata(coast: Coast) -> Metadata:
    return Metadata(
        id="0192d1c0-0000-7000-8000-000000000001",
        correlation_id="0192d1c0-0000-7000-8000-000000000001",
        timestamp=coast.harbour.clock.now(),
        source="agency",
    )


def test_a_handler_that_is_not_distributed_hears_no_event_of_another_service() -> None:
    coast = Coast()

    coast.office.send(OrderUnloading(ship="Ada"))
    coast.settle()

    assert coast.agency.overheard == []


def test_an_event_reaches_only_handlers_that_take_its_class() -> None:
    coast = Coast()

    coast.harbour.runtime.distributed.publish_event(ShipSank(ship="Ada"))
    coast.settle()

    assert coast.agency.unloaded == []
    assert coast.agency.sunk == ["Ada"]
    assert coast.office.failed_messages() == []


def test_an_event_that_the_receiver_has_never_heard_of_is_no_failure() -> None:
    coast = Coast()

    coast.harbour.runtime.distributed.publish_event(ShipWasPainted(ship="Ada"))
    coast.settle()

    assert coast.agency.unloaded == []
    assert coast.office.failed_messages() == []


def test_an_event_twice_is_handled_once_by_each_asynchronous_handler() -> None:
    coast = Coast()
    coast.harbour.runtime.distributed.publish_event(ShipWasUnloaded(ship="Ada"))
    coast.harbour.relay()
    delivery = coast.office.take("distribution")
    assert delivery is not None

    coast.office.runtime.receive(delivery)
    coast.office.runtime.receive(delivery, 1)
    coast.settle()

    assert coast.agency.unloaded == [("Ada", "harbour", delivery.envelope.metadata.correlation_id)]
    assert coast.agency.billed == ["Ada"]


def test_a_service_that_subscribed_twice_gets_one_copy() -> None:
    channels = {"agency": "agency.distribution"}
    twice = ServiceMap(
        channels=channels,
        subscriptions=(
            Subscription(service="agency", keys=("harbour.*",)),
            Subscription(service="agency", keys=("*.ship_*", "harbour.ship_was_unloaded")),
        ),
    )
    harbour = Flow(context="harbour", service_map=twice)

    harbour.runtime.distributed.publish_event(ShipWasUnloaded(ship="Ada"))
    harbour.relay()

    assert harbour.network["agency.distribution"].depth() == 1


def test_a_replayed_event_of_another_service_says_so() -> None:
    coast = Coast()
    coast.harbour.runtime.distributed.publish_event(ShipWasUnloaded(ship="Ada"))
    coast.harbour.relay()
    delivery = coast.office.take("distribution")
    assert delivery is not None

    coast.office.runtime.receive(replace(delivery, attempt=3, replayed=True))

    assert coast.agency.replayed == [(3, True)]
