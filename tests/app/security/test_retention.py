"""What is kept is kept for a bounded time: the worker's upkeep removes it, and leaves the young."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import pytest
import sqlalchemy as sa

from adapters.memory.time import VirtualClock
from adapters.sql.account_tables import rate_limit
from adapters.sql.accounts import SqlAccounts
from adapters.sql.columns import timestamp_to_text
from adapters.sql.rate_limits import SqlRateLimits
from adapters.sql.sessions import SqlSessions
from app.composition.deployment import Deployment, build_deployment
from app.composition.maintenance import maintain
from app.composition.settings import Retention
from ports.outbound.accounts import Role, TokenPurpose
from ports.outbound.audit import Actor
from ports.outbound.caught_mails import CaughtMail
from ports.outbound.failed_messages import Attempt
from ports.outbound.operations import Heartbeat, Job
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord
from tests.app.deployment_site import settings_of
from tests.suites.builders import a_delivery, a_failed_message
from tests.suites.store_fixtures import committed

MINUTE, YEARS = timedelta(minutes=1), timedelta(days=800)
STORE, MONITORING = "store", "monitoring"
BOUNDED = (
    (MONITORING, "monitoring_mail"),
    (MONITORING, "monitoring_span"),
    (MONITORING, "monitoring_trace"),
    (STORE, "runtime_account_token"),
    (STORE, "runtime_session"),
    (STORE, "runtime_rate_limit"),
    (STORE, "runtime_audit"),
    (STORE, "runtime_heartbeat"),
    (STORE, "runtime_job"),
    (STORE, "runtime_delivery"),
    (STORE, "runtime_attempt"),
    (STORE, "runtime_failed_message"),
)


@pytest.fixture
def deployment(migrated_files: Path, tmp_path: Path) -> Iterator[Deployment]:
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    made = build_deployment(settings_of(data))
    yield made
    made.close()


def rows(deployment: Deployment, where: str, table: str) -> int:
    store = deployment.home if where == STORE else deployment.monitoring
    with store.engine().connect() as connection:
        count: int = connection.execute(
            sa.select(sa.func.count()).select_from(sa.table(table))
        ).scalar_one()
    return count


def fill(here: Deployment, at: datetime, name: str) -> None:
    """One of everything, as it was written then."""
    database, clock = here.database, VirtualClock(at)
    here.caught_mails.keep(
        CaughtMail(
            id=name, caught_at=at, sender="", recipients=(), subject="", message_id=name, raw=b""
        )
    )
    here.traces.save(
        [
            SpanRecord(
                trace_id=f"{crc32(name.encode()):032x}",
                span_id=f"{crc32(name.encode()):016x}",
                name=name,
                kind=SpanKind.SERVER,
                service="web",
                started_at=at,
                duration=MINUTE,
            )
        ]
    )
    accounts = SqlAccounts(database, clock=clock)
    accounts.open(name, email=f"{name}@b.example", display_name=name, role=Role.EMPLOYEE)
    accounts.create_token(name, TokenPurpose.INVITATION, valid_for=timedelta(days=3))
    SqlSessions(database, clock=clock, lifetimes=here.session_lifetimes).begin(name, generation=1)
    SqlRateLimits(database=database, clock=clock).incr(name, 3600)
    here.audit.record(Actor(name=name, account_id=name), "note", name, at=at)
    here.heartbeats.beat(
        Heartbeat(process=name, kind="web", host="", pid=1, channels=[], started_at=at, seen_at=at)
    )
    here.jobs.start(Job(id=name, kind="replay", label="", started_by="", started_at=at, total=1))
    here.jobs.finish(name, at=at)
    store = here.stores["backoffice"]
    committed(store, lambda unit: unit.deliveries.done(a_delivery(message_id=f"done-{name}")))
    noted = Attempt(attempt=1, outcome="done", at=at, reason=name)
    committed(store, lambda unit: unit.failed_messages.note_attempt(f"done-{name}", noted))
    committed(store, lambda unit: unit.failed_messages.park(a_failed_message(name)))
    committed(store, lambda unit: unit.failed_messages.delete(name, at=at))
    with store.engine().connect() as connection:
        # Stamped by the database's own clock.
        connection.execute(
            sa.text("UPDATE runtime_delivery SET updated_at = :at WHERE message_id = :message_id"),
            {"at": timestamp_to_text(at), "message_id": f"done-{name}"},
        )


def test_what_is_old_goes_and_what_is_young_stays(deployment: Deployment) -> None:
    now = datetime.now(UTC)
    fill(deployment, now - YEARS, "old")
    fill(deployment, now - MINUTE, "young")
    assert {place: rows(deployment, *place) for place in BOUNDED} == dict.fromkeys(BOUNDED, 2)

    maintain(deployment)

    assert {place: rows(deployment, *place) for place in BOUNDED} == dict.fromkeys(BOUNDED, 1)


def test_everything_is_kept_as_long_as_its_own_setting_says(
    migrated_files: Path, tmp_path: Path
) -> None:
    data, day, now = tmp_path / "data", timedelta(days=1), datetime.now(UTC)
    shutil.copytree(migrated_files, data)
    kept = Retention(
        mails=1 * day, spans=2 * day, deliveries=3 * day, deleted_failures=4 * day, audit=5 * day
    )
    with closing(build_deployment(replace(settings_of(data), retention=kept))) as deployment:
        for age in range(7):
            fill(deployment, now - age * day - day / 2, f"{age} days old")

        maintain(deployment)

        assert rows(deployment, MONITORING, "monitoring_mail") == 1
        assert rows(deployment, MONITORING, "monitoring_span") == 2
        assert rows(deployment, STORE, "runtime_delivery") == 3
        assert rows(deployment, STORE, "runtime_attempt") == 3
        assert rows(deployment, STORE, "runtime_failed_message") == 4
        assert rows(deployment, STORE, "runtime_audit") == 5


def test_a_busy_hour_is_gone_after_one_call(deployment: Deployment) -> None:
    long_ago = datetime.now(UTC) - YEARS
    with deployment.home.engine().begin() as connection:
        connection.execute(
            sa.insert(rate_limit),
            [{"key": f"visitor-{n}", "hits": 1, "expires_at": long_ago} for n in range(12_000)],
        )

    maintain(deployment)

    assert rows(deployment, STORE, "runtime_rate_limit") == 0


def test_what_is_needed_is_never_removed_however_old(deployment: Deployment) -> None:
    long_ago = datetime.now(UTC) - YEARS
    store = deployment.stores["backoffice"]
    committed(store, lambda unit: unit.failed_messages.park(a_failed_message("waiting")))
    noted = Attempt(attempt=1, outcome="failed", at=long_ago)
    committed(store, lambda unit: unit.failed_messages.note_attempt("waiting", noted))
    fill(deployment, long_ago, "old")

    maintain(deployment)
    maintain(deployment)

    assert rows(deployment, STORE, "runtime_failed_message") == 1
    assert rows(deployment, STORE, "runtime_attempt") == 1
    assert rows(deployment, STORE, "runtime_account") == 1
