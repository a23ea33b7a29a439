from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.operations_tables import heartbeat, job
from adapters.sql.progress import SqlHeartbeats, SqlJobs
from ports.outbound.operations import Heartbeat, Job
from tests.suites.builders import SENT_AT as NOON

WORKER = Heartbeat(
    process="worker-1",
    kind="worker",
    host="ash",
    pid=4711,
    channels=("post.mails", "post.books"),
    started_at=NOON,
    seen_at=NOON,
)


def a_job(job_id: str = "job-1", *, minutes: int = 0, kind: str = "replay") -> Job:
    return Job(
        id=job_id,
        kind=kind,
        label="Replaying 7 failed messages",
        started_by="Olga",
        started_at=NOON + timedelta(minutes=minutes),
        total=7,
    )


@pytest.fixture
def database(deployment_engine: sa.Engine) -> DeploymentDatabase:
    with deployment_engine.connect() as connection:
        connection.execute(sa.delete(heartbeat))
        connection.execute(sa.delete(job))
    return DeploymentDatabase(lambda: deployment_engine)


@pytest.fixture
def heartbeats(database: DeploymentDatabase) -> SqlHeartbeats:
    return SqlHeartbeats(database)


@pytest.fixture
def jobs(database: DeploymentDatabase) -> SqlJobs:
    return SqlJobs(database)


def test_a_process_is_known_by_its_latest_heartbeat(heartbeats: SqlHeartbeats) -> None:
    heartbeats.beat(WORKER)
    later = replace(
        WORKER,
        seen_at=NOON + timedelta(seconds=5),
        handled=3,
        failed=1,
        handling="mailroom.receipt",
        handling_since=NOON + timedelta(seconds=4),
    )

    heartbeats.beat(later)

    assert heartbeats.all() == [later]


def test_who_was_seen_last_comes_first(heartbeats: SqlHeartbeats) -> None:
    heartbeats.beat(WORKER)
    heartbeats.beat(replace(WORKER, process="relay-1", seen_at=NOON + timedelta(seconds=1)))

    assert [one.process for one in heartbeats.all()] == ["relay-1", "worker-1"]
    assert [one.process for one in heartbeats.all(limit=1)] == ["relay-1"]


def test_who_leaves_is_forgotten(heartbeats: SqlHeartbeats) -> None:
    heartbeats.beat(WORKER)

    heartbeats.leave("worker-1")
    heartbeats.leave("worker-1")

    assert heartbeats.all() == []


def test_who_was_not_seen_for_long_is_purged(heartbeats: SqlHeartbeats) -> None:
    heartbeats.beat(WORKER)
    heartbeats.beat(replace(WORKER, process="worker-2", seen_at=NOON + timedelta(hours=1)))

    assert heartbeats.purge(before=NOON + timedelta(minutes=1)) == 1
    assert [one.process for one in heartbeats.all()] == ["worker-2"]


def test_a_job_is_started_once(jobs: SqlJobs) -> None:
    assert jobs.start(a_job())
    assert not jobs.start(replace(a_job(), label="another"))

    assert jobs.find("job-1") == a_job()
    assert jobs.find("job-2") is None


def test_progress_is_set_and_not_added(jobs: SqlJobs) -> None:
    jobs.start(a_job())

    jobs.advance("job-1", done=3, failed=1)
    jobs.advance("job-1", done=3, failed=1)

    assert jobs.find("job-1") == replace(a_job(), done=3, failed=1)


def test_a_finished_job_says_when_and_why(jobs: SqlJobs) -> None:
    jobs.start(a_job())

    jobs.finish("job-1", at=NOON + timedelta(minutes=2), note="stopped by Olga")

    assert jobs.find("job-1") == replace(
        a_job(), finished_at=NOON + timedelta(minutes=2), note="stopped by Olga"
    )


def test_unfinished_jobs_come_first_then_the_latest(jobs: SqlJobs) -> None:
    for number in range(4):
        jobs.start(a_job(f"job-{number}", minutes=number, kind="delete" if number else "replay"))
    for number in (1, 2, 3):
        jobs.finish(f"job-{number}", at=NOON + timedelta(hours=1))

    assert [one.id for one in jobs.newest(limit=3)] == ["job-0", "job-3", "job-2"]
    assert [one.id for one in jobs.newest(kind="delete", limit=1)] == ["job-3"]


def test_old_jobs_are_purged(jobs: SqlJobs) -> None:
    jobs.start(a_job("old"))
    jobs.start(a_job("new", minutes=10))

    assert jobs.purge(before=NOON + timedelta(minutes=5)) == 1
    assert [one.id for one in jobs.newest()] == ["new"]


def test_the_rate_of_a_job_is_told_once_it_is_known() -> None:
    begun = replace(a_job(), done=30)

    assert begun.per_minute(NOON) is None
    assert begun.per_minute(NOON + timedelta(minutes=2)) == 15
    assert replace(a_job(), done=0).per_minute(NOON + timedelta(minutes=2)) is None
