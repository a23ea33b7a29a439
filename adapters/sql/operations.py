"""Read models of the console over the runtime's tables of one context."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.store import SqlStore
from adapters.sql.tables import attempt, delivery, event, failed_message, message, position
from ports.outbound.operations import (
    MOST_COUNTED,
    Backlog,
    FailedMessageChoices,
    FailedMessageDetails,
    FailedMessageGroup,
    FailedMessageRow,
    FailedMessageSearch,
    ProjectionState,
    Throughput,
)
from ports.outbound.positions import ProjectionStatus

_LARGEST_PAGE = 200
_MOST_CHOICES = 100
_MOST_REASONS = 2_000  # different ones that groups are made of
_LONGEST_LINE = 300  # characters of a reason in a list

# What varies between two failures with one cause.
_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|0x[0-9a-f]+|\b\d+(?:\.\d+)?\b|'[^']*'|\"[^\"]*\"|\S+@\S+",
    re.IGNORECASE,
)


def masked_reason(reason: str) -> str:
    return _VARYING.sub("…", reason.partition("\n")[0])[:_LONGEST_LINE]


class SqlOperations:
    """See :class:`ports.outbound.operations.OperationsView`."""

    def __init__(self, store: SqlStore) -> None:
        self.context = store.context
        self._store = store
        self._tenant = store.tenant
        self._database = DeploymentDatabase(store.engine)

    def count_failed(self, search: FailedMessageSearch) -> int:
        found = sa.select(sa.literal(1)).where(*self._conditions(search)).limit(MOST_COUNTED)
        return int(self._all(sa.select(sa.func.count()).select_from(found.subquery()))[0][0])

    def failed(
        self, search: FailedMessageSearch, *, limit: int, offset: int = 0
    ) -> Sequence[FailedMessageRow]:
        table = failed_message.c
        attempts = (
            sa.select(sa.func.count())
            .where(
                attempt.c.context == table.context,
                attempt.c.tenant == table.tenant,
                attempt.c.failed_message_id == table.id,
                attempt.c.outcome.in_(["retried", "failed"]),
            )
            .scalar_subquery()
        )
        order = table.deleted_at if search.deleted else table.failed_at
        query = (
            sa.select(
                table.id,
                table.message_id,
                table.endpoint,
                table.channel,
                table.name,
                table.exception,
                table.reason,
                attempts.label("attempts"),
                table.failed_at,
                table.deleted_at,
                table.delivery.is_not(None).label("readable"),
            )
            .where(*self._conditions(search))
            .order_by(order.desc(), table.id.desc())
            .limit(max(0, min(limit, _LARGEST_PAGE)))
            .offset(max(0, offset))
        )
        return [self._row(row) for row in self._all(query)]

    def _row(self, row: sa.Row[Any]) -> FailedMessageRow:
        values = dict(row._mapping)
        values["reason"] = values["reason"].partition("\n")[0][:_LONGEST_LINE]
        values["readable"] = bool(values["readable"])
        return FailedMessageRow(context=self.context, **values)

    def failed_groups(
        self, search: FailedMessageSearch, *, limit: int
    ) -> Sequence[FailedMessageGroup]:
        table = failed_message.c
        count = sa.func.count().label("failures")
        query = (
            sa.select(
                table.endpoint,
                table.exception,
                table.reason,
                count,
                sa.func.min(table.failed_at).label("first"),
                sa.func.max(table.failed_at).label("last"),
            )
            .where(*self._conditions(search))
            .group_by(table.endpoint, table.exception, table.reason)
            .order_by(count.desc())
            .limit(_MOST_REASONS)
        )
        groups: dict[tuple[str, str, str], FailedMessageGroup] = {}
        for row in self._all(query):
            key = (row.endpoint, row.exception, masked_reason(row.reason))
            known = groups.get(key)
            groups[key] = FailedMessageGroup(
                context=self.context,
                endpoint=row.endpoint,
                exception=row.exception,
                reason=key[2],
                count=row.failures + (known.count if known else 0),
                first_failed_at=min(row.first, known.first_failed_at) if known else row.first,
                last_failed_at=max(row.last, known.last_failed_at) if known else row.last,
            )
        found = sorted(groups.values(), key=lambda group: (-group.count, group.endpoint))
        return found[: max(0, limit)]

    def failed_choices(self) -> FailedMessageChoices:
        return FailedMessageChoices(
            endpoints=self._choices(failed_message.c.endpoint),
            channels=self._choices(failed_message.c.channel),
            exceptions=self._choices(failed_message.c.exception),
        )

    def _choices(self, column: sa.Column[Any]) -> list[str]:
        query = (
            sa.select(column)
            .where(*self._own(failed_message), column != "")
            .distinct()
            .order_by(column)
            .limit(_MOST_CHOICES)
        )
        return [row[0] for row in self._all(query)]

    def failed_details(self, failed_message_id: str) -> FailedMessageDetails | None:
        unit = self._store.begin()
        try:
            failed = unit.failed_messages.find(failed_message_id)
            if failed is None:
                return None
            attempts = unit.failed_messages.attempts(failed_message_id)
        finally:
            unit.rollback()
        newer, older = self._neighbours(
            failed.failure.failed_at, failed.id, deleted=failed.deleted_at is not None
        )
        return FailedMessageDetails(failed=failed, attempts=attempts, newer=newer, older=older)

    def _neighbours(self, at: datetime, own_id: str, *, deleted: bool) -> tuple[str, str]:
        table = failed_message.c
        place = sa.tuple_(table.failed_at, table.id)
        here = sa.tuple_(sa.literal(at, table.failed_at.type), sa.literal(own_id, table.id.type))
        conditions = self._conditions(FailedMessageSearch(deleted=deleted))
        newer = (
            sa.select(table.id)
            .where(*conditions, place > here)
            .order_by(table.failed_at, table.id)
            .limit(1)
        )
        older = (
            sa.select(table.id)
            .where(*conditions, place < here)
            .order_by(table.failed_at.desc(), table.id.desc())
            .limit(1)
        )
        found = [self._all(newer), self._all(older)]
        return tuple(rows[0][0] if rows else "" for rows in found)  # type: ignore[return-value]

    def last_failure(self) -> datetime | None:
        query = sa.select(sa.func.max(failed_message.c.failed_at)).where(*self._own(failed_message))
        newest: datetime | None = self._all(query)[0][0]
        return newest

    def backlog(self) -> Sequence[Backlog]:
        bounded = (
            sa.select(message)
            .where(*self._own(message))
            .order_by(message.c.id)
            .limit(MOST_COUNTED)
            .subquery()
        )
        column = bounded.c
        ready = sa.and_(sa.not_(column.delayed), sa.not_(column.handed_over))
        query = (
            sa.select(
                column.channel,
                sa.func.count().filter(ready).label("ready"),
                sa.func.count().filter(column.delayed).label("delayed"),
                sa.func.count().filter(column.handed_over).label("handed_over"),
                sa.func.count().filter(column.hand_overs > 0).label("struggling"),
                sa.func.min(column.created_at).filter(ready).label("oldest_at"),
            )
            .group_by(column.channel)
            .order_by(column.channel)
        )
        return [Backlog(**row._mapping) for row in self._all(query)]

    def throughput(self, since: datetime) -> Sequence[Throughput]:
        table = delivery.c
        recent = (
            sa.select(table.endpoint)
            .where(*self._own(delivery), table.state == "done", table.updated_at >= since)
            .limit(MOST_COUNTED)
            .subquery()
        )
        query = (
            sa.select(recent.c.endpoint, sa.func.count())
            .group_by(recent.c.endpoint)
            .order_by(recent.c.endpoint)
        )
        return [Throughput(endpoint=name, done=count) for name, count in self._all(query)]

    def projections(
        self, streams: Sequence[tuple[str, Sequence[str]]]
    ) -> Sequence[ProjectionState]:
        query = sa.select(position).where(*self._own(position))
        known = {row.projection: row for row in self._all(query)}
        return [self._projection(name, read, known.get(name)) for name, read in streams]

    def _projection(
        self, name: str, streams: Sequence[str], row: sa.Row[Any] | None
    ) -> ProjectionState:
        reached = row.position if row else 0
        unread = (
            sa.select(event.c.sent_at)
            .where(*self._own(event), event.c.stream.in_(list(streams)), event.c.position > reached)
            .order_by(event.c.position)
            .limit(MOST_COUNTED)
            .subquery()
        )
        [(lag, behind_since)] = self._all(
            sa.select(sa.func.count(), sa.func.min(unread.c.sent_at)).select_from(unread)
        )
        return ProjectionState(
            context=self.context,
            name=name,
            position=reached,
            lag=lag,
            status=ProjectionStatus(row.status) if row else ProjectionStatus.RUNNING,
            error=row.error if row else "",
            rebuild_target=row.rebuild_target if row else 0,
            advanced_at=row.advanced_at if row else None,
            behind_since=behind_since,
        )

    def _own(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        return [table.c.context == self.context, table.c.tenant == self._tenant]

    def _conditions(self, search: FailedMessageSearch) -> list[sa.ColumnElement[bool]]:
        table = failed_message.c
        found = self._own(failed_message)
        found.append(
            table.deleted_at.is_not(None) if search.deleted else table.deleted_at.is_(None)
        )
        for wanted, column in (
            (search.endpoint, table.endpoint),
            (search.channel, table.channel),
            (search.exception, table.exception),
        ):
            if wanted:
                found.append(column == wanted)
        if search.since is not None:
            found.append(table.failed_at >= search.since)
        if search.until is not None:
            found.append(table.failed_at < search.until)
        text = search.text.strip()
        if text:
            found.append(
                table.reason.icontains(text, autoescape=True)
                | table.exception.icontains(text, autoescape=True)
                | (table.id == text)
                | (table.message_id == text)
                | (table.correlation_id == text)
            )
        return found

    def _all(self, query: Any) -> Sequence[Any]:
        with self._database.single() as connection:
            return connection.execute(query).all()
