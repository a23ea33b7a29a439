"""Counters of rate limits in the deployment's database, shared by every process of it.

A storage for the library ``limits``, on which Flask-Limiter rests. It counts in fixed windows: the
first hit opens one, and all hits within it are counted by one atomic statement each.
"""

import hashlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from limits.storage import Storage

from adapters.sql.account_tables import rate_limit
from adapters.sql.accounts import upsert
from adapters.sql.deployment import DeploymentDatabase
from ports.outbound.time import Clock

SCHEME = "thicket-sql"
# Cleaning up rides along with counting, so that nobody has to remember it.
_CLEAN_EVERY = 200
_CLEAN_AT_ONCE = 1000


class SqlRateLimits(Storage):
    """Made by the library from ``storage_uri="thicket-sql://"`` and the ``storage_options``
    ``database`` and ``clock``."""

    STORAGE_SCHEME = [SCHEME]

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,
        *,
        database: DeploymentDatabase,
        clock: Clock,
        **_: Any,
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._database = database
        self._clock = clock
        self._hits_until_cleaning = _CLEAN_EVERY

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (sa.exc.SQLAlchemyError,)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` hits, which may be negative to take some back, and return how many the
        window has now. ``expiry`` is its length in seconds, heard only by the first hit."""
        now = self._clock.now()
        begun_anew = rate_limit.c.expires_at <= now
        with self._database.single() as connection:
            insert = upsert(connection)(rate_limit).values(
                key=_digest(key), hits=amount, expires_at=now + timedelta(seconds=expiry)
            )
            counted: int = connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[rate_limit.c.key],
                    set_={
                        "hits": sa.case(
                            (begun_anew, insert.excluded.hits),
                            else_=rate_limit.c.hits + insert.excluded.hits,
                        ),
                        "expires_at": sa.case(
                            (begun_anew, insert.excluded.expires_at),
                            else_=rate_limit.c.expires_at,
                        ),
                    },
                ).returning(rate_limit.c.hits)
            ).scalar_one()
        self._hits_until_cleaning -= 1
        if self._hits_until_cleaning <= 0:
            self._hits_until_cleaning = _CLEAN_EVERY
            self.purge(limit=_CLEAN_AT_ONCE)
        return counted

    def get(self, key: str) -> int:
        with self._database.single() as connection:
            hits: int | None = connection.scalar(
                sa.select(rate_limit.c.hits).where(
                    rate_limit.c.key == _digest(key), rate_limit.c.expires_at > self._clock.now()
                )
            )
        return hits or 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970; now when none is open."""
        now = self._clock.now()
        with self._database.single() as connection:
            ends = connection.scalar(
                sa.select(rate_limit.c.expires_at).where(rate_limit.c.key == _digest(key))
            )
        return max(ends or now, now).timestamp()

    def check(self) -> bool:
        with self._database.single() as connection:
            return connection.scalar(sa.select(1)) == 1

    def reset(self) -> int:
        with self._database.single() as connection:
            return connection.execute(sa.delete(rate_limit)).rowcount

    def clear(self, key: str) -> None:
        with self._database.single() as connection:
            connection.execute(sa.delete(rate_limit).where(rate_limit.c.key == _digest(key)))

    def purge(self, *, limit: int) -> int:
        """Forget at most ``limit`` windows that are over, and return how many."""
        is_over = rate_limit.c.expires_at <= self._clock.now()
        old = (
            sa.select(rate_limit.c.key)
            .where(is_over)
            .order_by(rate_limit.c.expires_at)
            .limit(limit)
            # Two that clean at once share the work, and neither waits for somebody who counts.
            .with_for_update(skip_locked=True)
        )
        with self._database.single() as connection:
            return connection.execute(
                sa.delete(rate_limit).where(rate_limit.c.key.in_(old), is_over)
            ).rowcount


def _digest(key: str) -> str:
    """Keys are as long as what visitors send, and may hold their addresses."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
