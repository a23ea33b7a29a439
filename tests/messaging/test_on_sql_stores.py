"""What memory could hide: the engine on real databases."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from time import monotonic
from typing import Any

import pytest

from adapters.memory.channel import MemoryChannel
from adapters.memory.time import VirtualClock
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from adapters.sql.wakeups import SqlWakeUps
from app.messaging.distributing import ServiceMap
from app.testing.flow import Flow, Storage
from ports.errors import CannotStart, DeliveryTimedOut
from ports.inbound.aggregates import aggregate
from ports.inbound.buses import CommandBus
from ports.inbound.delivery import RetryPolicy, asynchronous, distributed, retried
from ports.inbound.handlers import command_handler, contract, event_handler
from ports.messages import Delivery
from ports.outbound.channels import ChannelDeclaration, ChannelKind, PublishOutcome
from tests.adapters.sql.stores import empty, engine_of, prepare
from tests.messaging.nesting import MakeFlow, NestingTests
from tests.messaging.shelves import (
    KEEPERS,
    Hire,
    Keeper,
    Praise,
    PraisesOf,
    WorkWasOrdered,
    keeper_metadata,
)
from tests.suites.beside import Beside, at_once
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return prepared(f"sqlite:///{tmp_path_factory.mktemp('messaging') / 'thicket.db'}")


@pytest.fixture(scope="module")
def postgresql_database(module_postgres_url: str) -> str:
    return prepared(module_postgres_url)


def prepared(url: str) -> str:
    prepare(url)
    with engine_of(url) as engine:
        keeper_metadata.create_all(engine)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_database")
    empty(url)
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM keeper")
    return url


@pytest.fixture
def make_flow(database: str) -> Iterator[MakeFlow]:
    with ExitStack() as opened:

        def make(
            *, context: str = "testing", lease: timedelta = timedelta(seconds=30), **options: Any
        ) -> Flow:
            store = SqlStore(database, context, [KEEPERS])
            wake_ups = SqlWakeUps(database, context)
            opened.callback(store.close)
            opened.callback(wake_ups.close)
            waiting = SqlWaitingDeliveries(store, lease=lease)
            storage = Storage(store=store, waiting=waiting, wake_ups=wake_ups)
            # The flow's clock stands still at the present of the database's.
            clock = VirtualClock(datetime.now(UTC))
            return Flow(context=context, storage=storage, clock=clock, **options)

        yield make


class TestNestingOnSqlStores(NestingTests):
    @pytest.fixture
    def make_flow(self, make_flow: MakeFlow) -> MakeFlow:
        return make_flow


@aggregate("stranger", identifier="stranger_id")
class Stranger:
    stranger_id = "nobody"


def test_a_store_must_know_how_to_keep_every_aggregate(make_flow: MakeFlow) -> None:
    with pytest.raises(CannotStart, match="no record mapping for 'stranger'"):
        make_flow(aggregates=[Stranger])


class Praiser:
    """Waits for a second worker before it goes on, if there is to be one."""

    def __init__(self) -> None:
        self.meet: Callable[[], object] = lambda: None
        self.fails = False

    @event_handler(endpoint="praiser.praise")
    @asynchronous("work")
    @retried(RetryPolicy(instant=0, delayed=0))
    def praise(self, event: WorkWasOrdered, commands: CommandBus) -> None:
        self.meet()
        commands.send(Praise(keeper_id="kim"))
        if self.fails:
            raise LookupError("kim is on holiday")


@pytest.fixture
def praiser() -> Praiser:
    return Praiser()


@pytest.fixture
def flow(make_flow: MakeFlow, praiser: Praiser) -> Flow:
    flow = make_flow(aggregates=[Keeper], handlers=[praiser], channels=["work"])
    flow.send(Hire(keeper_id="kim"))
    return flow


def ordered(flow: Flow) -> Delivery:
    flow.publish(WorkWasOrdered(task="praise"))
    delivery = flow.take("work")
    assert delivery is not None
    return delivery


def test_two_workers_with_the_same_delivery_do_its_work_once(flow: Flow, praiser: Praiser) -> None:
    delivery = ordered(flow)
    praiser.meet = Barrier(2, timeout=10).wait
    consumer = flow.runtime.consumer

    outcomes = at_once(lambda: consumer.receive(delivery), lambda: consumer.receive(delivery))

    # The loser may have been told of the conflict first; its next try meets nobody.
    assert sorted(str(outcome) for outcome in outcomes) == ["done", "duplicate"]
    assert flow.ask(PraisesOf(keeper_id="kim")) == 1
    assert flow.failed_messages() == []


def test_giving_up_while_the_handler_commits_leaves_one_outcome(
    flow: Flow, praiser: Praiser
) -> None:
    delivery = ordered(flow)
    meeting = Barrier(2, timeout=10)
    praiser.meet = meeting.wait
    consumer = flow.runtime.consumer

    def give_up() -> str:
        meeting.wait()
        return consumer.give_up(delivery, DeliveryTimedOut(delivery.endpoint, 1))

    handled, given_up = at_once(lambda: consumer.receive(delivery), give_up)

    assert (handled, given_up) in [("done", "duplicate"), ("duplicate", "failed")]
    done = handled == "done"
    assert flow.ask(PraisesOf(keeper_id="kim")) == (1 if done else 0)
    assert len(flow.failed_messages()) == (0 if done else 1)


def test_a_failed_message_is_replayed_once_and_stale_copies_change_nothing(
    flow: Flow, praiser: Praiser
) -> None:
    delivery = ordered(flow)
    praiser.fails = True
    flow.runtime.receive(delivery)
    [failed] = flow.failed_messages()
    praiser.fails = False

    flow.runtime.failed_messages.replay(failed.id, actor="olga")
    flow.runtime.receive(delivery, 1)
    flow.runtime.receive(delivery)
    handled = flow.run("work")

    assert handled == 1
    assert flow.ask(PraisesOf(keeper_id="kim")) == 1
    assert flow.failed_messages() == []


@contract("shelves.keep")
@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    keeper_id: str


class Cellar:
    @distributed
    @command_handler("shelves.keep", endpoint="cellar.keep")
    def keep(self, command: Keep, commands: CommandBus) -> None:
        commands.send(Hire(keeper_id=command.keeper_id))


class UnconfirmedChannel(MemoryChannel):
    """Like a broker that gives no confirms."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.confirms = False

    def publish(self, deliveries: Sequence[Delivery]) -> Sequence[PublishOutcome]:
        super().publish(deliveries)
        return [PublishOutcome.UNCONFIRMED] * len(deliveries)


