"""Killed at calls through ports: a spread of them here, all of them by ``./thicket soak``."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from soak.crash_points.accounts import differences
from soak.crash_points.boundary import Boundary, CrashPoint
from soak.crash_points.desk import Gone, Unanswered, Visitor
from soak.crash_points.place import place
from soak.crash_points.proof import Actor, Death, Proof, spread
from tests.support.servers import (
    POSTGRES_URL,
    fresh_postgres_database,
    fresh_rabbitmq,
    server_url,
    unique_name,
)

pytestmark = pytest.mark.fire

HOW_MANY = 64


@pytest.fixture
def proof(tmp_path: Path) -> Iterator[Proof]:
    with (
        fresh_postgres_database(),  # skips or fails where there is no server
        fresh_rabbitmq() as broker,
        place(
            admin_url=server_url(POSTGRES_URL),
            name=unique_name(),
            broker_url=broker.url,
            folder=tmp_path,
        ) as found,
        Actor(found) as actor,
    ):
        yield Proof(actor, found)


@pytest.mark.timeout(600)
def test_a_desk_that_was_killed_at_any_call_through_a_port_ends_as_if_it_never_was(
    proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    points = proof.undisturbed()

    attempts = [proof.killed_at(death) for death in spread(points, HOW_MANY)]

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
        "adapters.customer_service.issue_queries.IssueQueries.by_identifier",  # by a link of a mail
    ):
        assert name in called


@pytest.mark.parametrize(
    ("status", "told"), [(404, Unanswered), (410, Gone), (422, Unanswered), (503, Unanswered)]
)
def test_a_step_that_is_refused_is_no_step_of_the_story(status: int, told: type[Exception]) -> None:
    app = Flask(__name__)
    app.add_url_rule("/form", view_func=lambda: ('<input name="csrf_token" value="x">', 200))
    app.add_url_rule("/form", "sent", methods=["POST"], view_func=lambda: ("", status))

    with pytest.raises(told):
        Visitor(app.test_client()).send("/form")


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
    points = {CrashPoint(call=str(number), after=False): {"take": 1} for number in range(100)}

    assert [death.point.call for death in spread(points, 4)] == ["0", "25", "50", "75"]
    assert len(spread(points, None)) == 100


def test_death_comes_at_the_middle_one_of_the_times_at_which_a_point_is_passed() -> None:
    point = CrashPoint(call="a -> b", after=True)

    (death,) = spread({point: {"register": 1, "take": 3, "resolve": 1}}, None)

    assert death == Death(point=point, step="take", occurrence=2)
    assert str(death) == "after a -> b (time 2 of 'take')"
