"""Replaying very many failed messages, and dying in the midst of it."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.composition.deployment import Deployment, build_deployment
from app.composition.environment import load_settings
from app.messaging.distributing import DISTRIBUTED_COMMAND
from app.messaging.failing import describe, parked
from ports.contracts.backoffice import CANCEL_TICKET
from ports.messages import Delivery, Envelope, Metadata
from ports.outbound.transactions import UnitOfWork
from soak.console import replay_all
from soak.databases import Databases
from soak.processes import is_alive, send
from soak.product import Product, running_product
from soak.visitor import Visitor
from soak.waiting import wait_until

pytestmark = [pytest.mark.fire, pytest.mark.timeout(900)]

MANY = 10_000
_BATCH = 500
_LIMIT_S = 600
_SETTINGS = {"THICKET_FLOWER": "false", "THICKET_LOG_LEVEL": "WARNING"}
# The order has a row of its own once its worker died.
_DELIVERIES = "FROM runtime_delivery WHERE endpoint = :endpoint"


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    for name, value in _SETTINGS.items():
        monkeypatch.setenv(name, value)
    with running_product(tmp_path / "data", _SETTINGS) as running:
        yield running


def test_ten_thousand_failed_messages_replayed_by_one_click_succeed_once_each(
    product: Product,
) -> None:
    """The worker that carries out the order is killed twice, and the relay, each while some were
    replayed and others were not."""
    store = f"sqlite:///{product.data / 'thicket.db'}"
    databases = Databases(main=store, monitoring=store, broker=None)
    deployment = build_deployment(load_settings(data=product.data))
    try:
        message_ids = let_fail(deployment, MANY)
    finally:
        deployment.close()

    chosen = replay_all(Visitor(product.port))
    left = [
        kill_midway(product, databases, "worker", when=MANY * 9 // 10),
        kill_midway(product, databases, "relay", when=MANY * 8 // 10),
        kill_midway(product, databases, "worker", when=MANY * 7 // 10),
    ]
    wait_until(lambda: done(databases) >= MANY, limit_s=_LIMIT_S, every_s=0.5, what="all of them")
    wait_until(lambda: job(databases)[-1], limit_s=_LIMIT_S, every_s=0.5, what="the job to end")

    assert chosen == MANY
    assert all(0 < one < MANY for one in left), left
    assert job(databases) == (MANY, MANY, 0, "", True)
    assert databases.rows(
        f"SELECT state, count(*) {_DELIVERIES} GROUP BY state", endpoint=DISTRIBUTED_COMMAND
    ) == [("done", MANY)]
    assert failed(databases) == 0
    # One line in its history is written with each replay, and one by the handler's transaction.
    for outcome in ("replayed", "done"):
        assert databases.rows(
            "SELECT count(*), count(DISTINCT failed_message_id) FROM runtime_attempt "
            "WHERE outcome = :outcome",
            outcome=outcome,
        ) == [(MANY, MANY)]
    events = [row[0] for row in databases.rows("SELECT parent_id FROM runtime_event")]
    assert len(events) == MANY
    assert set(events) == message_ids


def kill_midway(product: Product, databases: Databases, name: str, *, when: int) -> int:
    """Once no more than ``when`` are left to be replayed; how many were, when it was dead."""
    wait_until(
        lambda: failed(databases) <= when,
        limit_s=_LIMIT_S,
        every_s=0.02,
        what=f"only {when} of {MANY} to be left",
    )
    pid = product.pid_of(name)
    assert pid is not None
    send(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), limit_s=10, what="it to be dead")
    return failed(databases)


def failed(databases: Databases) -> int:
    return databases.number("SELECT count(*) FROM runtime_failed_message")


def job(databases: Databases) -> tuple[object, ...]:
    """The only one: how many it was for, how many it did and could not do, what it says about its
    end, and whether it came."""
    [row] = databases.rows(
        "SELECT total, done, failed, note, finished_at IS NOT NULL FROM runtime_job"
    )
    return row


def done(databases: Databases) -> int:
    return databases.number(
        f"SELECT count(*) {_DELIVERIES} AND state = 'done'", endpoint=DISTRIBUTED_COMMAND
    )


def let_fail(deployment: Deployment, many: int) -> set[str]:
    """So many messages to Backoffice that failed for good; their ids. Each leads to one event when
    it is handled."""
    deliveries = [withdrawal(deployment) for _ in range(many)]
    failure = describe(OSError("it was one of those days"), clock=deployment.clock, trace="")

    def park(unit: UnitOfWork, batch: list[Delivery]) -> None:
        for delivery in batch:
            assert unit.deliveries.advance(delivery, failed=True)
            unit.failed_messages.park(parked(delivery, failure, context="backoffice"))

    for first in range(0, many, _BATCH):
        batch = deliveries[first : first + _BATCH]
        deployment.runtimes["backoffice"].transactions.once(
            lambda unit, batch=batch: park(unit, batch)
        )
    return {delivery.envelope.metadata.id for delivery in deliveries}


def withdrawal(deployment: Deployment) -> Delivery:
    message_id = deployment.identifiers.new()
    return Delivery(
        envelope=Envelope(
            payload=json.dumps({"ticket_id": deployment.identifiers.new()}).encode(),
            name=CANCEL_TICKET,
            metadata=Metadata(
                id=message_id,
                correlation_id=message_id,
                timestamp=datetime.now(UTC),
                source="customer_service",
            ),
        ),
        channel="backoffice.distribution",
        endpoint=DISTRIBUTED_COMMAND,
    )
