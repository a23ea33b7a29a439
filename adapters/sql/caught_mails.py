"""Caught mails in a database."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.monitoring_tables import mail
from ports.outbound.caught_mails import CaughtMail, CaughtMailSummary

_LARGEST_PAGE = 200


class SqlCaughtMails:
    """See :class:`ports.outbound.caught_mails.CaughtMails`."""

    def __init__(self, database: DeploymentDatabase) -> None:
        self._database = database

    def keep(self, caught: CaughtMail) -> None:
        with self._database.single() as connection:
            connection.execute(
                sa.insert(mail).values(
                    mail_id=caught.id,
                    caught_at=caught.caught_at,
                    sender=caught.sender,
                    recipients=json.dumps(list(caught.recipients)),
                    subject=caught.subject,
                    message_id=caught.message_id,
                    search_text=" ".join(
                        (caught.subject, caught.sender, *caught.recipients)
                    ).lower(),
                    size=len(caught.raw),
                    raw=caught.raw,
                )
            )

    def find(self, mail_id: str) -> CaughtMail | None:
        with self._database.single() as connection:
            row = connection.execute(sa.select(mail).where(mail.c.mail_id == mail_id)).one_or_none()
        if row is None:
            return None
        return CaughtMail(
            id=row.mail_id,
            caught_at=row.caught_at,
            sender=row.sender,
            recipients=tuple(json.loads(row.recipients)),
            subject=row.subject,
            message_id=row.message_id,
            raw=bytes(row.raw),
        )

    def search(self, text: str = "", *, limit: int, offset: int = 0) -> Sequence[CaughtMailSummary]:
        columns = [column for column in mail.c if column.name != "raw"]
        query = (
            sa.select(*columns)
            .where(*_matching(text))
            .order_by(mail.c.row.desc())
            .limit(max(0, min(limit, _LARGEST_PAGE)))
            .offset(max(0, offset))
        )
        with self._database.single() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def count(self, text: str = "") -> int:
        query = sa.select(sa.func.count()).select_from(mail).where(*_matching(text))
        with self._database.single() as connection:
            return int(connection.execute(query).scalar_one())

    def newest(self) -> datetime | None:
        query = sa.select(mail.c.caught_at).order_by(mail.c.row.desc()).limit(1)
        with self._database.single() as connection:
            newest: datetime | None = connection.execute(query).scalar_one_or_none()
        return newest

    def delete(self, mail_id: str) -> bool:
        with self._database.single() as connection:
            gone = connection.execute(sa.delete(mail).where(mail.c.mail_id == mail_id)).rowcount
        return gone > 0

    def delete_all(self) -> int:
        with self._database.single() as connection:
            return connection.execute(sa.delete(mail)).rowcount

    def purge(self, *, before: datetime, limit: int) -> int:
        oldest = (
            sa.select(mail.c.row)
            .where(mail.c.caught_at < before)
            .order_by(mail.c.row)
            .limit(limit)
            .scalar_subquery()
        )
        with self._database.single() as connection:
            return connection.execute(sa.delete(mail).where(mail.c.row.in_(oldest))).rowcount


def _matching(text: str) -> list[sa.ColumnElement[bool]]:
    wanted = text.strip().lower()
    return [mail.c.search_text.contains(wanted, autoescape=True)] if wanted else []


def _summary(row: sa.Row[Any]) -> CaughtMailSummary:
    return CaughtMailSummary(
        id=row.mail_id,
        caught_at=row.caught_at,
        sender=row.sender,
        recipients=tuple(json.loads(row.recipients)),
        subject=row.subject,
        size=row.size,
    )