def test_a_message_to_another_context_is_kept_only_until_it_is_done_there(
    make_flow: MakeFlow,
) -> None:
    network = {"cellar.inbox": UnconfirmedChannel("cellar.inbox")}
    service_map = ServiceMap(channels={"cellar": "cellar.inbox"})
    cellar = make_flow(
        context="cellar",
        aggregates=[Keeper],
        handlers=[Cellar()],
        channels=["inbox"],
        network=network,
        service_map=service_map,
    )
    kitchen = make_flow(context="kitchen", network=network, service_map=service_map)
    kitchen.runtime.distributed.send_command("cellar", Keep(keeper_id="sam"))

    kitchen.relay()
    kept = kitchen.waiting.kept(["cellar.inbox"], seconds=0)
    cellar.run("inbox")

    assert kept == ["cellar.inbox"]
    assert kitchen.waiting.kept(["cellar.inbox"], seconds=0) == []
    assert cellar.ask(PraisesOf(keeper_id="sam")) == 0


def test_a_database_channel_works_beside_a_relay_that_waits_too(
    make_flow: MakeFlow, praiser: Praiser
) -> None:
    flow = make_flow(
        aggregates=[Keeper],
        handlers=[praiser],
        channels=[ChannelDeclaration(name="work", kind=ChannelKind.DATABASE)],
    )
    flow.send(Hire(keeper_id="kim"))
    stop = Event()
    loops = [
        Beside(lambda: flow.runtime.relay().run(stop)),
        Beside(lambda: flow.runtime.database_channel_consumer("testing.work").run(stop)),
        Beside(lambda: flow.runtime.database_channel_consumer("testing.work").run(stop)),
    ]

    for _ in range(5):
        flow.publish(WorkWasOrdered(task="praise"))
    wait_until(lambda: flow.ask(PraisesOf(keeper_id="kim")) == 5)

    stop.set()
    for loop in loops:
        loop.result()


def test_a_handler_that_outlasts_its_lease_is_not_run_beside_itself(
    make_flow: MakeFlow, praiser: Praiser
) -> None:
    flow = make_flow(
        aggregates=[Keeper],
        handlers=[praiser],
        channels=[ChannelDeclaration(name="work", kind=ChannelKind.DATABASE)],
        lease=timedelta(seconds=3),
    )
    flow.send(Hire(keeper_id="kim"))
    begun: list[float] = []
    may_end, stop = Event(), Event()

    def take_long() -> None:
        begun.append(monotonic())
        assert may_end.wait(60)

    praiser.meet = take_long
    loops = [
        Beside(lambda: flow.runtime.database_channel_consumer("testing.work").run(stop))
        for _ in range(2)
    ]

    flow.publish(WorkWasOrdered(task="praise"))
    wait_until(lambda: begun != [], what="the handler to begin")
    # Both consumers look at the channel every second at least.
    wait_until(
        lambda: monotonic() - begun[0] > 3 * 2, limit_s=20, what="the first lease to be long over"
    )
    may_end.set()
    wait_until(lambda: flow.ask(PraisesOf(keeper_id="kim")) == 1, what="the effect")

    stop.set()
    for loop in loops:
        loop.result()
    assert len(begun) == 1
