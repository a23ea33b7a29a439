"""A morning on which handlers fail in every way, on a store that fails when it is told to."""

from dataclasses import dataclass
from datetime import timedelta

from adapters.memory.time import VirtualClock
from app.testing.flow import Flow
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import RetryPolicy, asynchronous, expiring, outside, retried
from ports.inbound.handlers import event_handler, named
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.deliveries import DeliveryState
from tests.messaging.faulty import FaultyStore, faulty_storage
from tests.messaging.shelves import Hire, Keeper, KeeperWasPraised, Praise, PraisesOf


@named("recovering.sun_rose")
@dataclass(frozen=True, slots=True, kw_only=True)
class SunRose:
    day: int = 1


class OutOfBed(Exception):
    pass


class Early:
    """Praises Kim at sunrise, unless told to raise."""

    def __init__(self) -> None:
        self.tries = 0
        self.raises: list[Exception] = []
        self.meanwhile = lambda: None

    @event_handler(endpoint="early.praise")
    @asynchronous("morning")
    @retried(RetryPolicy(instant=1, delayed=1, first_delay=timedelta(seconds=10)))
    def praise(self, event: SunRose, commands: CommandBus) -> None:
        self.tries += 1
        self.meanwhile()
        commands.send(Praise(keeper_id="kim"))
        if self.raises:
            raise self.raises.pop(0)


class Late:
    """Reaches outside."""

    def __init__(self) -> None:
        self.calls = 0

    @event_handler(endpoint="late.call")
    @asynchronous("evening")
    @outside()
    def call(self, event: SunRose) -> KeeperWasPraised:
        self.calls += 1
        return KeeperWasPraised(keeper_id="kim", praises=event.day)


class Perishable:
    def __init__(self) -> None:
        self.tries = 0
        self.ruined = True

    @event_handler(endpoint="perishable.eat")
    @asynchronous("breakfast")
    @expiring(after=timedelta(seconds=5))
    @retried(RetryPolicy(instant=0, delayed=1, first_delay=timedelta(seconds=30)))
    def eat(self, event: SunRose) -> None:
        self.tries += 1
        if self.ruined:
            raise OutOfBed("toast burnt")


class Narrow:
    """Retries nothing but one error."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.tries = 0

    @event_handler(endpoint="narrow.go")
    @asynchronous("morning")
    @retried(RetryPolicy(instant=0, delayed=1, only=(OutOfBed,)))
    def go(self, event: SunRose) -> None:
        self.tries += 1
        error, self.error = self.error, None
        if error is not None:
            raise error


class Morning:
    def __init__(self, *handlers: object, kind: ChannelKind = ChannelKind.IN_MEMORY) -> None:
        clock = VirtualClock()
        self.store: FaultyStore
        self.store, storage = faulty_storage(clock)
        self.early, self.late, self.perishable = Early(), Late(), Perishable()
        self.flow = Flow(
            aggregates=[Keeper],
            handlers=[self.early, self.late, self.perishable, *handlers],
            channels=[ChannelDeclaration(name="morning", kind=kind), "evening", "breakfast"],
            clock=clock,
            storage=storage,
        )
        self.flow.send(Hire(keeper_id="kim"))

    def delivery(self, channel: str = "morning") -> Delivery:
        self.flow.publish(SunRose())
        delivery = self.flow.take(channel)
        assert delivery is not None
        return delivery

    def praises(self) -> int:
        praises: int = self.flow.ask(PraisesOf(keeper_id="kim"))
        return praises

    def state(self, delivery: Delivery) -> DeliveryState | None:
        record = self.flow.runtime.transactions.once(
            lambda unit: unit.deliveries.find(delivery.envelope.metadata.id, delivery.endpoint)
        )
        return record.state if record else None
