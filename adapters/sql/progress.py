"""Heartbeats and jobs in the deployment's database."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import POSTGRESQL
from adapters.sql.operations_tables import heartbeat, job
from ports.outbound.operations import Heartbeat, Job


class SqlHeartbeats:
    """See :class:`ports.outbound.operations.Heartbeats`."""

    def __init__(self, database: DeploymentDatabase) -> None:
        self._database = database

    def beat(self, beat: Heartbeat) -> None:
        values = {
            "process": beat.process,
            "kind": beat.kind,
            "host": beat.host,
            "pid": beat.pid,
            "channels": json.dumps(list(beat.channels)),
            "started_at": beat.started_at,
            "seen_at": beat.seen_at,
            "handled": beat.handled,
            "failed": beat.failed,
            "handling": beat.handling,
            "handling_since": beat.handling_since,
        }
        with self._database.single() as connection:
            insert = _insert(connection, heartbeat).values(values)
            changed = {name: insert.excluded[name] for name in values if name != "process"}
            connection.execute(
                insert.on_conflict_do_update(index_elements=["process"], set_=changed)
            )

    def leave(self, process: str) -> None:
        with self._database.single() as connection:
            connection.execute(sa.delete(heartbeat).where(heartbeat.c.process == process))

    def all(self, *, limit: int = 200) -> Sequence[Heartbeat]:
        query = sa.select(heartbeat).order_by(heartbeat.c.seen_at.desc()).limit(limit)
        with self._database.single() as connection:
            return [_heartbeat(row) for row in connection.execute(query)]

    def purge(self, *, before: datetime) -> int:
        with self._database.single() as connection:
            return connection.execute(
                sa.delete(heartbeat).where(heartbeat.c.seen_at < before)
            ).rowcount


class SqlJobs:
    """See :class:`ports.outbound.operations.Jobs`."""

    def __init__(self, database: DeploymentDatabase) -> None:
        self._database = database

    def start(self, started: Job) -> bool:
        values = {column.name: getattr(started, column.name) for column in job.c}
        with self._database.single() as connection:
            # Asked by RETURNING: with psycopg SQLAlchemy knows no number of inserted rows.
            insert = (
                _insert(connection, job)
                .values(values)
                .on_conflict_do_nothing()
                .returning(sa.literal(1))
            )
            return connection.execute(insert).first() is not None

    def advance(self, job_id: str, *, done: int, failed: int = 0) -> None:
        with self._database.single() as connection:
            connection.execute(
                sa.update(job).where(job.c.id == job_id).values(done=done, failed=failed)
            )

    def finish(self, job_id: str, *, at: datetime, note: str = "") -> None:
        with self._database.single() as connection:
            connection.execute(
                sa.update(job).where(job.c.id == job_id).values(finished_at=at, note=note)
            )

    def find(self, job_id: str) -> Job | None:
        with self._database.single() as connection:
            row = connection.execute(sa.select(job).where(job.c.id == job_id)).one_or_none()
        return None if row is None else _job(row)

    def newest(self, *, kind: str = "", limit: int = 5) -> Sequence[Job]:
        query = (
            sa.select(job)
            .order_by(job.c.finished_at.is_(None).desc(), job.c.started_at.desc())
            .limit(max(0, min(limit, 100)))
        )
        if kind:
            query = query.where(job.c.kind == kind)
        with self._database.single() as connection:
            return [_job(row) for row in connection.execute(query)]

    def purge(self, *, before: datetime) -> int:
        with self._database.single() as connection:
            return connection.execute(sa.delete(job).where(job.c.started_at < before)).rowcount


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    dialect = postgresql if connection.dialect.name == POSTGRESQL else sqlite
    return dialect.insert(table)


def _heartbeat(row: sa.Row[Any]) -> Heartbeat:
    values = dict(row._mapping)
    values["channels"] = tuple(json.loads(values["channels"]))
    return Heartbeat(**values)


def _job(row: sa.Row[Any]) -> Job:
    return Job(**row._mapping)
