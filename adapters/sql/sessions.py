"""Sessions in the deployment's database: one look-up by primary key for a request."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from adapters.sql.account_tables import account, session
from adapters.sql.accounts import ACCOUNT_COLUMNS, digest, is_storable, new_token, to_account
from adapters.sql.deployment import DeploymentDatabase
from ports.outbound.sessions import (
    LONGEST_CLIENT,
    MOST_LISTED,
    Session,
    SessionLifetimes,
    SignedIn,
)
from ports.outbound.time import Clock

# Not every request of a busy page shall write.
_SEEN_EVERY = timedelta(minutes=1)

_SESSION_COLUMNS = (
    session.c.token_digest,
    session.c.client,
    session.c.began_at,
    session.c.seen_at,
    session.c.expires_at,
)


class SqlSessions:
    def __init__(
        self,
        database: DeploymentDatabase,
        *,
        clock: Clock,
        lifetimes: SessionLifetimes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lifetimes = lifetimes

    def begin(
        self, account_id: str, *, generation: int, client: str = "", replaces: str = ""
    ) -> str:
        now = self._clock.now()
        token = new_token()
        with self._database.writing() as connection:
            connection.execute(
                sa.update(account)
                .where(account.c.account_id == account_id)
                .values(signed_in_at=now)
            )
            connection.execute(
                sa.delete(session).where(
                    sa.or_(
                        session.c.token_digest == digest(replaces),
                        sa.and_(session.c.account_id == account_id, session.c.expires_at <= now),
                    )
                )
            )
            connection.execute(
                sa.insert(session).values(
                    token_digest=digest(token),
                    account_id=account_id,
                    generation=generation,
                    client=client[:LONGEST_CLIENT],
                    began_at=now,
                    seen_at=now,
                    expires_at=now + self._lifetimes.absolute,
                )
            )
        return token

    def find(self, token: str) -> SignedIn | None:
        now = self._clock.now()
        with self._database.single() as connection:
            row = connection.execute(
                sa.select(*ACCOUNT_COLUMNS, *_SESSION_COLUMNS)
                .join_from(session, account)
                .where(session.c.token_digest == digest(token), self._is_open())
            ).first()
            if row is None:
                return None
            if now - row.seen_at >= _SEEN_EVERY:
                connection.execute(
                    sa.update(session)
                    .where(session.c.token_digest == row.token_digest, session.c.seen_at < now)
                    .values(seen_at=now)
                )
        return SignedIn(account=to_account(row), session=_to_session(row))

    def end(self, token: str) -> None:
        with self._database.single() as connection:
            connection.execute(sa.delete(session).where(session.c.token_digest == digest(token)))

    def end_one(self, account_id: str, session_id: str) -> bool:
        if not is_storable(session_id):
            return False
        with self._database.single() as connection:
            ended = connection.execute(
                sa.delete(session).where(
                    session.c.token_digest == session_id, session.c.account_id == account_id
                )
            )
            return ended.rowcount == 1

    def end_all(self, account_id: str) -> None:
        with self._database.single() as connection:
            connection.execute(sa.delete(session).where(session.c.account_id == account_id))

    def of_account(self, account_id: str) -> Sequence[Session]:
        with self._database.single() as connection:
            rows = connection.execute(
                sa.select(session.c.account_id, *_SESSION_COLUMNS)
                .join_from(session, account)
                .where(session.c.account_id == account_id, self._is_open())
                .order_by(session.c.seen_at.desc(), session.c.token_digest)
                .limit(MOST_LISTED)
            ).all()
        return [_to_session(row) for row in rows]

    def purge(self, *, limit: int) -> int:
        with self._database.single() as connection:
            old = (
                sa.select(session.c.token_digest)
                .where(session.c.expires_at <= self._clock.now())
                .order_by(session.c.expires_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            return connection.execute(
                sa.delete(session).where(session.c.token_digest.in_(old))
            ).rowcount

    def _is_open(self) -> sa.ColumnElement[bool]:
        now = self._clock.now()
        return sa.and_(
            account.c.active,
            account.c.generation == session.c.generation,
            session.c.expires_at > now,
            session.c.seen_at > now - self._lifetimes.idle,
        )


def _to_session(row: Any) -> Session:
    return Session(
        session_id=row.token_digest,
        account_id=row.account_id,
        client=row.client,
        began_at=row.began_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
