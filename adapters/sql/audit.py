"""The audit log in the deployment's database."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa

from adapters.sql.account_tables import audit
from adapters.sql.deployment import DeploymentDatabase
from ports.outbound.audit import (
    LARGEST_PAGE,
    LONGEST_REASON,
    NO_DETAILS,
    OUTCOME,
    Actor,
    AuditEntry,
    Outcome,
)


class SqlAuditLog:
    def __init__(self, database: DeploymentDatabase) -> None:
        self._database = database

    def record(
        self,
        actor: Actor,
        action: str,
        object: str,
        *,
        at: datetime,
        reason: str = "",
        details: Mapping[str, str] = NO_DETAILS,
    ) -> int:
        insert = (
            sa.insert(audit)
            .values(
                at=at,
                actor=actor.name,
                actor_id=actor.account_id,
                action=action,
                object=object,
                reason=reason[:LONGEST_REASON],
                details=_written(details),
            )
            .returning(audit.c.id)
        )
        with self._database.single() as connection:
            return int(connection.execute(insert).scalar_one())

    def conclude(self, entry_id: int, outcome: Outcome) -> None:
        its_own = audit.c.id == entry_id
        with self._database.writing() as connection:
            found = connection.scalar(sa.select(audit.c.details).where(its_own))
            if found is not None:
                details = {**json.loads(found), OUTCOME: outcome.value}
                connection.execute(
                    sa.update(audit).where(its_own).values(details=_written(details))
                )

    def joins(self) -> bool:
        return self._database.is_joined()

    def one_commit(self) -> AbstractContextManager[None]:
        return self._database.one_commit()

    def newest(
        self,
        *,
        limit: int,
        before: int | None = None,
        action: str = "",
        object: str = "",
    ) -> Sequence[AuditEntry]:
        query = sa.select(audit).order_by(audit.c.id.desc())
        if before is not None:
            query = query.where(audit.c.id < before)
        if action:
            query = query.where(audit.c.action == action)
        if object:
            query = query.where(audit.c.object == object)
        with self._database.single() as connection:
            rows = connection.execute(query.limit(max(0, min(limit, LARGEST_PAGE)))).all()
        return [
            AuditEntry(
                id=row.id,
                at=row.at,
                actor=Actor(name=row.actor, account_id=row.actor_id),
                action=row.action,
                object=row.object,
                reason=row.reason,
                details=json.loads(row.details),
            )
            for row in rows
        ]

    def purge(self, *, before: datetime, limit: int) -> int:
        old = (
            sa.select(audit.c.id)
            .where(audit.c.at < before)
            .order_by(audit.c.at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.single() as connection:
            return connection.execute(sa.delete(audit).where(audit.c.id.in_(old))).rowcount


def _written(details: Mapping[str, str]) -> str:
    return json.dumps(dict(details), sort_keys=True)
