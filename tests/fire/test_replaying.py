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
from soak.processes import send
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
    """The worker that carries out the order is killed, and the relay, each in the midst of it."""
    store = f"sqlite:///{product.data / 'thicket.db'}"
    databases = Databases(main=store, monitoring=store, broker=None)
    deployment = build_deployment(load_settings(data=product.data))
    try:
        message_ids = let_fail(deployment, MANY)
    finally:
        deployment.close()

    chosen = replay_all(Visitor(product.port))
    for name, when in (("worker", MANY // 10), ("relay", MANY // 5), ("worker", MANY // 2)):
        wait_until(
            lambda when=when: done(databases) >= when,
            limit_s=_LIMIT_S,
            what=f"{when} of {MANY} to be done",
        )
        pid = product.pid_of(name)
        assert pid is not None
        send(pid, signal.SIGKILL)
    wait_until(lambda: done(databases) >= MANY, limit_s=_LIMIT_S, every_s=0.5, what="all of them")

    assert chosen == MANY
    assert databases.rows(
        f"SELECT state, count(*) {_DELIVERIES} GROUP BY state", endpoint=DISTRIBUTED_COMMAND
    ) == [("done", MANY)]
    assert databases.number("SELECT count(*) FROM runtime_failed_message") == 0
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
