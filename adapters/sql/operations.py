"""Read models of the console over the runtime's tables of one context."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.failed_message_search import conditions_of
from adapters.sql.failure_groups import first_line, masked
from adapters.sql.store import SqlStore
from adapters.sql.tables import attempt, delivery, event, failed_message, message, position
from ports.outbound.operations import (
    MOST_COUNTED,
    Backlog,
    FailedMessageChoices,
    FailedMessageGroup,
    FailedMessageHistory,
    FailedMessageRow,
    FailedMessageSearch,
    Place,
    ProjectionState,
    Throughput,
)
from ports.outbound.positions import ProjectionStatus

_LARGEST_PAGE = 200
_LARGEST_WALK = 1_000
_MOST_CHOICES = 100

# As in the index on the log, or it is not used.
log_key = sa.literal_column("(context || ':' || tenant || ':' || stream)", sa.Text())


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

    def places(
        self, search: FailedMessageSearch, *, limit: int, oldest_first: bool = False
    ) -> Sequence[Place]:
        at, own_id = _place_columns(deleted=search.deleted)
        order = (at, own_id) if oldest_first else (at.desc(), own_id.desc())
        query = (
            sa.select(at, own_id)
            .where(*self._conditions(search))
            .order_by(*order)
            .limit(max(0, min(limit, MOST_COUNTED)))
        )
        return [(row[0], row[1]) for row in self._all(query)]

    def rows(self, ids: Sequence[str]) -> Sequence[FailedMessageRow]:
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
        query = sa.select(
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
        ).where(*self._own(failed_message), table.id.in_(list(ids)[:_LARGEST_PAGE]))
        return [self._row(row) for row in self._all(query)]

    def _row(self, row: sa.Row[Any]) -> FailedMessageRow:
        values = dict(row._mapping)
        values["reason"] = first_line(values["reason"])
        values["readable"] = bool(values["readable"])
        return FailedMessageRow(context=self.context, **values)

    def neighbours(self, place: Place, *, deleted: bool) -> tuple[Place | None, Place | None]:
        at, own_id = _place_columns(deleted=deleted)
        conditions = self._conditions(FailedMessageSearch(deleted=deleted))
        here = sa.tuple_(sa.literal(place[0], at.type), sa.literal(place[1], own_id.type))
        there = sa.tuple_(at, own_id)
        query = sa.select(at, own_id).where(*conditions).limit(1)
        newer = self._all(query.where(there > here).order_by(at, own_id))
        older = self._all(query.where(there < here).order_by(at.desc(), own_id.desc()))
        return (
            (newer[0][0], newer[0][1]) if newer else None,
            (older[0][0], older[0][1]) if older else None,
        )

    def matching(
        self, search: FailedMessageSearch, *, after: str = "", limit: int
    ) -> Sequence[str]:
        query = (
            sa.select(failed_message.c.id)
            .where(*self._conditions(search), failed_message.c.id > after)
            .order_by(failed_message.c.id)
            .limit(max(0, min(limit, _LARGEST_WALK)))
        )
        return [row[0] for row in self._all(query)]

    def failed_groups(
        self, search: FailedMessageSearch, *, limit: int
    ) -> Sequence[FailedMessageGroup]:
        table = failed_message.c
        count = sa.func.count().label("failures")
        groups = (
            sa.select(
                table.signature,
                count,
                sa.func.min(table.failed_at).label("first"),
                sa.func.max(table.failed_at).label("last"),
                sa.func.max(table.id).label("sample"),
            )
            .where(*self._conditions(search))
            .group_by(table.signature)
            .order_by(count.desc(), table.signature)
            .limit(max(0, min(limit, _LARGEST_PAGE)))
            .subquery()
        )
        query = (
            sa.select(groups, table.endpoint, table.exception, table.reason)
            .join(groups, groups.c.sample == table.id)
            .where(*self._own(failed_message))
            .order_by(groups.c.failures.desc(), groups.c.signature)
        )
        return [
            FailedMessageGroup(
                context=self.context,
                group=row.signature,
                endpoint=row.endpoint,
                exception=row.exception,
                reason=masked(row.reason),
                count=row.failures,
                first_failed_at=row.first,
                last_failed_at=row.last,
            )
            for row in self._all(query)
        ]

    def failed_choices(self) -> FailedMessageChoices:
        return FailedMessageChoices(
            endpoints=self._choices(failed_message.c.endpoint),
            channels=self._choices(failed_message.c.channel),
            exceptions=self._choices(failed_message.c.exception),
        )

    def _choices(self, column: sa.Column[Any]) -> list[str]:
        # One walk along the groups' index finds a message of each cause; the rest is small.
        samples = (
            sa.select(sa.func.max(failed_message.c.id))
            .where(*self._own(failed_message), failed_message.c.deleted_at.is_(None))
            .group_by(failed_message.c.signature)
            .limit(_LARGEST_WALK)
        )
        query = (
            sa.select(column)
            .where(*self._own(failed_message), failed_message.c.id.in_(samples), column != "")
            .distinct()
            .order_by(column)
            .limit(_MOST_CHOICES)
        )
        return [row[0] for row in self._all(query)]

    def history(self, failed_message_id: str) -> FailedMessageHistory | None:
        unit = self._store.begin()
        try:
            failed = unit.failed_messages.find(failed_message_id)
            attempts = unit.failed_messages.attempts(failed_message_id)
        finally:
            unit.rollback()
        if failed is None and not attempts:
            return None
        return FailedMessageHistory(failed=failed, attempts=attempts)

    def last_failure(self) -> datetime | None:
        """Two looks, each at the end of an index."""
        times = [
            self._all(
                sa.select(failed_message.c.failed_at)
                .where(*self._conditions(FailedMessageSearch(deleted=deleted)))
                .order_by(_place_columns(deleted=deleted)[0].desc())
                .limit(1)
            )
            for deleted in (False, True)
        ]
        return max((rows[0][0] for rows in times if rows), default=None)

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
        delayed = sa.and_(column.delayed, sa.not_(column.handed_over))
        query = (
            sa.select(
                column.channel,
                sa.func.count().filter(ready).label("ready"),
                sa.func.count().filter(delayed).label("delayed"),
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
        lag, head, behind_since = 0, 0, None
        for stream in streams:
            # One at a time, so that each is a walk along the log's index.
            in_log = log_key == f"{self.context}:{self._tenant}:{stream}"
            unread = (
                sa.select(event.c.sent_at)
                .where(in_log, event.c.position > reached)
                .order_by(event.c.position)
                .limit(MOST_COUNTED)
                .subquery()
            )
            [(count, since)] = self._all(
                sa.select(sa.func.count(), sa.func.min(unread.c.sent_at)).select_from(unread)
            )
            [(newest,)] = self._all(sa.select(sa.func.max(event.c.position)).where(in_log))
            lag, head = min(lag + count, MOST_COUNTED), max(head, newest or 0)
            if since is not None:
                behind_since = min(since, behind_since or since)
        return ProjectionState(
            context=self.context,
            name=name,
            position=reached,
            head=head,
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
        return [*self._own(failed_message), *conditions_of(search)]

    def _all(self, query: Any) -> Sequence[Any]:
        with self._database.single() as connection:
            return connection.execute(query).all()


def _place_columns(*, deleted: bool) -> tuple[sa.Column[Any], sa.Column[Any]]:
    at = failed_message.c.deleted_at if deleted else failed_message.c.failed_at
    return at, failed_message.c.id
