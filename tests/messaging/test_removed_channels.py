"""Messages that wait for a channel which the next release no longer has."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.database import MemoryDatabase
from adapters.memory.time import VirtualClock
from app.messaging.distributing import ServiceMap, Subscription
from app.messaging.failing import CannotReplay
from app.testing.flow import Flow
from ports.errors import ChannelIsDeclared, StoreUnavailable
from ports.inbound.buses import DistributedBus
from ports.inbound.delivery import asynchronous, delayed, distributed
from ports.inbound.handlers import command_handler, contract, event_handler, named
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.failed_messages import FailedMessage
from tests.messaging.faulty import away, faulty_storage


@named("post.letter")
@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    number: int


class Postmen:
    def __init__(self) -> None:
        self.letters: list[int] = []

    @event_handler(endpoint="postmen.letter")
    @asynchronous("letters")
    def letter(self, event: Letter) -> None:
        self.letters.append(event.number)

    @event_handler(endpoint="postmen.reminder")
    @asynchronous("letters")
    @delayed(by=timedelta(days=7))
    def remind(self, event: Letter) -> None: ...


class Movers:
    """The same handler in the next release, on another channel."""

    def __init__(self) -> None:
        self.letters: list[int] = []

    @event_handler(endpoint="postmen.letter")
    @asynchronous("express")
    def letter(self, event: Letter) -> None:
        self.letters.append(event.number)


class AtOnce:
    """The same handler, called in the sender's transaction now."""

    def __init__(self) -> None:
        self.letters: list[int] = []

    @event_handler(endpoint="postmen.letter")
    def letter(self, event: Letter) -> None:
        self.letters.append(event.number)


