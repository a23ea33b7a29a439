"""PostgreSQL and RabbitMQ: what was accepted is done, exactly once, whatever dies meanwhile."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import psycopg
import pytest

from soak.facts import read_facts
from soak.faults import Fault
from soak.ledger import Told
from soak.processes import children_of, send
from soak.product import OPERATOR, OPERATOR_PASSWORD
from soak.staff import sign_in
from soak.visitor import Visitor
from soak.waiting import wait_until
from tests.fire.conftest import Fire

pytestmark = [pytest.mark.fire, pytest.mark.timeout(900)]

_STRIKES = (
    Fault.KILL_WORKER,
    Fault.KILL_WEB,
    Fault.KILL_RELAY,
    Fault.CRASH_BROKER,
    Fault.KILL_RELAY,
    Fault.KILL_BEAT,
    Fault.CRASH_DATABASE,
    Fault.KILL_WORKER,
)
# A line for each attempt that failed, and for each replay.
_ATTEMPTS = "SELECT count(*) FROM runtime_attempt"
_KILLS_AT_WORK = (Fault.KILL_WEB, Fault.KILL_WORKER, Fault.KILL_RELAY)


def test_five_hundred_issues_survive_the_death_of_everything_that_handles_them(
    on_servers: Fire,
) -> None:
    """A share of them is reported around each strike."""
    fire, databases = on_servers, on_servers.world.databases
    before, attempts = len(fire.striker.strikes), databases.number(_ATTEMPTS)
    for fault in _STRIKES:
        with fire.reporting(ceil(500 / len(_STRIKES))):
            fire.striker.do(fault)
    account = fire.come_to_rest()

    assert (account.lost, account.doubled, account.stuck) == ([], [], [])
    assert account.unexpected == {}
    assert account.in_doubt == 0
    assert account.accepted >= 500
    assert fire.striker.problems == []
    strikes = fire.striker.strikes[before:]
    assert [strike.fault for strike in strikes] == list(_STRIKES)
    # Nobody was to blame: whatever was handed over again went well, without a replay.
    assert (account.failed, account.replayed) == (0, {})
    assert databases.number(_ATTEMPTS) == attempts
    assert all(strike.outstanding for strike in strikes), strikes
    assert all(strike.held for strike in strikes if strike.fault in _KILLS_AT_WORK), strikes


def test_while_the_broker_is_away_messages_wait_and_the_console_says_so(on_servers: Fire) -> None:
    fire, world = on_servers, on_servers.world
    assert world.servers is not None
    with operator(fire) as console:
        world.servers.rabbitmq.stop()
        try:
            issues = [fire.report() for _ in range(5)]
            waiting = world.databases.number(
                "SELECT count(*) FROM runtime_message WHERE channel LIKE 'customer_service.%'"
            )
            channels = console.get("/operations/channels")
            health = console.get("/healthz/ready")
        finally:
            world.servers.rabbitmq.start()

    account = fire.come_to_rest()
    assert [issue.told for issue in issues] == [Told.ACCEPTED] * 5
    assert waiting >= 10
    assert (channels.status, "away" in channels.text) == (200, True)
    assert health.status == 200
    assert account.is_good, account


def test_while_the_database_is_away_pages_say_so_and_nothing_is_half_done(
    on_servers: Fire,
) -> None:
    fire, world = on_servers, on_servers.world
    assert world.servers is not None
    visitor = Visitor(world.product.port)
    form = visitor.get("/").form("/issues")
    visitor.close()
    before = read_facts(world.databases)
    world.servers.postgres.stop()
    try:
        refused = visitor.post(
            "/issues",
            form
            | {"email": "maria@example.com", "subject": "Away", "content": "Is anybody there?"},
        )
    finally:
        world.servers.postgres.start()

    account = fire.come_to_rest()
    after = read_facts(world.databases)
    assert refused.status == 503
    assert "We cannot reach our database" in refused.text
    assert after.issues == before.issues
    assert account.is_good, account


def test_a_crash_of_the_database_takes_no_message_from_the_worker(on_servers: Fire) -> None:
    """What the worker holds then stays in its hands: it stands still while the database dies."""
    fire, world = on_servers, on_servers.world
    assert world.servers is not None
    with fire.reporting(40):
        pid = world.product.pid_of("worker")
        assert pid is not None
        with standing_still(pid):
            wait_until(fire.striker.messages_held, limit_s=60, what="the worker to hold a message")
            world.servers.postgres.kill()
        world.servers.postgres.start()

    account = fire.come_to_rest()
    assert account.is_good, account
    assert account.replayed == {}
    assert world.product.pid_of("worker") == pid


def test_without_a_mail_server_a_mail_is_tried_again_and_then_is_a_failed_message(
    on_servers: Fire,
) -> None:
    fire, databases = on_servers, on_servers.world.databases
    fire.world.gate.shut()
    try:
        issue = fire.report()
        delays = [delay_of_retry(fire, attempt) for attempt in (3, 4)]
        wait_until(
            lambda: databases.number("SELECT count(*) FROM runtime_failed_message"),
            limit_s=60,
            what="the failed message",
        )
        [failed] = read_facts(databases).failed
    finally:
        fire.world.gate.open()

    account = fire.come_to_rest()
    assert issue.told is Told.ACCEPTED
    assert delays == pytest.approx([10, 100], rel=0.2)
    assert (failed.exception, failed.endpoint) == ("MailUnavailable", "issue.confirm_report")
    assert "does not answer" in failed.reason
    assert account.is_good, account
    assert account.replayed == {"MailUnavailable at issue.confirm_report": 1}


def test_a_poisonous_message_becomes_a_failed_message_and_the_worker_goes_on(
    on_servers: Fire,
) -> None:
    fire, databases = on_servers, on_servers.world.databases
    fire.striker.do(Fault.POISON)
    fire.striker.do(Fault.DEADLY_MESSAGE)
    alive = fire.report()
    wait_until(
        lambda: len(read_facts(databases).failed) == len(fire.striker.poison) + 1,
        limit_s=120,
        what="every poisonous message to be a failed one",
    )
    failed = {(row.exception, row.endpoint): row.reason for row in read_facts(databases).failed}

    account = fire.come_to_rest()
    assert set(failed) == {
        ("UnreadableMessage", ""),
        ("UnknownEndpoint", "issue.nobody_is_here"),
        ("UnreadableMessage", "issue.confirm_report"),
        ("PoisonousMessage", "issue.confirm_report"),
    }
    assert "issue.was_renamed" in failed["UnreadableMessage", "issue.confirm_report"]
    assert fire.world.gate.killed >= 4
    assert alive.told is Told.ACCEPTED
    assert fire.striker.problems == []
    assert account.is_good, account
    assert account.replayed == {"PoisonousMessage at issue.confirm_report": 1}


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """With the processes that run its handlers."""
    family = [pid, *(child.pid for child in children_of(pid))]
    for one in family:
        send(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in family:
            send(one, signal.SIGCONT)


def delay_of_retry(fire: Fire, attempt: int) -> float:
    """Seconds between a failed attempt and the next, as the message table has it. The next is then
    made due at once, so that nobody has to wait."""
    found: list[float] = []
    url = fire.world.databases.main

    def look() -> bool:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(
                "UPDATE runtime_message SET due_at = now() "
                "WHERE endpoint = 'issue.confirm_report' AND attempt = %s AND delayed "
                "RETURNING extract(epoch FROM available_at - created_at)",
                [attempt],
            ).fetchone()
        if row is not None:
            found.append(float(row[0]))
        return row is not None

    wait_until(look, limit_s=60, what=f"attempt {attempt} to wait for its time")
    return found[0]


@contextmanager
def operator(fire: Fire) -> Iterator[Visitor]:
    visitor = Visitor(fire.world.product.port)
    assert sign_in(visitor, OPERATOR, OPERATOR_PASSWORD).status == 303
    try:
        yield visitor
    finally:
        visitor.close()
