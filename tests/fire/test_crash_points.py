"""Killed at calls through ports: a spread of them here, all of them by ``./thicket soak``."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from soak.crash_points.accounts import differences
from soak.crash_points.boundary import Boundary, CrashPoint
from soak.crash_points.mail_server import mail_server
from soak.crash_points.place import place
from soak.crash_points.proof import Actor, Proof, spread
from soak.ports import free_ports
from tests.support.servers import (
    POSTGRES_URL,
    fresh_postgres_database,
    fresh_rabbitmq,
    server_url,
    unique_name,
)

pytestmark = pytest.mark.fire

HOW_MANY = 16


@pytest.fixture
def proof(tmp_path: Path) -> Iterator[Proof]:
    mails = tmp_path / "mails"
    mails.mkdir()
    with (
        fresh_postgres_database(),  # skips or fails where there is no server
        fresh_rabbitmq() as broker,
        mail_server(mails, port=free_ports()) as smtp_url,
        place(
            admin_url=server_url(POSTGRES_URL),
            name=unique_name(),
            broker_url=broker.url,
            smtp_url=smtp_url,
            data=tmp_path / "data",
        ) as found,
        Actor() as actor,
    ):
        yield Proof(actor, found, mails=mails)


@pytest.mark.timeout(600)
def test_a_desk_that_was_killed_at_any_call_through_a_port_ends_as_if_it_never_was(
    proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    points = proof.undisturbed()
    chosen = spread(points, HOW_MANY)

    attempts = [proof.killed_at(point, occurrence) for point, occurrence in chosen]

    with capsys.disabled():
        print(f"\nkilled at {sum(a.killed for a in attempts)} of {len(points)} crash points")  # noqa: T201
    assert [str(attempt) for attempt in attempts if not attempt.killed] == []
    assert [str(attempt) for attempt in attempts if attempt.differences] == []


def test_every_kind_of_port_is_among_the_crash_points(proof: Proof) -> None:
    called = {point.call.partition(" -> ")[2] for point in proof.undisturbed()}

    for name in (
        "adapters.sql.unit_of_work.SqlUnitOfWork.commit",
        "adapters.sql.event_store.SqlEventStore.append",
        "adapters.celery_channels.publishing.CeleryChannel.publish",
        "adapters.mail.smtp.SmtpMailSender.send",
        "adapters.sql.waiting_deliveries.SqlWaitingDeliveries.remove",
        "adapters.sql.audit.SqlAuditLog.record",
    ):
        assert name in called


def test_a_call_crosses_the_boundary_only_between_sides() -> None:
    inside = {"__name__": "app.messaging.made_up"}
    outside = {"__name__": "adapters.made_up.module"}
    exec("def port():\n    helper()\ndef helper():\n    pass\n", outside)
    exec("def use(port):\n    own(port)\ndef own(port):\n    port()\n", inside)
    seen: list[str] = []
    boundary = Boundary(lambda point: seen.append(str(point)))

    boundary.watch()
    inside["use"](outside["port"])  # type: ignore[operator]
    boundary.rest()

    call = "app.messaging.made_up.own -> adapters.made_up.module.port"
    assert seen == [f"before {call}", f"after {call}"]


def test_what_was_lost_or_doubled_is_told_apart_from_what_was_wanted() -> None:
    wanted = {"mails": Counter({("maria", "hello"): 1, ("maria", "bye"): 1})}
    found = {"mails": Counter({("maria", "hello"): 2})}

    assert differences(wanted, found) == [
        "mails: ('maria', 'bye') is there 0 times, not 1",
        "mails: ('maria', 'hello') is there 2 times, not 1",
    ]


def test_points_are_spread_over_the_whole_story() -> None:
    points = {CrashPoint(call=str(number), after=False): 3 for number in range(100)}

    assert [(point.call, times) for point, times in spread(points, 4)] == [
        ("0", 2),
        ("25", 2),
        ("50", 2),
        ("75", 2),
    ]
    assert len(spread(points, None)) == 100