class Releases:
    """One store that several releases use, one after the other."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store, self.storage = faulty_storage(self.clock)

    def release(self, *handlers: object, channels: tuple[str, ...]) -> Flow:
        return Flow(handlers=handlers, channels=channels, clock=self.clock, storage=self.storage)

    def left_by_the_first(self, *numbers: int) -> None:
        first = self.release(Postmen(), channels=("letters",))
        for number in numbers:
            first.publish(Letter(number=number))


@pytest.fixture
def releases() -> Releases:
    return Releases()


def reject(flow: Flow, *, channel: str = "testing.letters", batch: int = 100) -> int:
    return flow.runtime.removed_channels.reject(
        channel, actor="olga", reason="letters go by express", batch=batch
    )


def counted(flow: Flow) -> list[tuple[str, int]]:
    return [(one.channel, one.count) for one in flow.runtime.removed_channels.all()]


def of_endpoint(flow: Flow, endpoint: str) -> list[FailedMessage]:
    return [failed for failed in flow.failed_messages() if failed.endpoint == endpoint]


def test_what_waits_for_a_removed_channel_is_found(releases: Releases) -> None:
    releases.left_by_the_first(1, 2)

    assert counted(releases.release(Postmen(), channels=("letters",))) == []
    after = releases.release(Movers(), channels=("express",))
    after.run_all()
    assert counted(after) == [("testing.letters", 4)]


def test_all_of_it_becomes_failed_messages_with_the_reason_and_who_gave_it(
    releases: Releases,
) -> None:
    releases.left_by_the_first(1, 2)
    after = releases.release(Movers(), channels=("express",))

    assert reject(after) == 4

    failed = after.failed_messages()
    assert counted(after) == []
    assert len(failed) == 4
    assert {one.failure.exception for one in failed} == {"ports.errors.ChannelRemoved"}
    assert {one.failure.reason for one in failed} == {
        "channel testing.letters was removed: no endpoint declares it; letters go by express"
    }
    [line] = after.runtime.transactions.once(
        lambda unit: unit.failed_messages.attempts(failed[0].id)
    )
    assert (line.outcome, line.actor) == ("failed", "olga")


def test_a_replay_goes_where_the_endpoint_is_now(releases: Releases) -> None:
    releases.left_by_the_first(1)
    movers = Movers()
    after = releases.release(movers, channels=("express",))
    reject(after)
    [failed] = of_endpoint(after, "postmen.letter")

    after.runtime.failed_messages.replay(failed.id, actor="olga")
    after.run_all()

    assert movers.letters == [1]


def test_a_replay_for_a_handler_that_is_called_at_once_now_is_handled_too(
    releases: Releases,
) -> None:
    releases.left_by_the_first(1)
    at_once = AtOnce()
    after = releases.release(at_once, channels=("express",))
    reject(after)
    [failed] = of_endpoint(after, "postmen.letter")

    after.runtime.failed_messages.replay(failed.id, actor="olga")
    after.run_all()

    assert at_once.letters == [1]


def test_without_its_endpoint_it_stays_a_failed_message_and_the_reason_is_told(
    releases: Releases,
) -> None:
    releases.left_by_the_first(1)
    after = releases.release(Movers(), channels=("express",))
    reject(after)
    [failed] = of_endpoint(after, "postmen.reminder")

    with pytest.raises(CannotReplay, match=r"this release has no endpoint postmen\.reminder"):
        after.runtime.failed_messages.replay(failed.id, actor="olga")

    assert of_endpoint(after, "postmen.reminder") == [failed]


def test_what_a_channel_held_before_it_became_direct_is_treated_alike(releases: Releases) -> None:
    releases.left_by_the_first(1)
    handler = AtOnce()
    after = Flow(
        handlers=[handler],
        channels=["express", ChannelDeclaration(name="letters", kind=ChannelKind.DIRECT)],
        clock=releases.clock,
        storage=releases.storage,
    )

    assert reject(after) == 2
    [failed] = of_endpoint(after, "postmen.letter")
    after.runtime.failed_messages.replay(failed.id, actor="olga")
    after.run_all()

    assert handler.letters == [1]


def test_a_channel_that_is_declared_is_refused(releases: Releases) -> None:
    releases.left_by_the_first(1)
    same = releases.release(Postmen(), channels=("letters",))

    with pytest.raises(ChannelIsDeclared):
        reject(same)

    assert same.failed_messages() == []


def test_broken_off_in_the_middle_it_goes_on_with_what_is_left(releases: Releases) -> None:
    releases.left_by_the_first(1, 2, 3, 4)
    after = releases.release(Movers(), channels=("express",))

    with releases.store.failing(_fine, away), pytest.raises(StoreUnavailable):
        reject(after, batch=3)

    assert counted(after) == [("testing.letters", 5)]
    assert len(after.failed_messages()) == 3
    assert reject(after, batch=3) == 5
    assert len({one.id for one in after.failed_messages()}) == 8
    assert reject(after) == 0


def _fine(unit: object, commit: Callable[[], None]) -> None:
    commit()


def test_what_is_done_already_does_not_fail(releases: Releases) -> None:
    releases.left_by_the_first(1)
    after = releases.release(Movers(), channels=("express",))
    [waits] = [
        one.delivery
        for one in releases.storage.waiting.claim(["testing.letters"], limit=9, token="old relay")
    ]
    after.runtime.receive(replace(waits, channel="testing.express"))
    releases.clock.advance(timedelta(minutes=1))  # its relay died before it removed the row

    assert reject(after) == 1  # the reminder

    assert of_endpoint(after, "postmen.letter") == []


@contract("harbour.ship_sank")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShipSank:
    ship: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    ship: str


class Harbour:
    @command_handler()
    def tell(self, command: Tell, distributed_bus: DistributedBus) -> None:
        distributed_bus.publish_event(ShipSank(ship=command.ship))


class Office:
    def __init__(self) -> None:
        self.sunk: list[str] = []

    @distributed
    @event_handler("harbour.*")
    def note(self, event: ShipSank) -> None:
        self.sunk.append(event.ship)


def test_an_event_for_two_services_is_replayed_to_where_each_of_them_is_now() -> None:
    clock, database = VirtualClock(), MemoryDatabase()
    network: dict[str, MemoryChannel] = {}

    def services(channel: str) -> ServiceMap:
        names = ("agency", "bank")
        return ServiceMap(
            channels={name: f"{name}.{channel}" for name in names},
            subscriptions=tuple(Subscription(service=name, keys=("harbour.*",)) for name in names),
        )

    def a_flow(context: str, channel: str, *handlers: object, own: tuple[str, ...]) -> Flow:
        return Flow(
            context=context,
            handlers=handlers,
            channels=own,
            service_map=services(channel),
            clock=clock,
            database=database,
            network=network,
        )

    a_flow("harbour", "mail", Harbour(), own=()).send(Tell(ship="Ark"))
    harbour = a_flow("harbour", "inbox", Harbour(), own=())
    agency, bank = Office(), Office()
    flows = [
        a_flow("agency", "inbox", agency, own=("inbox",)),
        a_flow("bank", "inbox", bank, own=("inbox",)),
    ]
    assert counted(harbour) == [("agency.mail", 1), ("bank.mail", 1)]

    assert reject(harbour, channel="agency.mail") == 1
    assert reject(harbour, channel="bank.mail") == 1
    failed = harbour.failed_messages()
    assert len(failed) == 2
    for one in failed:
        harbour.runtime.failed_messages.replay(one.id, actor="olga")
    harbour.relay()
    for flow in flows:
        flow.run_all()

    assert (agency.sunk, bank.sunk) == (["Ark"], ["Ark"])
    assert harbour.failed_messages() == []
